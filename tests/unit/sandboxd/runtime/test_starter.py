"""The launcher's keeper: one launcher, another when it died, none after the end."""

import os
import signal
from pathlib import Path

import pytest

from sandboxd.errors import IsolationUnavailable
from sandboxd.runtime import starter as module
from sandboxd.runtime.starter import Starter

OWNER = (200000, 200000) if os.geteuid() == 0 else (os.geteuid(), os.getegid())


def children() -> list[int]:
    text = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return [
        pid for pid in map(int, text) if b"launcher" in Path(f"/proc/{pid}/cmdline").read_bytes()
    ]


def test_what_failed_to_start_is_written_to_its_log(tmp_path: Path) -> None:
    starter = Starter(OWNER)
    starter.open()
    reading, writing = os.pipe()
    log = os.open(tmp_path / "log", os.O_RDWR | os.O_CREAT)
    starter.start(
        {"binds": {"x": "/nowhere"}, "files": [], "argv": ["/bin/true"], "largest_file": 1},
        [log, writing],
    )
    os.close(writing)
    assert os.read(reading, 1) == b"", "the child is gone, and its descriptors with it"
    assert "No such file" in (tmp_path / "log").read_text()
    os.close(reading)
    os.close(log)
    starter.close()
    assert children() == []


def test_a_dead_launcher_is_replaced(tmp_path: Path) -> None:
    starter = Starter(OWNER)
    starter.open()
    (first,) = children()
    os.kill(first, signal.SIGKILL)
    os.waitid(os.P_PID, first, os.WEXITED | os.WNOWAIT)
    log = os.open(tmp_path / "log", os.O_RDWR | os.O_CREAT)
    starter.start({"binds": {}, "files": [], "argv": ["/bin/true"], "largest_file": 1}, [log])
    (second,) = children()
    assert second != first
    os.close(log)
    starter.close()


def test_a_host_that_refuses_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refusing = tmp_path / "launcher.py"
    refusing.write_text("import socket\nsocket.socket(fileno=3).send(b'Operation not permitted')")
    monkeypatch.setattr(module, "LAUNCHER", refusing)
    with pytest.raises(IsolationUnavailable, match=r"Operation not permitted.*doctor"):
        Starter(OWNER).open()


def test_it_ends_with_its_keeper() -> None:
    starter = Starter(OWNER)
    starter.open()
    assert len(children()) == 1
    del starter
    assert children() == []
