"""A living machine, as the engine holds it."""

import asyncio
import errno
import os
import select
import signal
import socket
import weakref
from collections.abc import Mapping, Sequence

from sandboxd.errors import MachineGone, SpawnFailed
from sandboxd.runtime.limits import Cage
from sandboxd.runtime.link import Answer, Exit, Greeting, Link, greet
from sandboxd.runtime.protocol import PTY, Message, Op, words
from sandboxd.runtime.runtime import MachineSpec

DIAL_SECONDS = 5.0
DESTROY_SECONDS = 10.0
AGAIN_SECONDS, GREET_SECONDS = 0.02, 5.0
KILLED = 128 + signal.SIGKILL


class NamespaceProcess:
    """A process group; see `runtime.Process`."""

    def __init__(self, machine: "NamespaceMachine", pid: int, exit: Exit) -> None:  # noqa: A002
        self._machine, self._pid, self._exit = machine, pid, exit

    @property
    def pid(self) -> int:
        return self._pid

    async def wait(self) -> int:
        await self._exit.happened.wait()
        assert self._exit.code is not None
        return self._exit.code

    async def signal(self, number: int) -> None:
        await self._machine.ask(Op.SIGNAL, a=self._pid, b=number)


class NamespaceMachine:
    """See `runtime.Machine`. Belongs to the event loop it was made in.

    `root` stays open until the machine object is collected, whatever becomes of the machine: a closed
    number could mean another file a moment later.
    """

    def __init__(self, spec: MachineSpec, greeting: Greeting, pidfd: int, cage: Cage) -> None:
        self._spec, self._cage, self._pidfd = spec, cage, pidfd
        self._root = greeting.root
        self._host_pid = greeting.pid
        self._gone = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._link = Link(greeting.socket, self._lost)
        self._loop.add_reader(pidfd, self._died)
        self._finalize = weakref.finalize(self, os.close, greeting.root)

    @property
    def id(self) -> str:
        return self._spec.id

    @property
    def root(self) -> int:
        return self._root

    @property
    def host_pid(self) -> int:
        """PID 1 as the host numbers it, for messages."""
        return self._host_pid

    async def spawn(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: str,
        stdin: int,
        stdout: int,
        stderr: int,
    ) -> NamespaceProcess:
        answer = await self._start(argv, env, cwd, fds=(stdin, stdout, stderr))
        return self._process(answer)

    async def pty(
        self, argv: Sequence[str], *, env: Mapping[str, str], cwd: str, cols: int, rows: int
    ) -> tuple[NamespaceProcess, int]:
        answer = await self._start(argv, env, cwd, flags=PTY, a=cols, b=rows)
        return self._process(answer), answer.fds[0]

    async def attach(self, pid: int) -> NamespaceProcess | None:
        """A process that an earlier connection started, running or ended; None when none is known."""
        answer = await self.ask(Op.ATTACH, a=pid)
        return None if answer.message.op == Op.ERROR else self._process(answer)

    async def dial(self, port: int) -> socket.socket:
        for family in (4, 6):
            answer = await self.ask(Op.DIAL, a=port, b=family)
            if answer.message.op == Op.ERROR:
                continue
            made = socket.socket(fileno=answer.fds[0])
            made.setblocking(False)
            try:
                if await self._connected(made):
                    return made
            except BaseException:
                made.close()
                raise
            made.close()
        raise ConnectionRefusedError(errno.ECONNREFUSED, f"nothing listens on port {port}")

    async def listen(self, port: int) -> socket.socket:
        answer = await self.ask(Op.LISTEN, a=port)
        if answer.message.op == Op.ERROR:
            raise OSError(answer.message.a, os.strerror(answer.message.a))
        made = socket.socket(fileno=answer.fds[0])
        made.setblocking(False)
        return made

    async def kill_all(self) -> None:
        await self.ask(Op.KILL_ALL)

    async def freeze(self) -> None:
        if self._cage.can_freeze:
            await asyncio.to_thread(self._cage.freeze, True)
        else:
            await self.ask(Op.STOP_ALL)

    async def thaw(self) -> None:
        if self._cage.can_freeze:
            await asyncio.to_thread(self._cage.freeze, False)
        else:
            await self.ask(Op.CONTINUE_ALL)

    async def destroy(self) -> None:
        if not self._gone.is_set():
            signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)
            if self._cage.can_freeze:  # a frozen process does not even die
                await self.thaw()
            async with asyncio.timeout(DESTROY_SECONDS):
                await self._gone.wait()
        await asyncio.to_thread(self._cage.remove)

    async def wait_gone(self) -> None:
        await self._gone.wait()

    def detach(self) -> None:
        """Let go of a machine that lives on, as a server does that ends."""
        if self._gone.is_set():
            return
        self._loop.remove_reader(self._pidfd)
        os.close(self._pidfd)
        self._gone.set()
        self._link.close()

    async def ask(
        self,
        op: Op,
        *,
        flags: int = 0,
        a: int = 0,
        b: int = 0,
        body: bytes = b"",
        fds: Sequence[int] = (),
    ) -> Answer:
        if self._gone.is_set():
            raise MachineGone(f"sandbox {self.id} has stopped")
        return await self._link.ask(op, flags=flags, a=a, b=b, body=body, fds=fds)

    async def _start(
        self,
        argv: Sequence[str],
        env: Mapping[str, str],
        cwd: str,
        *,
        flags: int = 0,
        a: int = 0,
        b: int = 0,
        fds: Sequence[int] = (),
    ) -> Answer:
        try:
            body = words(argv, env, cwd)
        except ValueError as error:
            raise SpawnFailed(str(error)) from error
        answer = await self.ask(Op.SPAWN, flags=flags, a=a, b=b, body=body, fds=fds)
        if answer.message.op == Op.ERROR:
            raise SpawnFailed(_explain(answer.message, argv[0], cwd))
        return answer

    def _process(self, answer: Answer) -> NamespaceProcess:
        ended = answer.exit
        if ended is None:  # the answer to an ATTACH: it has ended already
            ended = Exit()
            ended.set(answer.message.b)
        return NamespaceProcess(self, answer.message.a, ended)

    async def _connected(self, made: socket.socket) -> bool:
        """Wait for the handshake; over loopback it has nearly always happened already."""
        poll = select.poll()
        poll.register(made, select.POLLOUT)
        if not poll.poll(0):
            ready = asyncio.Event()
            self._loop.add_writer(made, ready.set)
            try:
                async with asyncio.timeout(DIAL_SECONDS):
                    await ready.wait()
            finally:
                self._loop.remove_writer(made)
        return made.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0

    def _died(self) -> None:
        if self._gone.is_set():
            return
        self._loop.remove_reader(self._pidfd)
        os.close(self._pidfd)
        self._gone.set()
        self._link.drain()
        for ended in self._link.exits.values():
            ended.set(KILLED)
        self._link.exits.clear()
        self._link.close()

    def _lost(self) -> None:
        """The connection ended while PID 1 lives: it dropped us for being slow. Come back and catch up."""
        if self._gone.is_set():
            return
        self._loop.call_later(AGAIN_SECONDS, self._again)

    def _again(self) -> None:
        if not self._gone.is_set():
            greeting = self._loop.run_in_executor(None, greet, self._spec.home, GREET_SECONDS)
            greeting.add_done_callback(self._greeted)

    def _greeted(self, coming: asyncio.Future[Greeting | None]) -> None:
        greeting = None if coming.cancelled() or coming.exception() else coming.result()
        if greeting is not None:
            os.close(greeting.root)
        if greeting is None or self._gone.is_set() or greeting.pid != self._host_pid:
            if greeting is not None:
                greeting.socket.close()
            self._lost()
            return
        exits = self._link.exits
        self._link = Link(greeting.socket, self._lost)
        self._link.catch_up(exits)


def _explain(answer: Message, program: str, cwd: str) -> str:
    reason = os.strerror(answer.a).lower()
    match answer.body:
        case b"cwd":
            return f"cannot start in {cwd}: {reason}"
        case b"exec":
            return f"cannot run {program}: {reason}"
        case b"fork":
            return f"cannot start another process: {reason}"
        case step:
            return f"cannot start {program} ({step.decode(errors='replace')}): {reason}"
