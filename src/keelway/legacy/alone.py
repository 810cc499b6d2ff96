"""One import at a time: on a home and, where homes share a PostgreSQL database, on that database."""

import fcntl
import os
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import psycopg
from sqlalchemy.engine import URL

from keelway.errors import Conflict

LOCK = 0x6B65656C696D70
"""Key of the advisory lock of the one import ("keelimp")."""


class ImportRunning(Conflict):
    """Another import runs on this home, or on its database."""


@asynccontextmanager
async def alone(home: Path, url: URL) -> AsyncGenerator[None]:
    """Be the one import; both locks die with their process. Raises ImportRunning."""
    with _on_home(home):
        if url.get_backend_name() == "sqlite":
            yield
            return
        async with _on_database(url):
            yield


@contextmanager
def _on_home(home: Path) -> Generator[None]:
    file = os.open(home / "import.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise ImportRunning("Another import runs on this home. Wait for its end.") from error
    finally:
        os.close(file)


@asynccontextmanager
async def _on_database(url: URL) -> AsyncGenerator[None]:
    """A connection of its own that does nothing but hold the lock."""
    plain = url.set(drivername="postgresql").render_as_string(hide_password=False)
    connection = await psycopg.AsyncConnection.connect(
        plain, autocommit=True, connect_timeout=10, application_name="keelway import",
        keepalives_idle=30, keepalives_interval=10, keepalives_count=3,
    )  # fmt: skip
    async with connection:
        cursor = await connection.execute("SELECT pg_try_advisory_lock(%s)", [LOCK])
        if await cursor.fetchone() != (True,):
            raise ImportRunning(
                "Another import runs on this database, from another home. Wait for its end."
            )
        yield
