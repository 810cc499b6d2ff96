"""What fails under one project, and what fails under all of them."""

import errno
from collections.abc import Iterator

import psycopg
import pygit2
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from keelway.errors import KeelwayError
from keelway.fragments.errors import StoreUnavailable
from keelway.git.command import GitError

BAD = (
    KeelwayError, SQLAlchemyError, psycopg.Error, pygit2.GitError, OSError, ValueError, KeyError,
    RecursionError,
)  # fmt: skip
"""What one bad project may raise; the others go on."""
FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
FULL_WORDS = (
    "No space left on device", "database or disk is full", "Disk quota exceeded", "File too large",
    "disk I/O error",
)  # fmt: skip
"""How git, PostgreSQL and SQLite say it; SQLite's last also for a limit on the size of files."""


def no_room(error: BaseException) -> bool:
    """Whether a full disk is behind it."""
    return any(
        (isinstance(each, OSError) and each.errno in FULL)
        or any(words in _said(each) for words in FULL_WORDS)
        for each in _chain(error)
    )


def under_all(error: BaseException) -> bool:
    """Whether the next project would fail in the same way: no room, or no database."""
    return no_room(error) or any(
        isinstance(each, PoolTimeout | StoreUnavailable | psycopg.OperationalError)
        or (isinstance(each, DBAPIError) and each.connection_invalidated)
        for each in _chain(error)
    )


def _said(error: BaseException) -> str:
    return f"{error} {error.output}" if isinstance(error, GitError) else str(error)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error and what it came from."""
    seen: set[int] = set()
    each: BaseException | None = error
    while each is not None and id(each) not in seen:
        seen.add(id(each))
        yield each
        each = each.__cause__ or each.__context__
