"""The runtime that really isolates: bubblewrap, an overlay root, and an agent as PID 1.

Every machine runs as an ordinary user: as root that is the pool uid, else the server's own. The
order of a start is that of `_start`; launcher.py, agent.c, guard.py and seccomp.py say why.
"""

import asyncio
import hashlib
import json
import os
import select
import signal
from dataclasses import dataclass
from pathlib import Path

from sandboxd.errors import Conflict, MachineGone
from sandboxd.runtime import base, guard, limits, link, record, seccomp, tools
from sandboxd.runtime.limits import Cage, Limiter
from sandboxd.runtime.link import Greeting
from sandboxd.runtime.machine import NamespaceMachine
from sandboxd.runtime.runtime import MachineSpec
from sandboxd.runtime.starter import Starter
from sandboxd.runtime.tools import Tools

SECONDS = 20.0
MIB = 1 << 20
LISTEN_FD, INFO_FD, BLOCK_FD, SECCOMP_FD, AGENT_FD = range(3, 8)
AGENT = f"/proc/self/fd/{AGENT_FD}"


@dataclass(frozen=True, slots=True)
class Prepared:
    """What all machines of one home share."""

    base: Path
    tools: Tools
    limiter: Limiter
    filter: bytes


@dataclass(frozen=True, slots=True)
class Started:
    """A machine that has said hello, not yet tied to an event loop."""

    greeting: Greeting
    pidfd: int
    cage: Cage


class Namespaces:
    """See `runtime.Runtime`. `home` is the engine's folder (made 0700); machines' homes lie anywhere."""

    def __init__(self, home: Path, *, agent: str = "auto", pool_uid: int = 200000) -> None:
        uid, gid = (pool_uid, pool_uid) if os.geteuid() == 0 else (os.geteuid(), os.getegid())
        self._home = home
        self._agent = os.environ.get("SANDBOXD_AGENT") or agent
        self._owner = uid, gid
        self._starter = Starter(self._owner)
        self._slots = asyncio.Semaphore(2 * (os.cpu_count() or 1))
        self._prepared: Prepared | None = None

    @property
    def isolation(self) -> str:
        return "namespaces"

    @property
    def owner(self) -> tuple[int, int]:
        return self._owner

    @property
    def agent(self) -> str:
        """Which agent machines get, `c` or `python`; known once open."""
        return self._ready.tools.kind

    async def open(self) -> None:
        self._prepared = await asyncio.to_thread(self._prepare)

    async def close(self) -> None:
        """End the launcher. Machines live on."""
        await asyncio.to_thread(self._starter.close)

    async def create(self, spec: MachineSpec) -> NamespaceMachine:
        async with self._slots:
            starting = asyncio.get_running_loop().run_in_executor(None, self._start, spec)
            try:
                started = await asyncio.shield(starting)
            except asyncio.CancelledError:
                starting.add_done_callback(_abandon)
                raise
        return NamespaceMachine(spec, started.greeting, started.pidfd, started.cage)

    async def adopt(self, spec: MachineSpec) -> NamespaceMachine | None:
        found = await asyncio.to_thread(_find, spec)
        if found is None:
            return None
        machine = NamespaceMachine(spec, found.greeting, found.pidfd, found.cage)
        if not found.cage.can_freeze:
            await machine.thaw()  # in case the old server died between freeze and thaw
        return machine

    def prove(self) -> str:
        """Start and end one machine over a base layer without programs; the agent's kind. Blocking.

        Raises:
            IsolationUnavailable, MachineGone, OSError: what stood in the way.
        """
        try:
            self._prepared = self._prepare(programs=False)
            spec = MachineSpec("proof", self._home / "proof")
            spec.home.mkdir()
            started = self._start(spec)
            signal.pidfd_send_signal(started.pidfd, signal.SIGKILL)
            select.select([started.pidfd], [], [], SECONDS)
            _hang_up(started.greeting)
            os.close(started.pidfd)
            started.cage.remove()
        finally:
            self._starter.close()
        return self.agent

    @property
    def _ready(self) -> Prepared:
        if self._prepared is None:
            raise RuntimeError("the runtime is not open")
        return self._prepared

    def _prepare(self, *, programs: bool = True) -> Prepared:
        self._home.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._home.chmod(0o700)
        self._starter.open()
        return Prepared(
            base.build(self._home, self._owner, programs=programs),
            tools.install(self._home, self._agent),
            limits.find(),
            seccomp.program(),
        )

    def _start(self, spec: MachineSpec) -> Started:
        """Everything from folders to the agent's hello; blocks for some milliseconds."""
        self._folders(spec)
        if (old := link.greet(spec.home, seconds=SECONDS)) is not None:
            _hang_up(old)
            raise Conflict(f"sandbox {spec.id} already runs")
        guard.mend(spec.home / "upper", spec.layers, self._ready.base, self._owner)
        (spec.home / record.NAME).unlink(missing_ok=True)
        cage = self._ready.limiter.cage(_group(spec), spec.limits)
        try:
            return self._launch(spec, cage)
        except BaseException:
            cage.remove()
            raise

    def _folders(self, spec: MachineSpec) -> None:
        for name in ("upper", "work"):
            (spec.home / name).mkdir(mode=0o755, exist_ok=True)
            if os.geteuid() == 0:
                os.chown(spec.home / name, *self._owner)
        spec.home.chmod(0o711)  # the owner passes through; what is above keeps everybody else out

    def _launch(self, spec: MachineSpec, cage: Cage) -> Started:
        info, block = os.pipe(), os.pipe()
        log = os.open(
            spec.home / "start.log", os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600
        )
        program = os.memfd_create("filter", os.MFD_CLOEXEC)
        os.write(program, self._ready.filter)
        os.lseek(program, 0, os.SEEK_SET)
        ours = [info[0], block[1]]
        try:
            with link.listen(spec.home) as listener:
                fds = [log, listener.fileno(), info[1], block[0], program]
                self._starter.start(self._request(spec), fds)
            for fd in (info[1], block[0], program):
                os.close(fd)
            pid = _child(info[0], log)
            pidfd = os.pidfd_open(pid)
            try:
                self._ready.limiter.admit(cage, pid)
                record.save(spec.home, record.of(pid, cage.folders))
                os.write(block[1], b"\n")
                return Started(_hello(spec, pid, log), pidfd, cage)
            except BaseException:
                signal.pidfd_send_signal(pidfd, signal.SIGKILL)
                os.close(pidfd)
                raise
        finally:
            for fd in (*ours, log):
                os.close(fd)

    def _request(self, spec: MachineSpec) -> dict[str, object]:
        ready = self._ready
        layers = {str(number): str(layer) for number, layer in enumerate(spec.layers)}
        return {
            "binds": {
                "b": str(ready.base),
                **layers,
                "h": str(spec.home),
                "t": str(ready.tools.folder),
            },
            "files": [f"t/{ready.tools.agent}"],
            "argv": self._argv(spec, ["b", *layers]),
            "largest_file": spec.limits.disk * limits.GIB,
        }

    def _argv(self, spec: MachineSpec, layers: list[str]) -> list[str]:
        ready = self._ready
        processes, data = ready.limiter.per_process(spec.limits)
        binds = [word for path in base.host_binds() for word in ("--ro-bind", path, path)]
        return [
            f"/mnt/t/{ready.tools.bwrap}",
            *("--unshare-user", "--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts"),
            *("--unshare-cgroup-try", "--disable-userns", "--as-pid-1", "--clearenv"),
            *("--cap-drop", "ALL", "--uid", str(base.UID), "--gid", str(base.UID)),
            *("--hostname", spec.hostname),
            *(word for layer in layers for word in ("--overlay-src", f"/mnt/{layer}")),
            *("--overlay", "/mnt/h/upper", "/mnt/h/work", "/"),
            *binds,
            *("--proc", "/proc", "--dev", "/dev"),
            *("--perms", "1777", "--size", str(64 * MIB), "--tmpfs", "/dev/shm"),  # noqa: S108
            *("--remount-ro", "/dev", "--chdir", "/"),
            *("--info-fd", str(INFO_FD), "--block-fd", str(BLOCK_FD), "--seccomp", str(SECCOMP_FD)),
            *(
                ["--argv0", "init", AGENT]
                if ready.tools.kind == "c"
                else [str(base.python()), "-I", "-S", AGENT]
            ),
            *(str(processes), str(data)),
        ]


