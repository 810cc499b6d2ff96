"""Snapshots: what sandboxes start from. Each is an ordered list of layers over the base layer.

A layer is a folder that no one writes to any more. It is removed when neither a snapshot nor a
sandbox names it.
"""

import os
import stat
import uuid
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from pathlib import Path

from sandboxd.errors import BadRequest, Conflict, NotFound
from sandboxd.runtime.owner import as_owner
from sandboxd.settings import DEFAULT_SNAPSHOT
from sandboxd.store import SandboxRecord, SnapshotRecord, Store, now, remove_tree

# The kernel's mount data is one page; long chains of layers do not fit (ENGINE.md 11).
MAX_LAYERS = 16

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class Snapshots:
    """All snapshots of one engine, in memory and on disk."""

    def __init__(self, store: Store, owner: tuple[int, int]) -> None:
        self._store = store
        self._owner = owner
        self._all: dict[str, SnapshotRecord] = {}

    async def open(self) -> None:
        """Load what there is; make the default snapshot when it is missing."""
        self._all = {record.id: record for record in self._store.load_snapshots()}
        if not any(record.name == DEFAULT_SNAPSHOT for record in self._all.values()):
            await self._add(self._record(DEFAULT_SNAPSHOT, [], general=True))

    def all(self) -> list[SnapshotRecord]:
        return sorted(self._all.values(), key=lambda record: record.created_at)

    def get(self, reference: str) -> SnapshotRecord:
        """By id, then by name. Raises `NotFound`."""
        found = self._all.get(reference)
        if found is None:
            found = next((each for each in self._all.values() if each.name == reference), None)
        if found is None:
            raise NotFound(f"Snapshot {reference} not found")
        return found

    def check_name(self, name: str) -> None:
        """Raises `BadRequest` for an empty or overlong name, `Conflict` for one in use."""
        if not name or len(name) > 255 or any(ord(letter) < 32 for letter in name):
            raise BadRequest("A snapshot needs a name of 1 to 255 printable characters")
        if any(each.name == name or each.id == name for each in self._all.values()):
            raise Conflict(f"Snapshot with name {name} already exists")

    async def take(self, name: str, source: SandboxRecord, upper: Path) -> SnapshotRecord:
        """A snapshot of the sandbox's layers plus a copy of its own files, `upper`.

        The sandbox must not write meanwhile: it is frozen or stopped.
        """
        if len(source.layers) >= MAX_LAYERS:
            raise BadRequest(f"A snapshot can have at most {MAX_LAYERS} layers")
        layer = str(uuid.uuid4())
        folder = self._store.layers / layer
        try:
            folder.mkdir(0o700)
            if os.geteuid() == 0:
                os.chown(folder, *self._owner)
            with _opened(str(upper), _FOLDER) as old, _opened(str(folder), _FOLDER) as new:
                size = await as_owner(self._owner, copy_layer, old, new)
            record = self._record(name, [*source.layers, layer], source=source)
            record.size = round(size / 1024**3, 6)
            await self._add(record)
        except BaseException:
            remove_tree(folder)
            raise
        return record

    async def take_stopped(self, name: str, source: SandboxRecord, upper: Path) -> SnapshotRecord:
        """As `take`, in no time: the stopped sandbox's upper folder becomes the layer itself.

        `source.layers` gets the new layer; the caller saves it and the runtime makes a new upper.
        """
        if len(source.layers) >= MAX_LAYERS - 1:
            return await self.take(name, source, upper)
        layer = str(uuid.uuid4())
        record = self._record(name, [*source.layers, layer], source=source)
        source.layers = record.layers.copy()
        # The sandbox's record first: a crash before the rename leaves a missing layer, which
        # `reap` makes an empty one, with the files still in `upper`.
        await self._store.save(source)
        upper.rename(self._store.layers / layer)  # noqa: ASYNC240 - in no time
        await self._add(record)
        return record

    async def delete(self, reference: str) -> SnapshotRecord:
        """Forget the snapshot; its layers stay as long as sandboxes stand on them."""
        record = self.get(reference)
        if record.name == DEFAULT_SNAPSHOT:
            raise BadRequest("The default snapshot cannot be deleted")
        del self._all[record.id]
        await self._store.forget(record)
        return record

    def folders(self, layers: Iterable[str]) -> tuple[Path, ...]:
        return tuple(self._store.layers / layer for layer in layers)

    def unused_layers(self, sandboxes: Iterable[SandboxRecord]) -> list[Path]:
        """Layer folders that nothing names any more."""
        used = {layer for record in self._all.values() for layer in record.layers}
        used.update(layer for sandbox in sandboxes for layer in sandbox.layers)
        return [path for path in self._store.layers.iterdir() if path.name not in used]

    async def _add(self, record: SnapshotRecord) -> None:
        await self._store.save(record)
        self._all[record.id] = record

    def _record(
        self,
        name: str,
        layers: list[str],
        *,
        general: bool = False,
        source: SandboxRecord | None = None,
    ) -> SnapshotRecord:
        moment = now()
        record = SnapshotRecord(
            id=str(uuid.uuid4()),
            name=name,
            layers=layers,
            created_at=moment,
            updated_at=moment,
            general=general,
        )
        if source is not None:
            record.source = source.id
            record.cpu, record.memory, record.disk = source.cpu, source.memory, source.disk
        return record


