"""The programs that start machines: copied where their starter may read them, built where possible."""

import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from sandboxd.errors import IsolationUnavailable
from sandboxd.runtime import tools


def test_bubblewrap_runs_from_its_copy(home: Path) -> None:
    made = tools.install(home, "python")
    output = subprocess.run(
        [made.folder / made.bwrap, "--version"], capture_output=True, text=True, check=True
    )
    assert output.stdout.startswith("bubblewrap 0.")
    assert made.kind == "python"
    assert (made.folder / made.agent).read_bytes() == (tools.HERE / "agent.py").read_bytes()


def test_nothing_is_made_twice(home: Path) -> None:
    first = tools.install(home, "auto")
    stamps = {path: path.stat().st_mtime_ns for path in first.folder.rglob("*")}
    assert tools.install(home, "auto") == first
    assert {path: path.stat().st_mtime_ns for path in first.folder.rglob("*")} == stamps


@pytest.mark.skipif(shutil.which("gcc") is None, reason="no compiler here")
def test_the_built_agent_is_static(home: Path) -> None:
    made = tools.install(home, "c")
    assert made.kind == "c"
    assert INTERPRETER not in segments((made.folder / made.agent).read_bytes())


INTERPRETER = 3  # PT_INTERP: a program with this segment is loaded by another


def segments(program: bytes) -> list[int]:
    start = struct.unpack_from("<Q", program, 0x20)[0]
    size, count = struct.unpack_from("<HH", program, 0x36)
    return [struct.unpack_from("<I", program, start + n * size)[0] for n in range(count)]


def test_a_compiler_that_fails_is_no_compiler(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "bin").mkdir()
    (home / "bin" / "gcc").write_text("#!/bin/sh\nexit 1\n")
    (home / "bin" / "gcc").chmod(0o755)
    monkeypatch.setenv("PATH", str(home / "bin"))
    assert tools.install(home, "auto").kind == "python"
    with pytest.raises(IsolationUnavailable, match="Install gcc"):
        tools.install(home, "c")


def test_a_prebuilt_agent_is_taken_before_a_compiler(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "agent").write_bytes(b"\x7fELF prebuilt")
    (home / "agent").chmod(0o755)
    monkeypatch.setattr(tools, "HERE", home)
    made = tools.install(home, "auto")
    assert made.kind == "c"
    assert (made.folder / made.agent).read_bytes() == b"\x7fELF prebuilt"