def _group(spec: MachineSpec) -> str:
    """A name for its cgroups that no machine of another home has."""
    return f"{spec.id}-{hashlib.sha256(os.fsencode(spec.home.absolute())).hexdigest()[:8]}"


def _child(info: int, log: int) -> int:
    """PID 1's pid as bubblewrap reports it."""
    text = b""
    poll = select.poll()
    poll.register(info, select.POLLIN)
    while poll.poll(SECONDS * 1000) and (piece := os.read(info, 4096)):
        text += piece
        try:
            return int(json.loads(text)["child-pid"])
        except ValueError:
            continue  # not all of it yet
    raise MachineGone(f"the machine did not start: {_said(log)}")


def _hello(spec: MachineSpec, pid: int, log: int) -> Greeting:
    """Wait for the agent's first words: they prove that the root is the machine's."""
    try:
        greeting = link.greet(spec.home, seconds=SECONDS)
    except (MachineGone, OSError) as error:
        raise MachineGone(f"the machine did not start: {_said(log)}") from error
    if greeting is None or greeting.pid != pid:
        raise MachineGone(f"the machine did not start: {_said(log)}")
    return greeting


def _find(spec: MachineSpec) -> Started | None:
    """The living machine of this spec, proven by its socket, its record and the kernel."""
    found = record.load(spec.home)
    if found is not None and record.holds(found):
        _thaw(Cage(tuple(map(Path, found.cgroups))))
    try:
        greeting = link.greet(spec.home, seconds=SECONDS)
    except (MachineGone, OSError):
        return None
    if greeting is None:
        return None
    try:
        pidfd = os.pidfd_open(greeting.pid)
    except OSError:
        _hang_up(greeting)
        return None
    if found is None or found.pid != greeting.pid or not record.holds(found):
        # It listens on our socket, so it is ours, but not whole: no machine starts twice on one upper.
        signal.pidfd_send_signal(pidfd, signal.SIGKILL)
        select.select([pidfd], [], [], SECONDS)
        os.close(pidfd)
        _hang_up(greeting)
        return None
    return Started(greeting, pidfd, Cage(tuple(map(Path, found.cgroups))))


def _thaw(cage: Cage) -> None:
    """A server that died between freeze and thaw left an agent that cannot even say hello."""
    if cage.can_freeze:
        cage.freeze(False)


def _abandon(starting: "asyncio.Future[Started]") -> None:
    """End a machine whose creator was cancelled."""
    if starting.cancelled() or starting.exception() is not None:
        return
    started = starting.result()
    signal.pidfd_send_signal(started.pidfd, signal.SIGKILL)
    _hang_up(started.greeting)
    os.close(started.pidfd)


def _hang_up(greeting: Greeting) -> None:
    greeting.socket.close()
    os.close(greeting.root)


def _said(log: int) -> str:
    return os.pread(log, 2000, 0).decode(errors="replace").strip() or "no reason given"
