"""The agent in Python: what agent.c is, for machines without a compiler.

Runs as PID 1 with the machine's own python3 (`-I -S`, standard library, 3.8 and later), so it imports
nothing of ours. Everything is imported before the first process starts. See agent.c for the reasons.
"""

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

SPAWN, SIGNAL, DIAL, LISTEN, KILL_ALL, ATTACH, STOP_ALL, CONTINUE_ALL, PING = range(1, 10)
OK, ERROR, EXITED, HELLO = range(100, 104)
IN_MEMFD, PTY = 1, 2
VERSION, LISTENER, CLIENTS, RECORDS, PACKET = 1, 3, 16, 4096, 1 << 17
HEAD = struct.Struct("<IHHii")
PR_SET_DUMPABLE, PR_SET_NAME = 4, 15
libc = ctypes.CDLL(None, use_errno=True)


class Failed(Exception):
    def __init__(self, number, stage):
        self.number, self.stage = number, stage


class Agent:
    def __init__(self, max_processes, max_data):
        self.max_processes, self.max_data = max_processes, max_data
        self.clients = {}
        self.records = {}  # pid: None while running, else the exit code; oldest first
        self.killers = []
        self.listener = socket.socket(fileno=LISTENER)
        self.listener.setblocking(False)
        self.poll = select.poll()
        self.poll.register(LISTENER, select.POLLIN)
        self.wake, wake = os.pipe()
        for fd in (self.wake, wake):
            os.set_blocking(fd, False)
        self.poll.register(self.wake, select.POLLIN)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self.verbs = {
            SPAWN: self.spawn, SIGNAL: self.signal, DIAL: self.dial, LISTEN: self.listen,
            KILL_ALL: self.kill_all, ATTACH: self.attach, STOP_ALL: self.stop_all,
            CONTINUE_ALL: self.continue_all, PING: lambda *_: (VERSION, 0, None),
        }  # fmt: skip

    def run(self):
        while True:
            for fd, _ in self.poll.poll():
                if fd == self.wake:
                    drain(fd)
                    self.reap()
                elif fd == LISTENER:
                    self.welcome()
                elif fd in self.clients:
                    self.hear(fd)

    def welcome(self):
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

    def drop(self, client):
        if self.clients.pop(client.fileno(), None):
            self.poll.unregister(client)
            client.close()
            self.killers = [(c, number) for c, number in self.killers if c is not client]

    def say(self, client, number, op, a, b, body=b"", fd=None):
        rights = (
            [(socket.SOL_SOCKET, socket.SCM_RIGHTS, struct.pack("i", fd))] if fd is not None else []
        )
        try:
            client.sendmsg([HEAD.pack(number, op, 0, a, b), body], rights, socket.MSG_DONTWAIT)
        except OSError:
            self.drop(client)

    def hear(self, fd):
        client = self.clients[fd]
        fds = []
        try:
            packet, control, flags, _ = client.recvmsg(
                PACKET, socket.CMSG_SPACE(8 * 4), socket.MSG_CMSG_CLOEXEC
            )
        except BlockingIOError:
            return
        except OSError:
            self.drop(client)
            return
        for level, kind, data in control:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                fds += struct.unpack(f"{len(data) // 4}i", data)
        if len(packet) < HEAD.size or flags & (socket.MSG_TRUNC | socket.MSG_CTRUNC):
            self.drop(client)
        else:
            self.obey(client, packet, fds)
        for fd in fds:
            os.close(fd)

    def obey(self, client, packet, fds):
        number, op, flags, a, b = HEAD.unpack_from(packet)
        verb = self.verbs.get(op)
        try:
            if verb is None:
                raise Failed(errno.ENOSYS, "request")
            if op == KILL_ALL:
                self.kill_all(client, number)
                return
            a, b, fd = verb(flags, a, b, packet[HEAD.size :], fds)
        except Failed as failed:
            self.say(client, number, ERROR, failed.number, 0, failed.stage.encode())
            return
        except OSError as error:
            self.say(client, number, ERROR, error.errno or errno.EIO, 0, b"request")
            return
        self.say(client, number, OK, a, b, fd=fd)
        if fd is not None:
            os.close(fd)

    def spawn(self, flags, a, b, body, fds):
        if len(fds) != (0 if flags & PTY else 3) + (1 if flags & IN_MEMFD else 0):
            raise Failed(errno.EINVAL, "request")
        if flags & IN_MEMFD:
            with mmap.mmap(fds[-1], 0, prot=mmap.PROT_READ, flags=mmap.MAP_PRIVATE) as text:
                body = text[:]
        cwd, argv, env = parse(body)
        master, slave = open_terminal(a, b) if flags & PTY else (None, None)
        pid = self.start(argv, env, cwd, fds, slave)
        if slave is not None:
            os.close(slave)
        if pid is None or isinstance(pid, Failed):
            if master is not None:
                os.close(master)
            raise pid or Failed(errno.EAGAIN, "fork")
        self.records.pop(pid, None)
        self.records[pid] = None
        return pid, 0, master

    def start(self, argv, env, cwd, fds, slave):
        """The new pid, or why there is none."""
        if not self.room():
            return Failed(errno.EAGAIN, "fork")
        reading, writing = os.pipe()
        try:
            pid = os.fork()
        except OSError as error:
            os.close(reading)
            os.close(writing)
            return Failed(error.errno, "fork")
        if pid == 0:
            try:
                self.become(argv, env, cwd, fds, slave, writing)
            finally:
                os._exit(127)
        os.close(writing)
        failure = os.read(reading, 64)
        os.close(reading)
        if failure:
            number, stage = failure.decode().split()
            return Failed(int(number), stage)
        return pid

    def room(self):
        if len(self.records) >= RECORDS:
            ended = next((pid for pid, code in self.records.items() if code is not None), None)
            if ended is None:
                return False
            del self.records[ended]
        return True

    def become(self, argv, env, cwd, fds, slave, report):
        stage = "fork"
        try:
            os.setsid()
            if slave is not None:
                stage = "pty"
                fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
                fds = [slave] * 3
            for target in range(3):
                os.dup2(fds[target], target)
            os.dup2(report, 3, inheritable=False)
            report = 3
            os.closerange(4, 4096)
            limit(resource.RLIMIT_NPROC, self.max_processes)
            limit(resource.RLIMIT_DATA, self.max_data)
            prefer_to_die()
            signal.set_wakeup_fd(-1)
            for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
                signal.signal(number, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_SETMASK, [])
            stage = "cwd"
            os.chdir(cwd)
            stage = "exec"
            try:
                os.execvpe(argv[0], argv, env)
            except OSError as error:
                if error.errno != errno.ENOEXEC:
                    raise
                os.execve("/bin/sh", [b"sh", *argv], env)
        except OSError as error:
            os.write(report, f"{error.errno} {stage}".encode())

    def signal(self, flags, a, b, body, fds):
        if a > 1 and a in self.records:
            try:
                os.killpg(a, b)
            except (ProcessLookupError, PermissionError):
                pass
        return 0, 0, None

    def dial(self, flags, a, b, body, fds):
        six = b == 6
        made = socket.socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_STREAM)
        made.setblocking(False)
        number = made.connect_ex(("::1" if six else "127.0.0.1", a & 0xFFFF))
        if number not in (0, errno.EINPROGRESS):
            made.close()
            raise Failed(number, "dial")
        return 0, 0, made.detach()

    def listen(self, flags, a, b, body, fds):
        with socket.socket() as made:
            made.setblocking(False)
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                made.bind(("127.0.0.1", a & 0xFFFF))
                made.listen(128)
            except OSError as error:
                raise Failed(error.errno, "listen") from error
            return 0, 0, made.detach()

    def kill_all(self, client, number):
        broadcast(signal.SIGKILL)
        self.killers.append((client, number))
        self.reap()

    def attach(self, flags, a, b, body, fds):
        if a not in self.records:
            raise Failed(errno.ESRCH, "attach")
        code = self.records[a]
        return a, -1 if code is None else code, None

    def stop_all(self, flags, a, b, body, fds):
        broadcast(signal.SIGSTOP)
        return 0, 0, None

    def continue_all(self, flags, a, b, body, fds):
        broadcast(signal.SIGCONT)
        return 0, 0, None

    def reap(self):
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
                code = (
                    128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
                )
                self.records.pop(pid)
                self.records[pid] = code
                for client in list(self.clients.values()):
                    self.say(client, 0, EXITED, pid, code)


