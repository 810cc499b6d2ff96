"""A real `sandboxd`, once per test session; nothing of it is left afterwards."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from daytona import AsyncDaytona, DaytonaConfig

START_SECONDS = 60
STOP_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Engine:
    """A running engine: how it is reached, and its process."""

    url: str
    key: str
    home: Path
    process: subprocess.Popen[bytes]

    @property
    def config(self) -> DaytonaConfig:
        return DaytonaConfig(api_key=self.key, api_url=self.url)


def start_engine(home: Path) -> Engine:
    """Start one and wait until it serves."""
    home.mkdir(parents=True, exist_ok=True)
    endpoint = home / "endpoint.json"
    endpoint.unlink(missing_ok=True)
    env = {k: v for k, v in os.environ.items() if not k.startswith(("KEELWAY", "DAYTONA"))}
    with (home.parent / f"{home.name}.log").open("ab") as log:
        process = subprocess.Popen(
            [
                sys.executable,
                "-c",
                "from sandboxd.cli import main; main()",
                "serve",
                "--port",
                "0",
                "--home",
                str(home),
            ],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=env,
            start_new_session=True,
        )
    deadline = time.monotonic() + START_SECONDS
    while not endpoint.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            process.wait()
            said = (home.parent / f"{home.name}.log").read_text(errors="replace")
            raise AssertionError(f"sandboxd did not start:\n{said[-4000:]}")
        time.sleep(0.02)
    found = json.loads(endpoint.read_text())
    return Engine(found["url"], found["key"], home, process)


def stop_engine(engine: Engine) -> list[str]:
    """Ctrl-C; the command lines of whatever it had started and is still alive after it."""
    if engine.process.poll() is None:
        below = descendants(engine.process.pid)
        engine.process.send_signal(signal.SIGINT)
        try:
            engine.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            engine.process.kill()
            engine.process.wait()
            return [f"sandboxd itself, after {STOP_SECONDS} s"]
    else:
        return [f"sandboxd had ended with {engine.process.returncode}"]
    deadline = time.monotonic() + 2
    while (left := [pid for pid in below if started(pid) == below[pid]]) and (
        time.monotonic() < deadline
    ):
        time.sleep(0.05)
    return [command_line(pid) for pid in left]


def descendants(root: int) -> dict[int, str]:
    """All processes below one, each with its start tick."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            fields = stat(int(entry.name))
            if fields:
                parents[int(entry.name)] = int(fields[1])
    found: dict[int, str] = {}
    wave = {root}
    while wave:
        wave = {pid for pid, parent in parents.items() if parent in wave and pid not in found}
        found |= {pid: started(pid) for pid in wave}
    return {pid: tick for pid, tick in found.items() if tick}


def stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat after the name; empty when there is no such process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def started(pid: int) -> str:
    fields = stat(pid)
    return fields[19] if fields and fields[0] not in "ZX" else ""


def command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return f"process {pid}"


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """The session's engine. Its home lies under a short path: sockets allow 107 bytes."""
    base = Path(tempfile.mkdtemp(prefix="kwe-", dir="/tmp"))
    running = start_engine(base / "e")
    try:
        yield running
        left = stop_engine(running)
        assert left == []
    finally:
        if running.process.poll() is None:
            stop_engine(running)
        shutil.rmtree(base, ignore_errors=True)


@pytest.fixture
async def daytona(engine: Engine) -> AsyncIterator[AsyncDaytona]:
    """A client of the session's engine."""
    async with AsyncDaytona(engine.config) as client:
        yield client
