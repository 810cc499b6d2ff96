"""One bare repository per project, filled from the database and thrown away without loss.

Its mark says up to which sequence number it holds everything, under which boot, and of which project:
the cache is never synced to disk, so after a restart of the machine it is made anew, and so is one that
a deleted project of the same name has left. Another process may fill, drop or delete it at any moment;
whoever meets a gap drops it and fills once more.
"""

import asyncio
import contextlib
import fcntl
import os
import re
import secrets
import shutil
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from functools import cache as remembered
from pathlib import Path

import pygit2
from pygit2.enums import RepositoryOpenFlag

from keelway import faults
from keelway.fragments.errors import CacheBroken
from keelway.fragments.pack import GitObject, Joiner
from keelway.git.command import GitError, git

MARK = "keelway-mark"
TRIES = 5
"""Removing a big folder takes a while, and takes what is made anew inside it as well."""
LOOSE = 2560
"""Loose objects from which on `tidy` packs them."""
NUMBERED = re.compile(r"\d+\.git")
_CONFIG = "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = true\n"

Source = Callable[[int], AsyncGenerator[tuple[int, int, bytes]]]
"""Rows after a sequence number: objects in all rows together, last number of the row, body."""

BROKEN = (GitError, OSError, KeyError, ValueError, pygit2.GitError)
"""How a repository that somebody removed or damaged shows itself."""


@remembered
def boot_id() -> str:
    """Which run of the machine this is."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


class Cache:
    """The repository at `path`; `source` streams what the database has after a number.

    `key` is the project's internal number, which is never given to another; `label` its id.
    """

    def __init__(self, path: Path, source: Source, key: int, label: str) -> None:
        self.path = path
        self.source = source
        self.key = key
        self.label = label
        self._inside = asyncio.Lock()
        self._open: tuple[int, pygit2.Repository] | None = None

    def have(self) -> int:
        """Up to which number the repository is complete; -1: none of this boot and this project."""
        try:
            number, boot, key = (self.path / MARK).read_text().split()
            return int(number) if (boot, int(key)) == (boot_id(), self.key) else -1
        except (OSError, ValueError):
            return -1

    async def at_least(self, seq: int) -> pygit2.Repository:
        """The repository, holding everything up to `seq`.

        Raises:
            CacheBroken: The database does not (yet) have what it should, or it is damaged.
        """
        for attempt in range(TRIES):
            try:
                if self.have() < seq:
                    await self._fill_up(seq)
                return self._repository()
            except BROKEN as error:
                await self.drop()
                await asyncio.sleep(0.02 * attempt)
                if attempt == TRIES - 1:
                    raise CacheBroken("The versions could not be read.", seq=seq) from error
        raise AssertionError

    def add(self, seq: int, objects: Sequence[GitObject]) -> None:
        """After a commit: the new objects, then the mark. Skipped whenever anything is in the way."""
        if self._inside.locked():
            return
        try:
            with _try_lock(self._lock_path) as locked:
                if locked and self.have() == seq - 1:
                    folder = os.open(self.path, os.O_DIRECTORY)
                    try:
                        odb = self._repository().odb
                        for each in objects:
                            odb.write(each.kind, each.data)
                        faults.point("cache.before_mark")
                        self._mark(folder, seq)
                    finally:
                        os.close(folder)
        except BROKEN:
            self._open = None  # the next reader fills

    async def tidy(self) -> None:
        """Own writes leave 6 to 9 loose files each; when there are many, pack them, keeping all."""
        if await asyncio.to_thread(_loose, self.path) < LOOSE:
            return
        async with self.locked():
            try:
                if self.have() >= 0:  # -k keeps what no ref reaches: here, everything
                    await git("repack", "-adkq", repository=self.path, seconds=600)
            except BROKEN:
                self._drop()

    async def publish(self, heads: Mapping[str, str], current: str) -> Path:
        """Write the refs, all at once and never one by one: a ref may lag, but never point nowhere."""
        lines = [f"{sha} refs/heads/{name}\n" for name, sha in sorted(heads.items())]
        async with self.locked():
            if self.have() < 0:
                raise FileNotFoundError(
                    self.path
                )  # removed, or another project's, since it was filled
            _replace(self.path / "packed-refs", "# pack-refs with: sorted\n" + "".join(lines))
            _replace(self.path / "HEAD", f"ref: refs/heads/{current}\n")
        return self.path

    async def drop(self) -> None:
        """Remove the repository: renamed first, because a left-over git may still write into it."""
        async with self.locked():
            self._drop()

    async def take(self, other: "Cache") -> None:
        """Put this project's repository, filled under another name, in its place here."""
        async with self.locked(), other.locked():
            if other.have() >= 0:
                other.close()
                self._drop()
                _replace(other.path / "description", self.label)
                other.path.rename(self.path)

    @asynccontextmanager
    async def locked(self) -> AsyncGenerator[None]:
        """Nobody else fills, drops or tidies, in this process or another."""
        async with self._inside:
            pause = 0.002
            while True:
                with _try_lock(self._lock_path) as locked:
                    if locked:
                        yield
                        return
                await asyncio.sleep(pause)
                pause = min(pause * 1.5, 0.05)

    async def remove(self) -> None:
        """The project is gone for good: so are its repository and, while it is held, the lock file."""
        async with self.locked():
            if self.have() >= 0 or not _marked(self.path):
                self._drop()
            self._sweep()
            self._lock_path.unlink(missing_ok=True)

    def close(self) -> None:
        """Let go of open files."""
        if self._open is not None:
            self._open[1].free()
            self._open = None

    @property
    def _lock_path(self) -> Path:
        return self.path.with_name(self.path.name + ".lock")

    def _repository(self) -> pygit2.Repository:
        inode = self.path.stat().st_ino
        if self._open is None or self._open[0] != inode:
            self._open = (inode, open_repository(self.path))
        return self._open[1]

    async def _fill_up(self, seq: int) -> None:
        async with self.locked():
            have = self.have()
            if have < 0:
                await self._rebuild()
            elif have < seq:
                await self._fill(self.path, have)
            if self.have() < seq:
                raise CacheBroken("The database lags behind what was asked of it.", seq=seq)

    async def _rebuild(self) -> None:
        """Made aside, renamed into place."""
        self._drop()
        self._sweep()
        aside = self.path.with_name(f"{self.path.name}.new-{secrets.token_hex(6)}")
        create_repository(aside)
        _replace(aside / "description", self.label)
        await self._fill(aside, -1)
        aside.rename(self.path)

    async def _fill(self, repository: Path, have: int) -> None:
        """Everything after `have` as one pack, then the mark."""
        folder = os.open(repository, os.O_DIRECTORY)
        try:
            last = await self._index(repository, have)
            faults.point("cache.before_mark")
            self._mark(folder, max(last, 0))
        finally:
            os.close(folder)

    async def _index(self, repository: Path, have: int) -> int:
        last = have
        async with aclosing(self.source(have)) as rows:
            first = await anext(rows, None)
            if first is None:
                return last

            async def stream() -> AsyncIterator[bytes]:
                nonlocal last
                joiner = Joiner(first[0])
                yield joiner.header
                last = first[1]
                yield joiner.add(first[2])
                async for _, seq, body in rows:
                    last = seq
                    yield joiner.add(body)
                yield joiner.trailer()

            await git("index-pack", "--stdin", repository=repository, stdin=stream(), seconds=600)
        return last

    def _mark(self, folder: int, seq: int) -> None:
        """By rename, inside that very folder: if it was replaced meanwhile, the new one is left alone."""
        name = f"{MARK}.{secrets.token_hex(6)}"
        file = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600, dir_fd=folder)
        try:
            os.write(file, f"{seq} {boot_id()} {self.key}".encode())
        finally:
            os.close(file)
        os.rename(name, MARK, src_dir_fd=folder, dst_dir_fd=folder)

    def _drop(self) -> None:
        self.close()
        gone = self.path.with_name(f"{self.path.name}.gone-{secrets.token_hex(6)}")
        try:
            self.path.rename(gone)
        except FileNotFoundError:
            return
        shutil.rmtree(gone, ignore_errors=True)

    def _sweep(self) -> None:
        """What a killed process left beside; the lock is held, so nobody is using it."""
        for pattern in ("gone-*", "new-*"):
            for left in self.path.parent.glob(f"{self.path.name}.{pattern}"):
                shutil.rmtree(left, ignore_errors=True)


