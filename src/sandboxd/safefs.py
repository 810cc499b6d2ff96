"""A sandbox's files, read and written from outside while hostile code inside moves everything about.

Every path is the sandbox's own absolute path. Nothing is checked first and used later: a directory is opened
(never leaving the sandbox, `runtime/openat.py`), and from then on everything happens on that descriptor.
"""

import errno
import os
import secrets
import stat as modes
from collections.abc import AsyncIterable, AsyncIterator, Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import translate
from re import compile as compiled
from typing import ParamSpec, TypeVar

from sandboxd.runtime import openat, trees
from sandboxd.runtime.owner import acquire, as_owner, as_owner_now

P = ParamSpec("P")
T = TypeVar("T")

READ_LIMIT = 64 * 1024 * 1024  # bytes that `read` returns at most; longer files are streamed
CHUNK = 256 * 1024
LIST_LIMIT = 200_000  # names in one answer
SEARCH_LIMIT = 10_000
_LINKS = 40  # as many as the kernel follows
_PINNED = os.O_PATH
_FOLDER = os.O_PATH | os.O_DIRECTORY


@dataclass(frozen=True, slots=True)
class FileStat:
    """What one name is. `mode` is st_mode, `mtime` seconds; `link_target` is set for a symbolic link."""

    name: str
    path: str
    is_dir: bool
    size: int
    mode: int
    mtime: float
    uid: int
    gid: int
    link_target: str | None


class SafeFiles:
    """The verbs. `root` is a descriptor of the sandbox's `/`, `owner` the host (uid, gid) of its files.

    All raise OSError's own subclasses with the sandbox's path as the file name: FileNotFoundError,
    IsADirectoryError, NotADirectoryError, PermissionError, FileExistsError; ELOOP for endless and magic
    links, EFBIG for answers too large to hold. Nothing in /proc, /sys or a device is ever opened.
    """

    def __init__(self, root: int, owner: tuple[int, int]) -> None:
        self._root = root
        self._owner = owner

    async def stat(self, path: str) -> FileStat:
        """What `path` leads to, links followed; a link that leads nowhere is described itself."""
        return await self._do(path, _stat, path)

    async def list(self, path: str, depth: int = 1) -> list[FileStat]:
        """The entries below a folder, `depth` levels, parents before children; links not followed."""
        return await self._do(path, _list, path, depth)

    async def read(self, path: str, limit: int | None = None) -> bytes:
        """A regular file's bytes; EFBIG when they are more than `limit` (default READ_LIMIT)."""
        return await self._do(path, _read, path, READ_LIMIT if limit is None else limit)

    def open_read(self, path: str) -> int:
        """A descriptor for reading a regular file, for streaming; the caller closes it."""
        with _named(path):
            return as_owner_now(self._owner, _open_read, self._root, path)

    async def read_chunks(self, path: str) -> AsyncIterator[bytes]:
        """A regular file's bytes as they come, however long it is."""
        with _named(path):
            descriptor = await acquire(self._owner, lambda: _open_read(self._root, path), os.close)
        try:
            while chunk := await as_owner(self._owner, os.read, descriptor, CHUNK):
                yield chunk
        finally:
            os.close(descriptor)

    async def write(self, path: str, chunks: AsyncIterable[bytes]) -> int:
        """Replace or create a file in one step once all chunks are here; returns its size in bytes.

        Parents are made (0755), a new file is 0644, an existing one keeps its mode, a symbolic link is
        written through. If anything fails the old file is untouched and nothing is left beside it.
        """
        with _named(path):
            draft = await acquire(self._owner, lambda: _start_draft(self._root, path), _Draft.close)
        try:
            size = 0
            async for chunk in chunks:
                size += len(chunk)
                if chunk:
                    with _named(path):
                        await as_owner(self._owner, draft.write, chunk)
            with _named(path):
                await as_owner(self._owner, draft.publish)
            return size
        finally:
            await as_owner(self._owner, draft.close)

    async def mkdir(self, path: str, mode: int = 0o755) -> None:
        """Make a folder and its parents; an existing folder is fine."""
        await self._do(path, _mkdir, path, mode)

    async def remove(self, path: str, recursive: bool = False) -> None:
        """Remove a file or link; a folder only when `recursive`, else IsADirectoryError."""
        await self._do(path, _remove, path, recursive)

    async def move(self, source: str, target: str) -> None:
        """Rename; FileExistsError when `target` exists. A link is moved itself."""
        await self._do(source, _move, source, target)

    async def chmod(self, path: str, mode: int) -> None:
        """Set the permissions of a file or folder, links followed."""
        await self._do(path, _chmod, path, mode)

    async def search(self, path: str, pattern: str) -> "list[str]":
        """Absolute paths below a folder whose name matches a glob, or contains `pattern` if it is none.

        A glob with a slash is matched against the path relative to the folder. At most SEARCH_LIMIT.
        """
        return await self._do(path, _search, path, pattern)

    async def _do(self, path: str, call: Callable[..., T], *args: object) -> T:
        with _named(path):
            return await as_owner(self._owner, call, self._root, *args)


