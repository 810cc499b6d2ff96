"""A small process beside the server that starts machines: it forks cheaply and owns a mount namespace.

Run as `python3 -I -S launcher.py UID GID FD` with an empty environment (standard library only). Each
packet on FD is one machine: JSON `{binds, argv, files}` with descriptors. For each it forks a child that

1. binds the machine's folders to neutral names below a temporary /mnt of its own, since they lie
   below folders that the machine's user cannot enter and whose names are nobody's business;
2. becomes UID:GID for good (an ordinary user already is, in a user namespace made here);
3. puts the descriptors on 3, 4, ... and becomes bubblewrap.

It ends when the server does; machines stay.
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import resource
import signal
import socket
import struct
import sys
from pathlib import Path
from typing import TypedDict

CLONE_NEWNS, CLONE_NEWUSER = 0x00020000, 0x10000000
MS_BIND, MS_REC, MS_SLAVE, MS_NOSUID, MS_NODEV = 0x1000, 0x4000, 0x80000, 2, 4
STAGE = Path("/mnt")
DESCRIPTORS = 65536  # a process may hold; watchers of large trees need many
libc = ctypes.CDLL(None, use_errno=True)


class Request(TypedDict):
    """One machine: folders by their names below /mnt, descriptors by path there, what to become."""

    binds: dict[str, str]
    files: list[str]
    argv: list[str]
    largest_file: int


def check(result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def mount(
    source: bytes | None, target: bytes, kind: bytes | None, flags: int, data: bytes | None = None
) -> None:
    check(libc.mount(source, target, kind, ctypes.c_ulong(flags), data))


def enter(uid: int, gid: int) -> None:
    """A mount namespace of our own; an ordinary user needs a user namespace for that."""
    ordinary = os.geteuid() != 0
    check(libc.unshare(CLONE_NEWNS | (CLONE_NEWUSER if ordinary else 0)))
    if ordinary:
        for name, text in (
            ("setgroups", "deny"),
            ("uid_map", f"{uid} {uid} 1"),
            ("gid_map", f"{gid} {gid} 1"),
        ):
            Path(f"/proc/self/{name}").write_text(text)
    mount(None, b"/", None, MS_REC | MS_SLAVE)  # what the host unmounts goes here too


def stage(binds: dict[str, str]) -> None:
    """Bind each folder to its name below /mnt, which hides whatever the host has there."""
    check(libc.unshare(CLONE_NEWNS))
    folders = [os.open(folder, os.O_PATH | os.O_DIRECTORY) for folder in binds.values()]
    mount(b"none", bytes(STAGE), b"tmpfs", MS_NOSUID | MS_NODEV, b"size=64k,mode=755")
    for name, fd in zip(binds, folders, strict=True):
        (STAGE / name).mkdir()
        mount(f"/proc/self/fd/{fd}".encode(), bytes(STAGE / name), None, MS_BIND | MS_REC)
        os.close(fd)


def become(uid: int, gid: int) -> None:
    if os.geteuid() == 0:
        os.setgroups([])
        os.setresgid(gid, gid, gid)
        os.setresuid(uid, uid, uid)


def bound(largest_file: int) -> None:
    """What holds for everything in the machine: no core dump, no endless file, plenty of descriptors."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for what, most in (resource.RLIMIT_FSIZE, largest_file), (resource.RLIMIT_NOFILE, DESCRIPTORS):
        _, hard = resource.getrlimit(what)
        value = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(what, (value, value))


def place(fds: list[int]) -> None:
    """Put the descriptors on 3, 4, ...; all others close on exec."""
    high = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 64) for fd in fds]
    for target, fd in enumerate(high, 3):
        os.dup2(fd, target)


def launch(request: Request, fds: list[int], uid: int, gid: int) -> None:
    log, *fds = fds
    null = os.open("/dev/null", os.O_RDWR)
    for target, fd in (0, null), (1, log), (2, log):
        os.dup2(fd, target)
    try:
        os.setsid()
        stage(request["binds"])
        for name in request["files"]:  # the agent, opened where it is and kept by number
            fds.append(os.open(STAGE / name, os.O_RDONLY))
        place(fds)
        bound(request["largest_file"])
        become(uid, gid)
        os.umask(0o022)
        os.chdir("/")
        for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, [])
        os.execve(request["argv"][0], request["argv"], {})  # noqa: S606
    except OSError as error:
        os.write(2, f"could not start: {error}\n".encode())


def serve(channel: socket.socket, uid: int, gid: int) -> None:
    while True:
        packet, control, _, _ = channel.recvmsg(
            1 << 17, socket.CMSG_SPACE(16 * 4), socket.MSG_CMSG_CLOEXEC
        )
        if not packet:
            return
        fds = [fd for _, _, data in control for fd in struct.unpack(f"{len(data) // 4}i", data)]
        if os.fork() == 0:
            try:
                launch(json.loads(packet), list(fds), uid, gid)
            finally:
                os._exit(1)
        for fd in fds:
            os.close(fd)


def main() -> None:
    uid, gid, fd = map(int, sys.argv[1:4])
    os.closerange(fd + 1, os.sysconf("SC_OPEN_MAX"))  # what the server left inheritable
    channel = socket.socket(fileno=fd)
    channel.set_inheritable(False)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for what it starts
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's Ctrl-C is the server's
    try:
        enter(uid, gid)
    except OSError as error:
        channel.send(f"{error}".encode())
        return
    channel.send(b"ready")
    serve(channel, uid, gid)


if __name__ == "__main__":
    main()