def open_repository(path: Path) -> pygit2.Repository:
    return pygit2.Repository(path, RepositoryOpenFlag.BARE | RepositoryOpenFlag.NO_SEARCH)


def create_repository(path: Path) -> None:
    """An empty bare repository without hooks, templates or anybody's configuration."""
    for folder in ("objects/info", "objects/pack", "refs/heads"):
        (path / folder).mkdir(parents=True)
    (path / "config").write_text(_CONFIG)
    (path / "HEAD").write_text("ref: refs/heads/main\n")


def _loose(path: Path) -> int:
    """How many loose objects there are, from one folder of 256; 0 without a repository."""
    try:
        return 256 * sum(1 for _ in (path / "objects" / "17").iterdir())
    except OSError:
        return 0


def _replace(path: Path, text: str) -> None:
    aside = path.with_name(f"{path.name}.{secrets.token_hex(6)}")
    aside.write_text(text, errors="backslashreplace")
    aside.rename(path)


def _marked(path: Path) -> bool:
    """Whether this is some project's repository, of today's form."""
    try:
        return len((path / MARK).read_text().split()) == 3
    except (OSError, ValueError):
        return False


def remove_numbered(folder: Path) -> None:
    """Remove the caches of before projects' ids named them: `7.git`, with a mark that names nobody."""
    try:
        names = [each.name for each in os.scandir(folder)]
    except OSError:
        return
    for name in names:
        if NUMBERED.fullmatch(name) and not _marked(folder / name):
            remove_unlocked(folder / name)


def remove_unlocked(path: Path) -> None:
    """Remove a repository and its lock file, unless somebody is using it right now."""
    lock = path.with_name(path.name + ".lock")
    with _try_lock(lock) as locked:
        if locked:
            gone = path.with_name(f"{path.name}.gone-{secrets.token_hex(6)}")
            with contextlib.suppress(FileNotFoundError):
                path.rename(gone)
            shutil.rmtree(gone, ignore_errors=True)
            lock.unlink(missing_ok=True)


class _try_lock:  # noqa: N801  # reads as a verb at its two uses
    """flock without waiting; True when held. It dies with its process, as git's own locks do not."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.file = -1

    def __enter__(self) -> bool:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.file = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Somebody may have removed the file, and another made a new one, while we waited.
            return self.path.stat().st_ino == os.fstat(self.file).st_ino
        except OSError:
            return False

    def __exit__(self, *_: object) -> None:
        os.close(self.file)
