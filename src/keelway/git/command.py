"""Run git: arguments in, bytes out, nothing of the host's configuration in between.

Git only ever runs on bare repositories that Keelway itself wrote; a repository's own configuration
can start programs, and no list of `-c` options closes that (GIT.md 9).
"""

import asyncio
import os
import shutil
import signal
from collections.abc import AsyncIterator, Mapping, Sequence
from functools import cache
from pathlib import Path

from keelway.errors import KeelwayError

ENVIRONMENT = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ALLOW_PROTOCOL": "",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "HOME": "/nonexistent",
    "LC_ALL": "C",
    "PATH": "/usr/bin:/bin",
}
OPTIONS = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.attributesFile=/dev/null",
    "core.quotePath=false",
    "core.bigFileThreshold=1m",
    "gc.auto=0",
    "maintenance.auto=false",
    "pack.writeBitmaps=false",
    "pack.threads=1",
    "protocol.allow=never",
    "transfer.fsckObjects=true",
)

type_of_input = bytes | AsyncIterator[bytes] | None


class GitError(KeelwayError):
    """Git ended with an error, took too long, or said more than it may."""

    def __init__(self, message: str, argv: Sequence[str], code: int | None, output: str) -> None:
        super().__init__(message, argv=tuple(argv), exit_code=code, output=output)
        self.exit_code = code
        self.output = output


@cache
def program() -> str:
    """Git's own path. Raises GitError when the machine has none."""
    found = shutil.which("git")
    if found is None:
        raise GitError("git is not installed (package git).", ("git",), None, "")
    return found


async def git(
    *args: str,
    repository: Path,
    stdin: type_of_input = None,
    env: Mapping[str, str] | None = None,
    seconds: float = 60,
    limit: int = 256 * 1024 * 1024,
) -> bytes:
    """Run `git ARGS` on a bare repository and return what it printed.

    Args:
        args: The command and its arguments; values from outside only as full object names.
        repository: A bare repository that Keelway wrote.
        stdin: What git reads; an iterator is streamed.
        env: Further variables, such as GIT_ALTERNATE_OBJECT_DIRECTORIES.
        seconds: Time limit.
        limit: Most bytes of output.

    Raises:
        GitError: A non-zero exit, too much output, or the time limit. Git and its children are gone
            by then, as they are when the caller is cancelled.
    """
    argv = [program(), f"--git-dir={repository}"]
    for option in OPTIONS:
        argv += ["-c", option]
    argv += args
    process = await asyncio.create_subprocess_exec(
        *argv,
        cwd=repository,
        env={**ENVIRONMENT, **(env or {})},
        stdin=asyncio.subprocess.DEVNULL if stdin is None else asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        process_group=0,
    )
    try:
        async with asyncio.timeout(seconds):
            output, errors = await _converse(process, stdin, limit)
            code = await process.wait()
    except TimeoutError as error:
        raise GitError("git took too long.", args, None, "") from error
    except _TooMuch as error:
        raise GitError("git printed too much.", args, None, "") from error
    finally:
        await _end(process)
    if code != 0:
        text = errors.decode(errors="replace").strip()
        raise GitError(f"git {args[0]} failed: {text}", args, code, text)
    return output


class _TooMuch(Exception):
    pass


async def _converse(
    process: asyncio.subprocess.Process, stdin: type_of_input, limit: int
) -> tuple[bytes, bytes]:
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(_feed(process.stdin, stdin))
            output = group.create_task(_read(process.stdout, limit))
            errors = group.create_task(_read(process.stderr, 1024 * 1024))
    except BaseExceptionGroup as group_error:
        raise group_error.exceptions[0] from group_error
    return output.result(), errors.result()


async def _feed(writer: asyncio.StreamWriter | None, data: type_of_input) -> None:
    if writer is None or data is None:
        return
    try:
        if isinstance(data, bytes):
            writer.write(data)
        else:
            async for chunk in data:
                writer.write(chunk)
                await writer.drain()
        await writer.drain()
        writer.close()
        await writer.wait_closed()
    except (BrokenPipeError, ConnectionResetError):
        pass  # git ended early; its exit code and message say why


async def _read(reader: asyncio.StreamReader, limit: int) -> bytes:
    chunks: list[bytes] = []
    size = 0
    while chunk := await reader.read(256 * 1024):
        size += len(chunk)
        if size > limit:
            raise _TooMuch
        chunks.append(chunk)
    return b"".join(chunks)


async def _end(process: asyncio.subprocess.Process) -> None:
    """Nothing of the process group may outlive the call."""
    if process.returncode is None:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        await asyncio.shield(process.wait())
