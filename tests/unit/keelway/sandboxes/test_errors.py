"""One table turns the SDK's errors into ours."""

import pytest
from daytona import (
    DaytonaAuthenticationError,
    DaytonaConflictError,
    DaytonaConnectionError,
    DaytonaConnectionTimeoutError,
    DaytonaError,
    DaytonaFileNotFoundError,
    DaytonaInvalidFilePathError,
    DaytonaNotFoundError,
    DaytonaRateLimitError,
    DaytonaServiceUnavailableError,
    DaytonaSessionEndedError,
    DaytonaTimeoutError,
    DaytonaValidationError,
)

from keelway.errors import Unavailable
from keelway.sandboxes.errors import (
    SandboxError,
    SandboxGone,
    SandboxQuotaExceeded,
    SandboxRefused,
    SandboxStopped,
    SandboxTaken,
    SandboxTimeout,
    SandboxUnreachable,
    SessionLost,
    meaning,
    translated,
)

DAEMON = "DAYTONA_DAEMON"


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        (DaytonaNotFoundError("x", 404, source="DAYTONA_API"), SandboxGone),
        (DaytonaNotFoundError("x", 404, source=DAEMON), SessionLost),
        (DaytonaNotFoundError("Failed to get session: Session dev not found", 404), SessionLost),
        (DaytonaSessionEndedError("x", 410, source=DAEMON), SessionLost),
        (DaytonaFileNotFoundError("x", 404, source=DAEMON), FileNotFoundError),
        (DaytonaInvalidFilePathError("x", 400, source=DAEMON), IsADirectoryError),
        (DaytonaTimeoutError("x"), SandboxTimeout),
        (DaytonaConnectionTimeoutError("x"), SandboxTimeout),
        (DaytonaConnectionError("x"), SandboxUnreachable),
        (DaytonaServiceUnavailableError("x", 503), SandboxUnreachable),
        (DaytonaAuthenticationError("x", 401), SandboxRefused),
        (DaytonaRateLimitError("x", 429), SandboxQuotaExceeded),
        (DaytonaValidationError("Total CPU quota exceeded", 400), SandboxQuotaExceeded),
        (DaytonaConflictError("x", 409), SandboxTaken),
        (DaytonaValidationError("no IP. Is the Sandbox started?", 400), SandboxStopped),
        (DaytonaError("x", 500), SandboxError),
    ],
)
def test_each_error_of_the_sdk_has_one_meaning(theirs: DaytonaError, ours: type[Exception]) -> None:
    assert type(meaning(theirs, "box")) is ours


def test_the_original_stays_the_cause_and_the_sandbox_is_named() -> None:
    with pytest.raises(SandboxUnreachable) as caught, translated("box-1"):
        raise DaytonaConnectionError("refused")
    assert isinstance(caught.value.__cause__, DaytonaConnectionError)
    assert caught.value.context == {"sandbox": "box-1"}
    assert isinstance(caught.value, Unavailable)
    assert caught.value.retryable


def test_a_create_that_timed_out_says_which_sandbox_it_made() -> None:
    late = DaytonaTimeoutError("slow")
    late.sandbox_id = "box-2"
    ours = meaning(late, "new")
    assert isinstance(ours, SandboxTimeout)
    assert ours.sandbox_id == "box-2"


def test_other_errors_pass() -> None:
    with pytest.raises(ValueError, match="mine"), translated("box"):
        raise ValueError("mine")
