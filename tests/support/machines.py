"""Real machines for tests: a shared home with its base layer, and short ways to run things inside."""

import os
import shutil
import tempfile
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

from sandboxd.runtime.base import base_env
from sandboxd.runtime.machine import NamespaceMachine, NamespaceProcess
from sandboxd.runtime.namespaces import Namespaces
from sandboxd.runtime.runtime import Limits, MachineSpec

AGENTS = ("c", "python")


def temporary_home() -> Iterator[Path]:
    """A 0700 folder that is gone afterwards, whatever machines' owners left in it."""
    home = Path(tempfile.mkdtemp(prefix="sbx-"))
    yield home
    for work in home.glob("**/work/work"):
        work.chmod(0o700)
    shutil.rmtree(home)


@asynccontextmanager
async def running(
    runtime: Namespaces,
    home: Path,
    name: str,
    layers: tuple[Path, ...] = (),
    limits: Limits | None = None,
) -> AsyncGenerator[NamespaceMachine]:
    """A machine with a folder of its own below `home`, destroyed afterwards."""
    machine = await runtime.create(spec(home, name, layers, limits))
    try:
        yield machine
    finally:
        await machine.destroy()


def spec(
    home: Path, name: str, layers: tuple[Path, ...] = (), limits: Limits | None = None
) -> MachineSpec:
    folder = home / name
    folder.mkdir(exist_ok=True)
    return MachineSpec(name, folder, layers, limits=limits or Limits())


async def start(
    machine: NamespaceMachine,
    *argv: str,
    cwd: str = "/home/daytona",
    stdin: int = -1,
    out: int = -1,
) -> NamespaceProcess:
    """Start a process whose unnamed descriptors are /dev/null."""
    null = os.open(os.devnull, os.O_RDWR)
    try:
        stdin, out = (null if fd < 0 else fd for fd in (stdin, out))
        return await machine.spawn(
            argv, env=base_env(), cwd=cwd, stdin=stdin, stdout=out, stderr=out
        )
    finally:
        os.close(null)


async def run(machine: NamespaceMachine, *argv: str, cwd: str = "/home/daytona") -> tuple[int, str]:
    """Exit code and whole output (both streams) of a process that has ended."""
    with tempfile.TemporaryFile() as output:
        process = await start(machine, *argv, cwd=cwd, out=output.fileno())
        code = await process.wait()
        output.seek(0)
        return code, output.read().decode(errors="replace")


async def sh(machine: NamespaceMachine, script: str) -> str:
    """What a shell script inside says, standard error included, without the last newline."""
    return (await run(machine, "bash", "-c", script))[1].rstrip("\n")


async def py(machine: NamespaceMachine, script: str) -> str:
    """What a Python program inside prints; it finds ctypes' libc as `libc` and `call` for raw calls."""
    return (await run(machine, "python3", "-c", PRELUDE + script))[1].rstrip("\n")


PRELUDE = '''
import ctypes, errno, os, socket, sys
libc = ctypes.CDLL(None, use_errno=True)
def call(*args):
    """The name of the error of a raw system call, or its result."""
    result = libc.syscall(*[ctypes.c_long(a) if isinstance(a, int) else a for a in args])
    return errno.errorcode[ctypes.get_errno()] if result == -1 else result
def attempt(function, *args):
    try:
        return function(*args)
    except OSError as error:
        return errno.errorcode[error.errno]
'''
