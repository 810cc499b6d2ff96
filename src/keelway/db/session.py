"""The one place that opens connections and commits transactions.

SQLite: WAL with synchronous=FULL (NORMAL never syncs on commit, so power loss could take acknowledged
rows) and BEGIN IMMEDIATE (a deferred read-then-write loses to "database is locked"); TRUST.md 6.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.ext.asyncio import (
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)

PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA foreign_keys=ON",
    "PRAGMA busy_timeout=5000",
    "PRAGMA trusted_schema=OFF",
    "PRAGMA cell_size_check=ON",
    "PRAGMA journal_size_limit=67108864",
)


def database_url(home: Path, configured: str | None) -> URL:
    """The async SQLAlchemy URL: `configured` (any PostgreSQL spelling) or SQLite in `home`."""
    if configured is None:
        return URL.create("sqlite+aiosqlite", database=str(home / "keelway.db"))
    return make_url(configured).set(drivername="postgresql+psycopg")


class Database:
    """Sessions and transactions on one database. Open with `async with`."""

    def __init__(self, url: URL) -> None:
        self.url = url
        self.sqlite = url.get_backend_name() == "sqlite"
        self.engine: AsyncEngine = create_async_engine(url, **self._options())
        if self.sqlite:
            _prepare_sqlite(self.engine)
        self._sessions = async_sessionmaker(self.engine, expire_on_commit=False)
        self._readers = async_sessionmaker(
            self.engine.execution_options(reading=True), expire_on_commit=False
        )

    def _options(self) -> dict[str, Any]:
        if self.sqlite:
            return {}
        options = (
            "-c statement_timeout=30s -c lock_timeout=5s -c idle_in_transaction_session_timeout=30s"
        )
        keepalives = {
            "keepalives_idle": 30,
            "keepalives_interval": 10,
            "keepalives_count": 3,
            "connect_timeout": 10,
        }
        return {"pool_pre_ping": True, "connect_args": {"options": options, **keepalives}}

    async def __aenter__(self) -> "Database":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.engine.dispose()

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[AsyncSession]:
        """A writing transaction: committed when the block ends, rolled back when it raises."""
        async with self._sessions() as session, session.begin():
            yield session

    @asynccontextmanager
    async def reading(self) -> AsyncGenerator[AsyncSession]:
        """A session for reads only; nothing is committed, and no writer waits for it."""
        async with self._readers() as session:
            yield session


def _prepare_sqlite(engine: AsyncEngine) -> None:
    @event.listens_for(engine.sync_engine, "connect")
    def on_connect(connection: Any, _: object) -> None:  # pyright: ignore[reportUnusedFunction]
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in PRAGMAS:
            cursor.execute(pragma)
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def on_begin(connection: Any) -> None:  # pyright: ignore[reportUnusedFunction]
        reading = connection.get_execution_options().get("reading", False)
        connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")
