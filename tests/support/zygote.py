"""Processes that start fast: forked from one that has imported everything already.

Importing the app takes seconds, which a test that starts it a hundred times cannot spend. A child is a
process of its own, in a session of its own; killing it is killing a server.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any


class Child:
    """A forked process, with the part of Popen's interface that a driver needs."""

    def __init__(self, pid: int) -> None:
        self.pid = pid

    def poll(self) -> int | None:
        """None while it lives; how it ended is not known here."""
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return -1
        return None

    def wait(self, timeout: float = 60) -> int:
        deadline = time.monotonic() + timeout
        while self.poll() is None:
            assert time.monotonic() < deadline, f"process {self.pid} does not end"
            time.sleep(0.01)
        return 0

    def send_signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class Zygote:
    """The process that the others are forked from. Close it when done."""

    def __init__(self) -> None:
        root = Path(__file__).parents[2]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.zygote"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": str(root)},
        )

    def __call__(self, argv: Sequence[str], env: Mapping[str, str], log: Path) -> Child:
        """Fork `keelway argv` with this whole environment, its output appended to `log`."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        wish = json.dumps({"argv": list(argv), "env": dict(env), "log": str(log)})
        self._process.stdin.write(wish.encode() + b"\n")
        self._process.stdin.flush()
        return Child(int(self._process.stdout.readline()))

    def close(self) -> None:
        self._process.communicate(timeout=30)


def _serve() -> None:
    import_module("keelway.cli.up")

    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin.buffer:
        wish = json.loads(line)
        child = os.fork()
        if child == 0:
            _become(wish)
        os.write(1, f"{child}\n".encode())


def _become(wish: dict[str, Any]) -> None:
    from tests.support.faulty import run

    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    log = os.open(wish["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    null = os.open("/dev/null", os.O_RDONLY)
    for descriptor, target in ((null, 0), (log, 1), (log, 2)):
        os.dup2(descriptor, target)
    os.environ.clear()
    os.environ.update(wish["env"])
    sys.argv = ["keelway", *wish["argv"]]
    code = 1
    try:
        run()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    finally:
        sys.stdout.flush()
        os._exit(code)


if __name__ == "__main__":
    _serve()
