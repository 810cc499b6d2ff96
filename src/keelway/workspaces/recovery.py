"""From nothing to a usable workspace, one rung of a ladder at a time."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from keelway.sandboxes.errors import (
    SandboxError,
    SandboxQuotaExceeded,
    SandboxRefused,
    SandboxTimeout,
    SandboxUnreachable,
)
from keelway.workspaces.errors import RecoveryFailed, WorkspaceError

log = logging.getLogger(__name__)

RecoveryMode = Literal["full_restore", "files_only", "minimal_sandbox", "emergency_fallback"]
"""Machine, files, packages, server · machine and files · a bare machine and files · files alone."""

LEFT_ALONE = (SandboxUnreachable, SandboxRefused, SandboxQuotaExceeded, SandboxTimeout)
"""The engine could not be asked, so the sandbox may be fine: no rung that replaces it is tried."""


@dataclass(frozen=True, slots=True)
class Rung:
    """One way to a workspace, `seconds` its limit. `replaces`: it gives up the sandbox there was."""

    mode: RecoveryMode
    attempt: Callable[[], Awaitable[None]]
    seconds: float
    replaces: bool = False


@dataclass(frozen=True, slots=True)
class Climbed:
    """The rung that held, a line for each that did not, and the error of the first."""

    mode: RecoveryMode
    missed: Sequence[str]
    first: Exception | None


async def climb(ladder: Sequence[Rung]) -> Climbed:
    """Try each rung in order.

    Raises:
        RecoveryFailed: none held.
    """
    missed: list[str] = []
    first: Exception | None = None
    alone = False
    for rung in ladder:
        if rung.replaces and alone:
            continue
        try:
            async with asyncio.timeout(rung.seconds):
                await rung.attempt()
        except (SandboxError, WorkspaceError, TimeoutError) as error:
            first = first or error
            alone = alone or isinstance(error, LEFT_ALONE)
            missed.append(f"{rung.mode}: {str(error) or 'it took too long'}")
            log.warning("rung missed", extra={"mode": rung.mode}, exc_info=True)
        else:
            return Climbed(rung.mode, tuple(missed), first)
    raise RecoveryFailed("The project could not be opened. " + "; ".join(missed))
