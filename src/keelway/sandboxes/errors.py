"""What can go wrong with a machine, and which of the SDK's errors mean it."""

from collections.abc import Generator
from contextlib import contextmanager

from daytona import (
    DaytonaAuthenticationError,
    DaytonaBadGatewayError,
    DaytonaConflictError,
    DaytonaConnectionError,
    DaytonaError,
    DaytonaFileNotFoundError,
    DaytonaForbiddenError,
    DaytonaGoneError,
    DaytonaInvalidFilePathError,
    DaytonaNotFoundError,
    DaytonaRateLimitError,
    DaytonaServiceUnavailableError,
    DaytonaTimeoutError,
)

from keelway.errors import KeelwayError, Unavailable

DAEMON = "DAYTONA_DAEMON"
"""The SDK's name for the toolbox inside a sandbox, as the source of an error."""


class SandboxError(KeelwayError):
    """Something about a sandbox; the sentence says what."""


class SandboxGone(SandboxError, Unavailable):
    """The engine itself said that it does not know this sandbox. The next try makes a new one."""


class SandboxStopped(SandboxError, Unavailable):
    """It exists and does not run."""


class SandboxTimeout(SandboxError, Unavailable):
    """No answer in time; what was asked may have happened."""

    sandbox_id: str | None = None


class SandboxUnreachable(SandboxError, Unavailable):
    """The engine could not be reached; its sandboxes may be fine."""


class SandboxQuotaExceeded(SandboxError, Unavailable):
    """The engine has no room for another sandbox."""


class SandboxRefused(SandboxError):
    """The engine refused our key: an operator's matter."""


class SandboxTaken(SandboxError):
    """That session or snapshot exists already."""


class SessionLost(SandboxError):
    """No such session or command in this sandbox: it ended, or the sandbox was restarted."""


@contextmanager
def translated(sandbox_id: str) -> Generator[None]:
    """Turn the SDK's errors into ours, keeping the original as the cause.

    A missing file becomes Python's own FileNotFoundError.
    """
    try:
        yield
    except DaytonaError as error:
        raise meaning(error, sandbox_id) from error


def meaning(error: DaytonaError, sandbox_id: str) -> Exception:
    """Our error for one of the SDK's."""
    if isinstance(error, DaytonaFileNotFoundError):
        return FileNotFoundError(error.message)
    if isinstance(error, DaytonaInvalidFilePathError):
        return IsADirectoryError(error.message)
    kind = _kind(error)
    ours = kind(SENTENCES.get(kind, error.message), sandbox=sandbox_id)
    if isinstance(ours, SandboxTimeout) and isinstance(error, DaytonaTimeoutError):
        ours.sandbox_id = error.sandbox_id
    return ours


def _kind(error: DaytonaError) -> type[SandboxError]:
    if isinstance(error, DaytonaNotFoundError | DaytonaGoneError) and _inside(error):
        return SessionLost
    for theirs, ours in MEANINGS:
        if isinstance(error, theirs):
            return ours
    text = error.message.lower()
    if "started?" in text:
        return SandboxStopped
    return SandboxQuotaExceeded if "quota" in text or "limit exceeded" in text else SandboxError


def _inside(error: DaytonaError) -> bool:
    """Something in the sandbox is missing, not the sandbox. Engines differ in whom they name."""
    words = error.message.rsplit(": ", 1)[-1].split()
    return error.source == DAEMON or words[:1] in (["Session"], ["Command"])


MEANINGS: tuple[tuple[type[DaytonaError], type[SandboxError]], ...] = (
    (DaytonaNotFoundError, SandboxGone),
    (DaytonaTimeoutError, SandboxTimeout),
    (DaytonaConnectionError, SandboxUnreachable),
    (DaytonaBadGatewayError, SandboxUnreachable),
    (DaytonaServiceUnavailableError, SandboxUnreachable),
    (DaytonaAuthenticationError, SandboxRefused),
    (DaytonaForbiddenError, SandboxRefused),
    (DaytonaRateLimitError, SandboxQuotaExceeded),
    (DaytonaConflictError, SandboxTaken),
)
"""The first that fits, most particular first."""

SENTENCES: dict[type[SandboxError], str] = {
    SandboxGone: "The sandbox is gone.",
    SandboxTimeout: "The sandbox did not answer in time.",
    SandboxUnreachable: "The sandbox engine does not answer.",
    SandboxRefused: "The sandbox engine refused Keelway's key.",
    SandboxStopped: "The sandbox is not running.",
}
"""Where the engine's own words would say less."""
