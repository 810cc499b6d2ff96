"""What survives a restart: one JSON file per sandbox and per snapshot, replaced whole and synced."""

import asyncio
import contextlib
import json
import os
import shutil
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from sandboxd.lifecycle import State


def now() -> str:
    """The present in the wire's form, `2026-11-24T07:07:12.394Z`."""
    return stamp(datetime.now(UTC))


def stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_time(text: str) -> datetime:
    """A moment from either spelling the SDKs use; raises ValueError."""
    return datetime.fromisoformat(text).astimezone(UTC)


@dataclass(slots=True)
class SandboxRecord:
    """A sandbox as written to disk. `layers` are ids of snapshot layers, lowest first.

    Intervals in minutes as on the wire; `cpu` cores, `memory` and `disk` GiB; times as in `now`.
    `was_running` is remembered while a command is being carried out.
    """

    id: str
    name: str
    state: State
    snapshot: str
    layers: list[str]
    created_at: str
    updated_at: str
    last_activity_at: str
    preview_token: str
    signing_key: str
    user: str = "daytona"
    target: str = "local"
    public: bool = False
    env: dict[str, str] = field(default_factory=dict[str, str])
    labels: dict[str, str] = field(default_factory=dict[str, str])
    cpu: int = 2
    memory: int = 4
    disk: int = 8
    auto_stop: float = 15
    auto_archive: float = 10080
    auto_delete: float = -1
    auto_pause: float = 0
    destroy_at: str | None = None
    stopped_at: str | None = None
    block_network: bool = False
    allow_networks: str | None = None
    allow_domains: str | None = None
    error: str | None = None
    was_running: bool = False

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        known = {each.name for each in fields(cls)}
        values: dict[str, Any] = {key: value for key, value in data.items() if key in known}
        values["state"] = State(values["state"])
        return cls(**values)


@dataclass(slots=True)
class SnapshotRecord:
    """What a sandbox starts from: an ordered list of layers over the base layer."""

    id: str
    name: str
    layers: list[str]
    created_at: str
    updated_at: str
    general: bool = False
    cpu: int = 2
    memory: int = 4
    disk: int = 8
    state: str = "active"
    size: float = 0.0
    source: str | None = None
    last_used_at: str | None = None

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        known = {each.name for each in fields(cls)}
        return cls(**{key: value for key, value in data.items() if key in known})


class Store:
    """The engine's folder: `state/` holds the records, the rest belongs to sandboxes and layers."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self._sandboxes = home / "state" / "sandboxes"
        self._snapshots = home / "state" / "snapshots"
        self._writing: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    def open(self) -> None:
        for folder in (self._sandboxes, self._snapshots, self.home / "sandboxes", self.layers):
            folder.mkdir(parents=True, exist_ok=True)

    @property
    def layers(self) -> Path:
        return self.home / "layers"

    def machine_home(self, sandbox_id: str) -> Path:
        """The sandbox's own folder, as `MachineSpec.home` wants it."""
        return self.home / "sandboxes" / sandbox_id

    def load_sandboxes(self) -> list[SandboxRecord]:
        return [SandboxRecord.from_json(data) for data in _load_all(self._sandboxes)]

    def load_snapshots(self) -> list[SnapshotRecord]:
        return [SnapshotRecord.from_json(data) for data in _load_all(self._snapshots)]

    async def save(self, record: SandboxRecord | SnapshotRecord) -> None:
        """Write the record; when this returns it survives a power cut."""
        async with self._writing[record.id]:
            data = json.dumps(asdict(record), indent=1).encode()
            await asyncio.to_thread(write_durably, self._path(record), data)

    async def forget(self, record: SandboxRecord | SnapshotRecord) -> None:
        async with self._writing[record.id]:
            await asyncio.to_thread(_unlink_durably, self._path(record))
        self._writing.pop(record.id, None)

    def _path(self, record: SandboxRecord | SnapshotRecord) -> Path:
        folder = self._sandboxes if isinstance(record, SandboxRecord) else self._snapshots
        return folder / f"{record.id}.json"


def write_durably(path: Path, data: bytes, mode: int = 0o600) -> None:
    """Replace `path` by `data`: temporary file beside it, fsync, rename, fsync of the folder."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def remove_tree(path: Path) -> None:
    """Delete a folder whatever modes its inside has (overlay leaves `work/work` with none).

    Somebody else may be deleting the same folder: what is gone already is gone.
    """
    if not path.exists():
        return
    for folder, names, _ in os.walk(path, followlinks=False):
        for name in names:
            inner = Path(folder, name)
            with contextlib.suppress(FileNotFoundError):
                if not inner.is_symlink():
                    inner.chmod(0o700)
    shutil.rmtree(path, onerror=_unless_gone)


def _unless_gone(_: object, __: str, error: Any) -> None:
    if not issubclass(error[0], FileNotFoundError):
        raise error[1]


def _load_all(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(path.read_bytes()) for path in sorted(folder.glob("*.json"))]


def _unlink_durably(path: Path) -> None:
    path.unlink(missing_ok=True)
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
