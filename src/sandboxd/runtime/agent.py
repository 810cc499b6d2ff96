"""The agent in Python: what agent.c is, for machines without a compiler.

Runs as PID 1 with the machine's own python3 (`-I -S`, standard library, 3.8 and later), so it imports
nothing of ours. Everything is imported before the first process starts. See agent.c for the reasons.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import mmap
import os
import resource
import select
import signal
import socket
import struct
import sys
import termios

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing itself would cost each machine some milliseconds
    from collections.abc import Callable
    from types import FrameType

SPAWN, SIGNAL, DIAL, LISTEN, KILL_ALL, ATTACH, STOP_ALL, CONTINUE_ALL, PING = range(1, 10)
OK, ERROR, EXITED, HELLO = range(100, 104)
IN_MEMFD, PTY = 1, 2
VERSION, LISTENER, CLIENTS, RECORDS, PACKET = 1, 3, 16, 4096, 1 << 17
HEAD = struct.Struct("<IHHii")
PR_SET_DUMPABLE, PR_SET_NAME = 4, 15
TIOCSPTLCK, TIOCGPTN = 0x40045431, 0x80045430
libc = ctypes.CDLL(None, use_errno=True)


class Failed(Exception):
    def __init__(self, number: int | None, stage: str) -> None:
        super().__init__(number, stage)
        self.number, self.stage = number or errno.EIO, stage


class Request:
    """One packet with the descriptors that came along."""

    def __init__(self, packet: bytes, fds: list[int]) -> None:
        self.id, self.op, self.flags, self.a, self.b = HEAD.unpack_from(packet)
        self.body, self.fds = packet[HEAD.size :], fds


class Answer:
    def __init__(self, a: int = 0, b: int = 0, fd: int | None = None) -> None:
        self.a, self.b, self.fd = a, b, fd


class Agent:
    def __init__(self, max_processes: int, max_data: int) -> None:
        self.max_processes, self.max_data = max_processes, max_data
        self.clients: dict[int, socket.socket] = {}
        self.records: dict[int, int | None] = {}  # None while running, else the code; oldest first
        self.killers: list[tuple[socket.socket, int]] = []
        self.listener = socket.socket(fileno=LISTENER)
        self.listener.setblocking(False)
        self.poll = select.poll()
        self.poll.register(LISTENER, select.POLLIN)
        self.wake, wake = os.pipe()
        for fd in (self.wake, wake):
            os.set_blocking(fd, False)
        self.poll.register(self.wake, select.POLLIN)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, ignore)
        self.verbs: dict[int, Callable[[Request], Answer]] = {
            SPAWN: self.spawn,
            SIGNAL: self.signal,
            DIAL: dial,
            LISTEN: listen,
            ATTACH: self.attach,
            STOP_ALL: lambda _: broadcast(signal.SIGSTOP),
            CONTINUE_ALL: lambda _: broadcast(signal.SIGCONT),
            PING: lambda _: Answer(VERSION),
        }

    def run(self) -> None:
        while True:
            for fd, _ in self.poll.poll():
                if fd == self.wake:
                    drain(fd)
                    self.reap()
                elif fd == LISTENER:
                    self.welcome()
                elif fd in self.clients:
                    self.hear(self.clients[fd])

    def welcome(self) -> None:
        try:
            client, _ = self.listener.accept()
        except OSError:
            return
        if len(self.clients) >= CLIENTS:
            client.close()
            return
        client.setblocking(False)
        self.clients[client.fileno()] = client
        self.poll.register(client, select.POLLIN)
        root = os.open("/", os.O_RDONLY | os.O_DIRECTORY)
        self.say(client, 0, HELLO, VERSION, 0, fd=root)
        os.close(root)

    def drop(self, client: socket.socket) -> None:
        if self.clients.pop(client.fileno(), None):
            self.poll.unregister(client)
            client.close()
            self.killers = [(c, number) for c, number in self.killers if c is not client]

    def say(
        self,
        client: socket.socket,
        number: int,
        op: int,
        a: int,
        b: int,
        body: bytes = b"",
        fd: int | None = None,
    ) -> None:
        """A client too slow to take a packet is dropped: it connects again and asks what it missed."""
        packet = [HEAD.pack(number, op, 0, a, b), body]
        try:
            if fd is None:
                client.sendmsg(packet, [], socket.MSG_DONTWAIT)
            else:
                rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, struct.pack("i", fd))
                client.sendmsg(packet, [rights], socket.MSG_DONTWAIT)
        except OSError:
            self.drop(client)

    def hear(self, client: socket.socket) -> None:
        space, plain = socket.CMSG_SPACE(8 * 4), socket.MSG_CMSG_CLOEXEC
        try:
            packet, control, flags, _ = client.recvmsg(PACKET, space, plain)
        except BlockingIOError:
            return
        except OSError:
            self.drop(client)
            return
        fds: list[int] = []
        for _, _, data in control:
            fds += struct.unpack(f"{len(data) // 4}i", data)
        if len(packet) < HEAD.size or flags & (socket.MSG_TRUNC | socket.MSG_CTRUNC):
            self.drop(client)
        else:
            self.obey(client, Request(packet, fds))
        for fd in fds:
            os.close(fd)

    def obey(self, client: socket.socket, request: Request) -> None:
        if request.op == KILL_ALL:
            broadcast(signal.SIGKILL)
            self.killers.append((client, request.id))
            self.reap()
            return
        try:
            if request.op not in self.verbs:
                raise Failed(errno.ENOSYS, "request")
            answer = self.verbs[request.op](request)
        except Failed as failed:
            self.say(client, request.id, ERROR, failed.number, 0, failed.stage.encode())
            return
        except OSError as error:
            self.say(client, request.id, ERROR, error.errno or errno.EIO, 0, b"request")
            return
        self.say(client, request.id, OK, answer.a, answer.b, fd=answer.fd)
        if answer.fd is not None:
            os.close(answer.fd)

    def spawn(self, request: Request) -> Answer:
        body, terminal = request.body, bool(request.flags & PTY)
        in_memfd = bool(request.flags & IN_MEMFD)
        if len(request.fds) != (0 if terminal else 3) + in_memfd:
            raise Failed(errno.EINVAL, "request")
        if in_memfd:
            with mmap.mmap(request.fds[-1], 0, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ) as text:
                body = text[:]
        cwd, argv, env = parse(body)
        self.make_room()
        if not terminal:
            return Answer(self.start(argv, env, cwd, request.fds, None))
        master, slave = open_terminal(request.a, request.b)
        try:
            return Answer(self.start(argv, env, cwd, [slave] * 3, slave), 0, master)
        except Failed:
            os.close(master)
            raise
        finally:
            os.close(slave)

    def start(
        self,
        argv: list[bytes],
        env: dict[bytes, bytes],
        cwd: bytes,
        fds: list[int],
        terminal: int | None,
    ) -> int:
        reading, writing = os.pipe()
        try:
            pid = os.fork()
        except OSError as error:
            os.close(reading)
            os.close(writing)
            raise Failed(error.errno, "fork") from error
        if pid == 0:
            try:
                self.become(argv, env, cwd, fds, terminal, writing)
            finally:
                os._exit(127)
        os.close(writing)
        failure = os.read(reading, 64)
        os.close(reading)
        if failure:
            number, stage = failure.decode().split()
            raise Failed(int(number), stage)
        self.records.pop(pid, None)
        self.records[pid] = None
        return pid

    def make_room(self) -> None:
        if len(self.records) >= RECORDS:
            ended = next((pid for pid, code in self.records.items() if code is not None), None)
            if ended is None:
                raise Failed(errno.EAGAIN, "fork")
            del self.records[ended]

    def become(
        self,
        argv: list[bytes],
        env: dict[bytes, bytes],
        cwd: bytes,
        fds: list[int],
        terminal: int | None,
        report: int,
    ) -> None:
        stage = "fork"
        try:
            os.setsid()
            if terminal is not None:
                stage = "pty"
                fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)
            for target in range(3):  # those received are all above 2, see main()
                os.dup2(fds[target], target)
            report = os.dup2(report, 3, inheritable=False)
            os.closerange(4, 4096)
            limit(resource.RLIMIT_NPROC, self.max_processes)
            limit(resource.RLIMIT_DATA, self.max_data)
            prefer_to_die()
            signal.set_wakeup_fd(-1)
            for number in (signal.SIGCHLD, signal.SIGINT, signal.SIGPIPE, signal.SIGXFSZ):
                signal.signal(number, signal.SIG_DFL)  # Python's own; the launcher saw to the rest
            signal.pthread_sigmask(signal.SIG_SETMASK, [])
            stage = "cwd"
            os.chdir(cwd)
            stage = "exec"
            execute(argv, env)
        except OSError as error:
            os.write(report, f"{error.errno} {stage}".encode())

    def signal(self, request: Request) -> Answer:
        if request.a > 1 and request.a in self.records:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(request.a, request.b)
        return Answer()

    def attach(self, request: Request) -> Answer:
        if request.a not in self.records:
            raise Failed(errno.ESRCH, "attach")
        code = self.records[request.a]
        return Answer(request.a, -1 if code is None else code)

    def reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                killers, self.killers = self.killers, []
                for client, number in killers:
                    self.say(client, number, OK, 0, 0)
                return
            if pid == 0:
                return
            if pid in self.records and self.records[pid] is None:
                killed = os.WIFSIGNALED(status)
                code = 128 + os.WTERMSIG(status) if killed else os.WEXITSTATUS(status)
                del self.records[pid]  # to the end of the line
                self.records[pid] = code
                for client in list(self.clients.values()):
                    self.say(client, 0, EXITED, pid, code)


def ignore(number: int, frame: FrameType | None) -> None:
    """The signal has done its work by waking `poll`."""


def dial(request: Request) -> Answer:
    """The client waits until the connection stands; the agent does not."""
    six = request.b == 6
    made = socket.socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_STREAM)
    made.setblocking(False)
    number = made.connect_ex(("::1" if six else "127.0.0.1", request.a & 0xFFFF))
    if number not in (0, errno.EINPROGRESS):
        made.close()
        raise Failed(number, "dial")
    return Answer(fd=made.detach())


def listen(request: Request) -> Answer:
    with socket.socket() as made:
        made.setblocking(False)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            made.bind(("127.0.0.1", request.a & 0xFFFF))
            made.listen(128)
        except OSError as error:
            raise Failed(error.errno, "listen") from error
        return Answer(fd=made.detach())


def parse(body: bytes) -> tuple[bytes, list[bytes], dict[bytes, bytes]]:
    """Working folder, arguments and variables."""
    if len(body) < 10 or body[-1]:
        raise Failed(errno.EINVAL, "request")
    argc, envc = struct.unpack_from("<II", body)
    words = body[8:-1].split(b"\0")
    if not argc or len(words) != 1 + argc + envc:
        raise Failed(errno.EINVAL, "request")
    pairs = (word.partition(b"=") for word in words[1 + argc :])
    return words[0], words[1 : 1 + argc], {name: value for name, _, value in pairs}


def execute(argv: list[bytes], env: dict[bytes, bytes]) -> None:
    try:
        os.execvpe(argv[0], argv, env)  # noqa: S606
    except OSError as error:
        if error.errno != errno.ENOEXEC:
            raise
        os.execve("/bin/sh", [b"sh", *argv], env)  # noqa: S606


def open_terminal(cols: int, rows: int) -> tuple[int, int]:
    master = slave = None
    try:
        master = os.open("/dev/pts/ptmx", os.O_RDWR | os.O_NOCTTY)
        fcntl.ioctl(master, TIOCSPTLCK, struct.pack("i", 0))
        number = struct.unpack("i", fcntl.ioctl(master, TIOCGPTN, struct.pack("i", 0)))[0]
        fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))
        slave = os.open(f"/dev/pts/{number}", os.O_RDWR | os.O_NOCTTY)
    except OSError as error:
        if master is not None:
            os.close(master)
        raise Failed(error.errno, "pty") from error
    return master, slave


def limit(what: int, value: int) -> None:
    if value:
        _, hard = resource.getrlimit(what)
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(what, (value, value))


def prefer_to_die() -> None:
    """The first victim of a full memory is a process of the user's, not the agent."""
    libc.prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)
    with contextlib.suppress(OSError):
        fd = os.open("/proc/self/oom_score_adj", os.O_WRONLY)
        os.write(fd, b"300")
        os.close(fd)


def broadcast(number: int) -> Answer:
    with contextlib.suppress(ProcessLookupError):
        os.kill(-1, number)
    return Answer()


def drain(fd: int) -> None:
    with contextlib.suppress(BlockingIOError):
        while os.read(fd, 4096):
            pass


def main() -> None:
    libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
    libc.prctl(PR_SET_NAME, b"init", 0, 0, 0)
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # which PID 1 never gets from its own machine
    signal.pthread_sigmask(signal.SIG_SETMASK, set(signal.valid_signals()) - {signal.SIGCHLD})
    os.umask(0o022)
    os.chdir("/")
    null = os.open("/dev/null", os.O_RDWR)
    for fd in range(3):
        os.dup2(null, fd)
    os.closerange(LISTENER + 1, 4096)
    os.set_inheritable(LISTENER, False)
    Agent(int(sys.argv[1]), int(sys.argv[2])).run()


if __name__ == "__main__":
    main()
