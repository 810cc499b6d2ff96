"""What the engine answers when it cannot do what was asked; the wire form is ENGINE-CONTRACT section 6."""


class SandboxdError(Exception):
    """Base of all. `status` is the HTTP status, `code` and `source` what Daytona's SDKs switch on."""

    status = 500
    code = "INTERNAL_SERVER_ERROR"
    source = "DAYTONA_API"

    def __init__(self, message: str, *, status: int | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.status = status if status is not None else type(self).status
        self.code = code if code is not None else type(self).code


class NotFound(SandboxdError):
    status, code = 404, "NOT_FOUND"


class Conflict(SandboxdError):
    status, code = 409, "CONFLICT"


class BadRequest(SandboxdError):
    status, code = 400, "BAD_REQUEST"


class Unauthorized(SandboxdError):
    status, code = 401, "UNAUTHORIZED"


class NotSupported(SandboxdError):
    """A known call that this engine does not have; the message says "not supported"."""

    status, code = 501, "NOT_IMPLEMENTED"


class NotStarted(SandboxdError):
    """The sandbox exists but has no running machine."""

    status, code, source = 400, "SANDBOX_NOT_STARTED", "DAYTONA_PROXY"


class MachineGone(SandboxdError):
    """PID 1 of the machine has died."""

    status, code, source = 503, "SANDBOX_GONE", "DAYTONA_PROXY"


class SpawnFailed(SandboxdError):
    """The process could not be started: no such folder or program."""

    status, code, source = 400, "BAD_REQUEST", "DAYTONA_DAEMON"


class IsolationUnavailable(SandboxdError):
    """This machine cannot isolate sandboxes; the message says why and what to do."""

    status, code = 503, "ISOLATION_UNAVAILABLE"
