"""One connection to a machine's agent: requests out, answers and exits in."""

import array
import asyncio
import contextlib
import os
import signal
import socket
import struct
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sandboxd.errors import MachineGone
from sandboxd.runtime.protocol import HEAD, IN_MEMFD, PACKET, Message, Op

CREDENTIALS = struct.Struct("3i")
ANCILLARY = socket.CMSG_SPACE(8 * 4) + socket.CMSG_SPACE(CREDENTIALS.size)
SOCKET_NAME = "agent.sock"
MISSED, UNHEARD = 0xFFFF_FFFE, 0xFFFF_FFFF  # ids of requests that nobody awaits
UNKNOWN = 255  # the agent has forgotten how it ended: thousands did since


@dataclass(slots=True)
class Exit:
    """How a process ended, once it has."""

    code: int | None = None
    happened: asyncio.Event = field(default_factory=asyncio.Event)

    def set(self, code: int) -> None:
        self.code = code
        self.happened.set()


@dataclass(frozen=True, slots=True)
class Answer:
    """OK or ERROR with its descriptors; of SPAWN and ATTACH also how that process ended or will."""

    message: Message
    fds: list[int]
    exit: Exit | None = None


@dataclass(frozen=True, slots=True)
class Greeting:
    """A fresh connection, the agent's pid as this host's kernel tells it, and the machine's `/`."""

    socket: socket.socket
    pid: int
    root: int


def listen(folder: Path) -> socket.socket:
    """The socket that a new machine's agent is born with; its path is for the owner of `folder` only."""
    (folder / SOCKET_NAME).unlink(missing_ok=True)
    made = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with _folder(folder) as path:
        made.bind(path)
    (folder / SOCKET_NAME).chmod(0o600)
    made.listen(8)
    return made


def greet(folder: Path, seconds: float) -> Greeting | None:
    """Connect and take the hello; None when nobody listens. Blocks up to `seconds`.

    Raises:
        MachineGone: the agent hung up or said something else.
        TimeoutError: it said nothing.
    """
    made = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    made.settimeout(seconds)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
    try:
        with _folder(folder) as path:
            made.connect(path)
        message, fds, pid = receive(made)
    except (FileNotFoundError, ConnectionRefusedError):
        made.close()
        return None
    except BaseException:
        made.close()
        raise
    if message is None or message.op != Op.HELLO or len(fds) != 1:
        made.close()
        raise MachineGone("the machine's agent did not say hello")
    made.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 0)
    made.setblocking(False)
    return Greeting(made, pid, fds[0])


def receive(source: socket.socket) -> tuple[Message | None, list[int], int]:
    """One packet, its descriptors and its sender's pid (0 if unasked); None when the other side left."""
    packet, control, _, _ = source.recvmsg(2 * PACKET, ANCILLARY, socket.MSG_CMSG_CLOEXEC)
    fds, pid = array.array("i"), 0
    for level, kind, data in control:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            fds.frombytes(data[: len(data) - len(data) % fds.itemsize])
        elif (level, kind) == (socket.SOL_SOCKET, socket.SCM_CREDENTIALS):
            pid = CREDENTIALS.unpack(data)[0]
    if len(packet) < HEAD.size:
        return None, fds.tolist(), pid
    return Message.unpack(packet), fds.tolist(), pid


