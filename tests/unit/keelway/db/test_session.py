"""Transactions that commit whole, in turn, and stay committed."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import select, text

from keelway.db import models
from keelway.db.session import PRAGMAS, Database, database_url


async def add_user(database: Database) -> None:
    now = datetime.now(UTC)
    async with database.transaction() as tx:
        tx.add(
            models.User(id="u", name="", email=None, role="owner", created_at=now, updated_at=now)
        )


async def test_forty_racing_read_then_write_transactions_lose_nothing(
    any_database: Database,
) -> None:
    await add_user(any_database)

    async def count_one() -> None:
        async with any_database.transaction() as tx:
            query = select(models.User).where(models.User.id == "u").with_for_update()
            user = (await tx.scalars(query)).one()
            await asyncio.sleep(0)
            user.name = f"{user.name}x"

    async with asyncio.TaskGroup() as group:
        for _ in range(40):
            group.create_task(count_one())
    async with any_database.reading() as session:
        assert await session.scalar(select(models.User.name)) == "x" * 40


async def test_a_reader_sees_its_own_moment_and_holds_nobody_up(any_database: Database) -> None:
    await add_user(any_database)
    async with any_database.reading() as session:
        assert await session.scalar(select(models.User.role)) == "owner"
        async with asyncio.timeout(2), any_database.transaction() as tx:
            await tx.execute(text("UPDATE \"user\" SET role = 'viewer'"))
    async with any_database.reading() as session:
        assert await session.scalar(select(models.User.role)) == "viewer"


async def test_a_failed_transaction_leaves_nothing(any_database: Database) -> None:
    try:
        async with any_database.transaction() as tx:
            now = datetime.now(UTC)
            tx.add(models.User(id="v", role="owner", created_at=now, updated_at=now))
            await tx.flush()
            raise RuntimeError
    except RuntimeError:
        pass
    async with any_database.reading() as session:
        assert await session.scalar(select(models.User.id)) is None


async def test_times_come_back_aware_and_in_utc(any_database: Database) -> None:
    await add_user(any_database)
    async with any_database.reading() as session:
        when = await session.scalar(select(models.User.created_at))
    assert when is not None
    assert when.utcoffset() == datetime.now(UTC).utcoffset()


async def test_every_sqlite_connection_has_the_settings_that_durability_needs(
    database: Database,
) -> None:
    wanted = {"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1"}
    assert all(any(name in pragma for pragma in PRAGMAS) for name in wanted)
    async with database.reading() as one, database.reading() as two:
        for session in (one, two):
            for name, value in wanted.items():
                assert str(await session.scalar(text(f"PRAGMA {name}"))) == value


def test_any_spelling_of_a_postgres_url_gets_the_async_driver(home: Path) -> None:
    for spelling in ("postgres://u@h/db", "postgresql://u@h/db", "postgresql+psycopg2://u@h/db"):
        assert database_url(home, spelling).drivername == "postgresql+psycopg"