@contextmanager
def _named(path: str) -> Generator[None]:
    """Let errors speak of the sandbox's path, not of descriptors and temporary names."""
    try:
        yield
    except OSError as error:
        if error.errno is None:
            raise
        raise OSError(error.errno, error.strerror, path) from error


@contextmanager
def _opened(root: int, path: str, flags: int) -> Generator[int]:
    descriptor = openat.open_in_root(root, path, flags)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


# What follows runs in the owner's threads.


def _stat(root: int, path: str) -> FileStat:
    with _opened(root, path, _PINNED | os.O_NOFOLLOW) as name:
        info = os.fstat(name)
        if not modes.S_ISLNK(info.st_mode):
            return _described(path, info, None)
        target = os.readlink(b"", dir_fd=name)
    try:
        with _opened(root, path, _PINNED) as followed:
            info = os.fstat(followed)
    except OSError as error:
        if error.errno not in {errno.ENOENT, errno.ELOOP, errno.ENOTDIR, errno.EACCES}:
            raise
    return _described(path, info, os.fsdecode(target))


def _described(path: str, info: os.stat_result, link_target: str | None) -> FileStat:
    return FileStat(
        name=path.rstrip("/").rpartition("/")[2] or "/",
        path=path,
        is_dir=modes.S_ISDIR(info.st_mode),
        size=info.st_size,
        mode=info.st_mode,
        mtime=info.st_mtime,
        uid=info.st_uid,
        gid=info.st_gid,
        link_target=link_target,
    )


def _list(root: int, path: str, depth: int) -> list[FileStat]:
    entries: list[FileStat] = []
    with _opened(root, path, _FOLDER) as folder:
        openat.refuse_pseudo(folder, path)
        for found in trees.walk(folder, depth):
            if len(entries) == LIST_LIMIT:
                raise OSError(errno.EFBIG, "Too many files to list at once", path)
            entries.append(_described(_join(path, found.path), found.info, found.link_target))
    return entries


def _search(root: int, path: str, pattern: str) -> list[str]:
    matches = _matcher(pattern)
    hits: list[str] = []
    with _opened(root, path, _FOLDER) as folder:
        openat.refuse_pseudo(folder, path)
        for found in trees.walk(folder):
            if matches(found.path):
                hits.append(_join(path, found.path))
                if len(hits) == SEARCH_LIMIT:
                    break
    return hits


def _matcher(pattern: str) -> Callable[[str], bool]:
    if not any(sign in pattern for sign in "*?["):
        return lambda path: pattern in path.rpartition("/")[2]
    glob = compiled(translate(pattern)).match
    if "/" in pattern:
        return lambda path: glob(path) is not None
    return lambda path: glob(path.rpartition("/")[2]) is not None


def _open_read(root: int, path: str) -> int:
    with _opened(root, path, _PINNED) as pinned:
        openat.regular(pinned, path)
        return openat.reopen(pinned, os.O_RDONLY | os.O_NONBLOCK)


def _read(root: int, path: str, limit: int) -> bytes:
    descriptor = _open_read(root, path)
    try:
        if os.fstat(descriptor).st_size > limit:
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), path)
        data = bytearray()
        while chunk := os.read(descriptor, CHUNK):
            data += chunk
            if len(data) > limit:  # it grew while we read
                raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), path)
        return bytes(data)
    finally:
        os.close(descriptor)


@dataclass(slots=True)
class _Draft:
    """A file being written beside the one it will replace."""

    folder: int
    file: int
    temporary: str
    name: str
    mode: int
    published: bool = False

    def write(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self.file, rest) :]

    def publish(self) -> None:
        os.fchmod(self.file, self.mode)
        os.rename(self.temporary, self.name, src_dir_fd=self.folder, dst_dir_fd=self.folder)
        self.published = True

    def close(self) -> None:
        os.close(self.file)
        try:
            if not self.published:
                os.unlink(self.temporary, dir_fd=self.folder)
        except FileNotFoundError:
            pass  # the sandbox took it away itself
        finally:
            os.close(self.folder)


def _start_draft(root: int, path: str) -> _Draft:
    folder, name, mode = _destination(root, path)
    try:
        temporary = f".sandboxd-{secrets.token_hex(8)}"  # short: the name itself may have 255 bytes
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        file = os.open(temporary, flags, 0o600, dir_fd=folder)
    except BaseException:
        os.close(folder)
        raise
    return _Draft(folder, file, temporary, name, mode)


