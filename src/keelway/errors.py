"""What can go wrong, by what the caller may do about it.

A leaf error is a family (where it happened, in its own package) plus at most one kind (these, which
alone carry an HTTP status). Codes are stable strings the page switches on; messages are for people.
"""

from typing import ClassVar


class KeelwayError(Exception):
    """Base of all. `code` defaults to the class name; `context` holds facts for logs."""

    status: ClassVar[int] = 500
    retryable: ClassVar[bool] = False

    def __init__(self, message: str, *, code: str | None = None, **context: object) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or type(self).__name__
        self.context = context


class NotFound(KeelwayError):
    status = 404


class Forbidden(KeelwayError):
    status = 403


class Invalid(KeelwayError):
    status = 422


class Conflict(KeelwayError):
    status = 409


class Unavailable(KeelwayError):
    status = 503
    retryable = True
