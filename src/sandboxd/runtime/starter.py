"""The server's side of the launcher: keep one running, hand it machines to start."""

import json
import os
import socket
import sys
import threading
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sandboxd.errors import IsolationUnavailable

LAUNCHER = Path(__file__).parent / "launcher.py"
SECONDS = 20
INSIDE = 3  # the launcher's own end of the channel


class Starter:
    """Starts machines as `owner` through a launcher process of its own. Thread-safe, blocking."""

    def __init__(self, owner: tuple[int, int]) -> None:
        self._owner = owner
        self._lock = threading.Lock()
        self._channel: socket.socket | None = None
        self._finalize: weakref.finalize[[int, socket.socket], Starter] | None = None

    def open(self) -> None:
        """Start the launcher.

        Raises:
            IsolationUnavailable: this host refuses the namespaces it needs.
        """
        with self._lock:
            self._connect()

    def start(self, request: dict[str, Any], fds: Sequence[int]) -> None:
        """Hand over one machine; whether it came up shows on the descriptors that went along."""
        packet = json.dumps(request).encode()
        with self._lock:
            try:
                socket.send_fds(self._connect(), [packet], fds)
            except (BrokenPipeError, ConnectionResetError):  # it died: one more
                self._end()
                socket.send_fds(self._connect(), [packet], fds)

    def close(self) -> None:
        with self._lock:
            self._end()

    def _connect(self) -> socket.socket:
        if self._channel is not None:
            return self._channel
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.settimeout(SECONDS)
        pid = _spawn(theirs, self._owner)
        theirs.close()
        self._channel = ours
        self._finalize = weakref.finalize(self, _end, pid, ours)
        word = ours.recv(1024)
        if word != b"ready":
            self._end()
            raise IsolationUnavailable(
                f"This machine does not allow namespaces ({word.decode() or 'the launcher died'}). "
                "Run sandboxd doctor for the cause and the remedy."
            )
        return ours

    def _end(self) -> None:
        if self._finalize is not None:
            self._finalize()
        self._channel = self._finalize = None


def _spawn(theirs: socket.socket, owner: tuple[int, int]) -> int:
    argv = [sys.executable, "-I", "-S", str(LAUNCHER), *map(str, owner), str(INSIDE)]
    actions = [(os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDWR, 0)]
    actions += [(os.POSIX_SPAWN_DUP2, 0, target) for target in (1, 2)]
    # A descriptor that already is 3 would keep its close-on-exec flag: go by way of a high one.
    high = os.dup(theirs.fileno())
    try:
        while high <= INSIDE:
            high = os.dup(high)
        actions.append((os.POSIX_SPAWN_DUP2, high, INSIDE))
        return os.posix_spawn(sys.executable, argv, {}, file_actions=actions, setsid=True)
    finally:
        os.close(high)


def _end(pid: int, channel: socket.socket) -> None:
    """It leaves when the channel ends; wait, so that no zombie stays."""
    channel.close()
    try:
        os.waitpid(pid, 0)
    except ChildProcessError:
        return
