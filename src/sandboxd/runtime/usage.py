"""How much room folders take on the host, whatever a sandbox has put into them."""

import asyncio
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

SECONDS = 30.0
"""How long one measurement may take; a million files take about two seconds."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Bytes on disk and number of files. `hidden`: parts could not be looked into, so it may be more."""

    size: int
    files: int
    hidden: bool


async def usage(folder: Path) -> Usage:
    """Measure a folder with `du`, which follows no links and does not stumble over what vanishes.

    What takes longer than `SECONDS` counts as hidden: one sandbox must not keep others from being measured.
    """
    try:
        size, closed = await _du(folder, "--block-size=1")
        files, hidden = await _du(folder, "--inodes")
    except TimeoutError:
        return Usage(0, 0, hidden=True)
    return Usage(size, files, closed or hidden)


async def _du(folder: Path, what: str) -> tuple[int, bool]:
    command: Sequence[str] = ("du", "--summarize", "--one-file-system", what, "--", str(folder))
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"},
    )
    try:
        async with asyncio.timeout(SECONDS):
            out, errors = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await asyncio.shield(process.wait())
    number = out.split(b"\t", 1)[0]
    return int(number or 0), b"ermission denied" in errors
