"""What the engine asks of whatever really runs processes: a machine per sandbox, and a handful of verbs.

`namespaces` is the real one. A machine lives on when the server dies; `Runtime.adopt` finds it again.
"""

import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Limits:
    """Upper bounds of one machine: cores, GiB of memory, GiB of disk, number of processes."""

    cpu: int = 2
    memory: int = 4
    disk: int = 8
    processes: int = 1024


@dataclass(frozen=True, slots=True)
class MachineSpec:
    """Everything needed to start a machine, or to recognise it later.

    `layers` are read-only folders, lowest first, the base layer excluded; `home` is the machine's own
    folder on the host (`upper/`, `work/`, socket, start record), made by the caller.
    """

    id: str
    home: Path
    layers: tuple[Path, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    hostname: str = "sandbox"
    limits: Limits = Limits()


class Process(Protocol):
    """A process group inside a machine. `pid` is the sandbox's number, useful for messages only."""

    @property
    def pid(self) -> int: ...

    async def wait(self) -> int:
        """The exit code; 128+n when killed by signal n. May be awaited by several, more than once."""
        ...

    async def signal(self, number: int) -> None:
        """Send a signal to the whole group; nothing happens when it has ended."""
        ...


class Machine(Protocol):
    """A running machine. Every verb raises `sandboxd.errors.MachineGone` once its PID 1 is dead."""

    @property
    def id(self) -> str: ...

    @property
    def root(self) -> int:
        """A directory file descriptor of the machine's `/`, handed over by its own PID 1."""
        ...

    async def spawn(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: str,
        stdin: int,
        stdout: int,
        stderr: int,
    ) -> Process:
        """Start a process (own session and group) with these descriptors; the caller closes its own.

        `env` is the whole environment. A missing `cwd` or program raises `sandboxd.errors.SpawnFailed`.
        """
        ...

    async def pty(
        self, argv: Sequence[str], *, env: Mapping[str, str], cwd: str, cols: int, rows: int
    ) -> tuple[Process, int]:
        """Start a process on a new pseudo terminal of the machine's own devpts; returns the master."""
        ...

    async def attach(self, pid: int) -> Process | None:
        """A process that an earlier server started, running or ended; None when none is known."""
        ...

    async def dial(self, port: int) -> socket.socket:
        """A non-blocking TCP socket connected to 127.0.0.1 (then ::1) inside the machine.

        Raises ConnectionRefusedError when nothing listens there.
        """
        ...

    async def listen(self, port: int) -> socket.socket:
        """A non-blocking listening socket on 127.0.0.1:`port` inside the machine."""
        ...

    async def kill_all(self) -> None:
        """SIGKILL every process of the machine but PID 1."""
        ...

    async def freeze(self) -> None: ...

    async def thaw(self) -> None: ...

    async def destroy(self) -> None:
        """Kill PID 1 and with it everything; files stay. Returns when no process is left."""
        ...

    async def wait_gone(self) -> None:
        """Return when PID 1 has died, for whatever reason."""
        ...

    def detach(self) -> None:
        """Let go of a machine that lives on, as a server does that ends."""
        ...


class Runtime(Protocol):
    """Starts machines. `owner` is the host (uid, gid) that owns all files inside machines."""

    @property
    def isolation(self) -> str:
        """The tier, as named in the API: `namespaces`, or a weaker one that was asked for."""
        ...

    @property
    def owner(self) -> tuple[int, int]: ...

    async def open(self) -> None:
        """Prepare what all machines share (base layer, tools). Raises `IsolationUnavailable`."""
        ...

    async def create(self, spec: MachineSpec) -> Machine: ...

    async def adopt(self, spec: MachineSpec) -> Machine | None:
        """The living machine of this spec that an earlier server started, or None."""
        ...
