import pytest

from sandboxd import errors
from sandboxd.errors import SandboxdError


@pytest.mark.parametrize(
    ("kind", "status", "source"),
    [
        (errors.NotFound, 404, "DAYTONA_API"),
        (errors.Conflict, 409, "DAYTONA_API"),
        (errors.BadRequest, 400, "DAYTONA_API"),
        (errors.Unauthorized, 401, "DAYTONA_API"),
        (errors.NotSupported, 501, "DAYTONA_API"),
        (errors.NotStarted, 400, "DAYTONA_PROXY"),
        (errors.MachineGone, 503, "DAYTONA_PROXY"),
        (errors.SpawnFailed, 400, "DAYTONA_DAEMON"),
    ],
)
def test_errors_carry_what_the_wire_needs(
    kind: type[SandboxdError], status: int, source: str
) -> None:
    error = kind("what happened")
    assert (error.status, error.source, error.message) == (status, source, "what happened")
    assert error.code.isupper()
    assert kind("x", status=418, code="TEAPOT").status == 418
