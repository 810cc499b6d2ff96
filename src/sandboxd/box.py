"""One sandbox while the engine runs, and those who want to hear of it."""

import asyncio
import time
import uuid
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from sandboxd.errors import NotStarted
from sandboxd.ids import new_token
from sandboxd.lifecycle import State
from sandboxd.runtime.runtime import Machine
from sandboxd.safefs import SafeFiles
from sandboxd.store import SandboxRecord, SnapshotRecord, now


@dataclass(slots=True)
class NewSandbox:
    """What a client may say of a sandbox to be made; None means the default."""

    name: str | None = None
    snapshot: str | None = None
    user: str | None = None
    target: str | None = None
    public: bool = False
    env: dict[str, str] = field(default_factory=dict[str, str])
    labels: dict[str, str] = field(default_factory=dict[str, str])
    auto_stop: float | None = None
    auto_archive: float | None = None
    auto_delete: float | None = None
    auto_pause: float | None = None
    ttl: float | None = None
    block_network: bool = False
    allow_networks: str | None = None
    allow_domains: str | None = None


class Box:
    """One sandbox while the engine runs: its record, and its machine when it has one."""

    def __init__(self, record: SandboxRecord) -> None:
        self.record = record
        self.lock = asyncio.Lock()
        self.running: Running | None = None
        self.active = time.monotonic()
        self.busy = 0

    @property
    def id(self) -> str:
        return self.record.id

    @property
    def state(self) -> State:
        return self.record.state

    def machine(self) -> "Running":
        """The running machine. Raises `NotStarted`."""
        if self.running is None:
            raise NotStarted(
                f"Sandbox {self.id} is {self.state.value}: no IP address found. "
                "Is the Sandbox started?"
            )
        return self.running

    def touch(self) -> None:
        """Reset the idle timer."""
        self.active = time.monotonic()
        self.record.last_activity_at = now()

    @contextmanager
    def activity(self) -> Generator[None]:
        """Hold the idle timer back as long as this lasts."""
        self.busy += 1
        self.touch()
        try:
            yield
        finally:
            self.busy -= 1
            self.touch()


@dataclass(slots=True)
class Running:
    """What exists only while the machine does."""

    machine: Machine
    files: SafeFiles
    env: dict[str, str] = field(default_factory=dict[str, str])
    watch: asyncio.Task[None] | None = None
    network: asyncio.Task[None] | None = None
    inside: object = None  # the toolbox's


class Watcher(Protocol):
    """Someone who keeps things inside running sandboxes (the toolbox), or tells others of them."""

    async def began(self, box: Box, *, adopted: bool) -> None: ...

    async def ending(self, box: Box, *, force: bool) -> None: ...

    async def changed(self, box: Box, old: State | None) -> None: ...

    def let_go(self) -> None: ...


def new_record(wish: NewSandbox, snapshot: SnapshotRecord) -> SandboxRecord:
    """The record of a sandbox to be made; its id is used by no other, ever."""
    identity, moment = str(uuid.uuid4()), now()
    record = SandboxRecord(
        id=identity,
        name=wish.name or identity,
        state=State.CREATING,
        snapshot=snapshot.name,
        layers=snapshot.layers.copy(),
        created_at=moment,
        updated_at=moment,
        last_activity_at=moment,
        preview_token=new_token(),
        signing_key=new_token(),
        env=wish.env,
        labels=wish.labels,
        public=wish.public,
        cpu=snapshot.cpu,
        memory=snapshot.memory,
        disk=snapshot.disk,
        block_network=wish.block_network,
        allow_domains=wish.allow_domains,
    )
    record.user = wish.user or record.user
    record.target = wish.target or record.target
    for key in ("auto_stop", "auto_archive", "auto_delete", "auto_pause"):
        value = getattr(wish, key)
        if value is not None:
            setattr(record, key, value)
    return record