def parse(body):
    if len(body) < 10 or body[-1]:
        raise Failed(errno.EINVAL, "request")
    argc, envc = struct.unpack_from("<II", body)
    words = body[8:-1].split(b"\0")
    if not argc or len(words) != 1 + argc + envc:
        raise Failed(errno.EINVAL, "request")
    env = dict(word.split(b"=", 1) for word in words[1 + argc :] if b"=" in word)
    return words[0], words[1 : 1 + argc], env


def open_terminal(cols, rows):
    master = slave = None
    try:
        master = os.open("/dev/pts/ptmx", os.O_RDWR | os.O_NOCTTY)
        fcntl.ioctl(master, 0x40045431, struct.pack("i", 0))  # TIOCSPTLCK
        number = struct.unpack("i", fcntl.ioctl(master, 0x80045430, struct.pack("i", 0)))[0]
        fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))
        slave = os.open(f"/dev/pts/{number}", os.O_RDWR | os.O_NOCTTY)
    except OSError as error:
        if master is not None:
            os.close(master)
        raise Failed(error.errno, "pty") from error
    return master, slave


def limit(what, value):
    if value:
        _, hard = resource.getrlimit(what)
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(what, (value, value))


def prefer_to_die():
    libc.prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)
    try:
        fd = os.open("/proc/self/oom_score_adj", os.O_WRONLY)
        os.write(fd, b"300")
        os.close(fd)
    except OSError:
        pass


def broadcast(number):
    try:
        os.kill(-1, number)
    except ProcessLookupError:
        pass


def drain(fd):
    try:
        while os.read(fd, 4096):
            pass
    except BlockingIOError:
        pass


def main():
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


main()