def copy_layer(source: int, target: int) -> int:
    """Copy the inside of an overlay's upper folder: whiteouts, attributes, hard links, times.

    Both are folder descriptors, since the owner's rights (`as_owner`) do not reach the engine's home.
    Returns the bytes of all regular files.
    """
    return _Copy(target).folder(source, target, "")


class _Copy:
    def __init__(self, root: int) -> None:
        self._root = root
        self._links: dict[tuple[int, int], str] = {}

    def folder(self, source: int, target: int, path: str) -> int:
        size = 0
        with os.scandir(source) as entries:
            for entry in entries:
                info = entry.stat(follow_symlinks=False)
                if stat.S_ISDIR(info.st_mode):
                    size += self._subfolder(source, target, entry.name, path)
                else:
                    size += self._entry(source, target, entry.name, path, info)
        _copy_attributes(source, target, os.fstat(source))
        return size

    def _subfolder(self, source: int, target: int, name: str, path: str) -> int:
        os.mkdir(name, 0o700, dir_fd=target)
        with _opened(name, _FOLDER, source) as inner, _opened(name, _FOLDER, target) as copy:
            return self.folder(inner, copy, f"{path}{name}/")

    def _entry(self, source: int, target: int, name: str, path: str, info: os.stat_result) -> int:
        if info.st_nlink > 1:
            first = self._links.setdefault((info.st_dev, info.st_ino), path + name)
            if first != path + name:
                os.link(first, name, src_dir_fd=self._root, dst_dir_fd=target)
                return 0
        if stat.S_ISLNK(info.st_mode):
            os.symlink(os.readlink(name, dir_fd=source), name, dir_fd=target)
            times = (info.st_atime_ns, info.st_mtime_ns)
            os.utime(name, ns=times, dir_fd=target, follow_symlinks=False)
        elif stat.S_ISREG(info.st_mode):
            _copy_file(source, target, name, info)
            return info.st_size
        elif stat.S_ISCHR(info.st_mode) and info.st_rdev == 0:
            # A whiteout: the name is deleted in the layers below.
            os.mknod(name, stat.S_IFCHR, 0, dir_fd=target)
        elif stat.S_ISFIFO(info.st_mode):
            os.mkfifo(name, stat.S_IMODE(info.st_mode), dir_fd=target)
        return 0  # sockets and other devices mean nothing without the process behind them


def _copy_file(source: int, target: int, name: str, info: os.stat_result) -> None:
    writing = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    with (
        _opened(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, source) as old,
        _opened(name, writing, target) as new,
    ):
        while os.copy_file_range(old, new, 1 << 30):
            pass
        _copy_attributes(old, new, info)


def _copy_attributes(source: int, target: int, info: os.stat_result) -> None:
    for name in os.listxattr(source):
        if name.startswith("user."):
            os.setxattr(target, name, os.getxattr(source, name))
    os.chmod(target, stat.S_IMODE(info.st_mode))
    os.utime(target, ns=(info.st_atime_ns, info.st_mtime_ns))


@contextmanager
def _opened(name: str, flags: int, folder: int | None = None) -> Generator[int]:
    descriptor = os.open(name, flags, 0o600, dir_fd=folder)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