def _destination(root: int, path: str) -> tuple[int, str, int]:
    """Where a write to `path` really goes, links followed: its folder, its name there, its mode."""
    _mkdir(root, _split(path)[0], 0o755)
    for _ in range(_LINKS):
        parent, name = _split(path)
        folder = openat.open_in_root(root, parent, _FOLDER)
        try:
            openat.refuse_pseudo(folder, path)
            info = _lstat(name, folder)
            if info is None:
                return folder, name, 0o644
            if not modes.S_ISLNK(info.st_mode):
                _refuse_to_replace(info, path)
                return folder, name, modes.S_IMODE(info.st_mode) & 0o777
            target = os.readlink(name, dir_fd=folder)
        except BaseException:
            os.close(folder)
            raise
        os.close(folder)
        path = target if target.startswith("/") else _join(parent, target)
    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)


def _refuse_to_replace(info: os.stat_result, path: str) -> None:
    if modes.S_ISDIR(info.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
    if not modes.S_ISREG(info.st_mode):
        raise PermissionError(errno.EACCES, "Not a regular file", path)


def _mkdir(root: int, path: str, mode: int) -> None:
    missing: list[str] = []
    while not _is_folder(root, path):
        missing.append(path)
        path = _split(path)[0]
    for folder in reversed(missing):
        _make_folder(root, folder, mode if folder == missing[0] else 0o755)


def _is_folder(root: int, path: str) -> bool:
    """Whether it is there; NotADirectoryError when it is something else."""
    try:
        os.close(openat.open_in_root(root, path, _FOLDER))
    except FileNotFoundError:
        return False
    return True


def _make_folder(root: int, path: str, mode: int) -> None:
    parent, name = _split(path)
    with _opened(root, parent, _FOLDER) as folder:
        openat.refuse_pseudo(folder, path)
        try:
            os.mkdir(name, 0o700, dir_fd=folder)
        except FileExistsError:
            if _is_folder(root, path):  # made meanwhile
                return
            raise  # a link that leads nowhere
        made = os.open(name, _FOLDER | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
    try:
        openat.set_mode(made, mode & 0o777)  # whatever the server's umask is
    finally:
        os.close(made)


def _remove(root: int, path: str, recursive: bool) -> None:
    parent, name = _split(path)
    with _opened(root, parent, _FOLDER) as folder:
        openat.refuse_pseudo(folder, path)
        info = os.stat(name, dir_fd=folder, follow_symlinks=False)
        if not modes.S_ISDIR(info.st_mode):
            os.unlink(name, dir_fd=folder)
        elif recursive:
            trees.remove_tree(folder, name)
        else:
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)


def _move(root: int, source: str, target: str) -> None:
    old_parent, old = _split(source)
    new_parent, new = _split(target)
    with (
        _opened(root, old_parent, _FOLDER) as here,
        _opened(root, new_parent, _FOLDER) as there,
    ):
        openat.refuse_pseudo(here, source)
        openat.refuse_pseudo(there, target)
        try:
            openat.rename_without_replacing(here, old, there, new)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            # Another file system, or a folder that an overlay keeps in a lower layer.
            _move_by_copy(here, old, there, new)


def _move_by_copy(here: int, old: str, there: int, new: str) -> None:
    if _lstat(new, there) is not None:
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), new)
    trees.refuse_inside_itself(here, old, there)
    temporary = f".sandboxd-{secrets.token_hex(8)}"
    try:
        trees.copy_tree(here, old, there, temporary)
        openat.rename_without_replacing(there, temporary, there, new)
    except BaseException:
        _remove_any(there, temporary)
        raise
    _remove_any(here, old)


def _remove_any(folder: int, name: str) -> None:
    info = _lstat(name, folder)
    if info is None:
        return
    if modes.S_ISDIR(info.st_mode):
        trees.remove_tree(folder, name)
    else:
        os.unlink(name, dir_fd=folder)


def _chmod(root: int, path: str, mode: int) -> None:
    with _opened(root, path, _PINNED) as pinned:
        if not modes.S_ISDIR(os.fstat(pinned).st_mode):
            openat.regular(pinned, path)
        openat.refuse_pseudo(pinned, path)
        openat.set_mode(pinned, mode & 0o1777)


def _lstat(name: str, folder: int) -> os.stat_result | None:
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None


def _split(path: str) -> tuple[str, str]:
    """Folder and last name of a path; the last name must be one that can be made or removed."""
    openat.encoded(path)
    parent, _, name = path.rstrip("/").rpartition("/")
    if name in {"", ".", ".."}:
        raise PermissionError(
            errno.EPERM, "That folder can be neither made, moved nor removed", path
        )
    return parent or "/", name


def _join(folder: str, rest: str) -> str:
    return f"{folder.rstrip('/')}/{rest}"