class Link:
    """Speaks with one agent from one event loop; `lost` is called once when the connection ends."""

    def __init__(self, connection: socket.socket, lost: Callable[[], None]) -> None:
        self._socket = connection
        self._loop = asyncio.get_running_loop()
        self._lost = lost
        self._next = 0
        self._waiting: dict[int, tuple[Op, asyncio.Future[Answer]]] = {}
        self._sending = asyncio.Lock()
        self._missed: deque[int] = deque()
        self.exits: dict[int, Exit] = {}
        self._loop.add_reader(self._socket, self._hear)

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
        """Send a request and wait for its answer.

        Raises:
            MachineGone: the connection ended first.
        """
        if self._socket.fileno() < 0:
            raise MachineGone("the machine has stopped")
        self._next = self._next % (MISSED - 1) + 1
        number = self._next
        answer: asyncio.Future[Answer] = self._loop.create_future()
        self._waiting[number] = op, answer
        try:
            await self._send(Message(number, op, flags, a, b, body), fds)
            return await answer
        finally:
            if not answer.cancelled():  # else what it started must still be ended
                self._waiting.pop(number, None)

    def close(self) -> None:
        """End the connection; whoever waits for an answer gets MachineGone."""
        if self._socket.fileno() < 0:
            return
        self._loop.remove_reader(self._socket)
        self._socket.close()
        for _, answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(MachineGone("the machine has stopped"))

    def drain(self) -> None:
        """Take what the agent said before it died."""
        if self._socket.fileno() >= 0:
            self._hear()

    def catch_up(self, exits: dict[int, Exit]) -> None:
        """Ask, one after the other, after processes that an earlier connection of ours started."""
        self.exits.update(exits)
        self._missed.extend(exits)
        self._ask_missed()

    def _ask_missed(self) -> None:
        if self._missed:
            self._tell(Message(MISSED, Op.ATTACH, 0, self._missed[0]))

    def _take_missed(self, message: Message) -> None:
        pid = self._missed.popleft()
        code = message.b if message.op == Op.OK else UNKNOWN
        if code >= 0 and (ended := self.exits.pop(pid, None)) is not None:
            ended.set(code)
        self._ask_missed()

    async def _send(self, message: Message, fds: Sequence[int]) -> None:
        memfd = None
        if len(message.body) > PACKET:
            memfd = os.memfd_create("request", os.MFD_CLOEXEC)
            os.write(memfd, message.body)
            fds = [*fds, memfd]
            message = Message(
                message.id, message.op, message.flags | IN_MEMFD, message.a, message.b
            )
        try:
            async with self._sending:
                while True:
                    try:
                        socket.send_fds(self._socket, [message.pack()], fds, socket.MSG_NOSIGNAL)
                        return
                    except BlockingIOError:
                        await self._writable()
        except OSError as error:
            raise MachineGone("the machine has stopped") from error
        finally:
            if memfd is not None:
                os.close(memfd)

    async def _writable(self) -> None:
        ready = asyncio.Event()
        self._loop.add_writer(self._socket, ready.set)
        try:
            await ready.wait()
        finally:
            self._loop.remove_writer(self._socket)

    def _hear(self) -> None:
        while True:
            try:
                message, fds, _ = receive(self._socket)
            except BlockingIOError:
                return
            except OSError:
                message, fds = None, []
            if message is None:
                self.close()
                self._lost()
                return
            self._take(message, fds)

    def _take(self, message: Message, fds: list[int]) -> None:
        if message.op == Op.EXITED:
            if (ended := self.exits.pop(message.a, None)) is not None:
                ended.set(message.b)
            return
        if message.id == MISSED:
            self._take_missed(message)
            return
        op, answer = self._waiting.pop(message.id, (None, None))
        ended = None
        if op is Op.SPAWN and message.op == Op.OK:
            ended = self.exits[message.a] = Exit()  # before its EXITED is read
        if op is Op.ATTACH and message.op == Op.OK and message.b < 0:
            ended = self.exits.setdefault(message.a, Exit())
        if answer is None or answer.done():
            for fd in fds:
                os.close(fd)
            if op is Op.SPAWN and message.op == Op.OK:
                self._abandon(message.a)
            return
        answer.set_result(Answer(message, fds, ended))

    def _abandon(self, pid: int) -> None:
        """End a process whose starter was cancelled before it heard of it."""
        self.exits.pop(pid, None)
        self._tell(Message(UNHEARD, Op.SIGNAL, 0, pid, signal.SIGKILL))

    def _tell(self, message: Message) -> None:
        """Send without waiting for the answer."""
        with contextlib.suppress(OSError):
            self._socket.send(message.pack(), socket.MSG_NOSIGNAL)


class _folder:  # noqa: N801 - reads as a function
    """A path to the socket below a folder that fits into 108 bytes however long the folder's is."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __enter__(self) -> str:
        self.fd = os.open(self.folder, os.O_PATH | os.O_DIRECTORY)
        return f"/proc/self/fd/{self.fd}/{SOCKET_NAME}"

    def __exit__(self, *_: object) -> None:
        os.close(self.fd)
