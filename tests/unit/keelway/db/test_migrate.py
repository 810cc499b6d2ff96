"""Every database comes to the current schema, once, whole, and never backwards by accident."""

import asyncio
import sqlite3
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import text
from sqlalchemy.engine import URL
from tests.support.postgres import Cluster

from keelway.db.migrate import SchemaTooNew, check, config, current, upgrade
from keelway.db.session import Database, database_url


async def test_models_and_migrations_say_the_same(any_url: URL) -> None:
    await check(any_url)


async def test_upgrading_twice_changes_nothing(any_url: URL) -> None:
    await upgrade(any_url)
    await check(any_url)


async def test_two_servers_that_start_at_once_take_turns(home: Path, postgres: Cluster) -> None:
    for url in (database_url(home, None), postgres.new_database(migrated=False)):
        async with asyncio.TaskGroup() as group:
            for _ in range(3):
                group.create_task(upgrade(url))
        await check(url)


async def test_the_way_down_removes_every_table(any_url: URL) -> None:
    async with Database(any_url) as database, database.engine.begin() as connection:
        await connection.run_sync(lambda sync: command.downgrade(config(sync), "base"))
    await upgrade(any_url)
    await check(any_url)


async def test_sessions_from_before_passwords_began_with_a_login_address(any_url: URL) -> None:
    async with Database(any_url) as database:
        async with database.engine.begin() as connection:
            await connection.run_sync(lambda sync: command.downgrade(config(sync), "0002"))
            at = "'2026-11-01 00:00:00'"
            await connection.execute(
                text(
                    'INSERT INTO "user" (id, role, created_at, updated_at) '
                    f"VALUES ('u1', 'owner', {at}, {at})"
                )
            )
            await connection.execute(
                text(f"INSERT INTO session VALUES ('t', 'u1', {at}, {at}, {at})")
            )
        await upgrade(any_url)
        async with database.engine.connect() as connection:
            found = await connection.execute(text("SELECT token_hash, began_with FROM session"))
            assert found.all() == [("t", "link")]


async def test_a_database_of_a_newer_keelway_is_left_alone(any_url: URL) -> None:
    async with Database(any_url) as database, database.engine.begin() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(SchemaTooNew):
        await upgrade(any_url)
    async with Database(any_url) as database, database.engine.connect() as connection:
        assert await connection.run_sync(current) == "9999"


async def test_an_sqlite_database_is_copied_before_its_schema_changes(home: Path) -> None:
    url = database_url(home, None)
    with sqlite3.connect(home / "keelway.db") as old:
        old.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
        old.execute("INSERT INTO alembic_version VALUES ('0000')")
    old.close()
    with pytest.raises(SchemaTooNew):
        await upgrade(url)
    copies = list(home.glob("keelway.db.before-*"))
    assert len(copies) == 1
    with sqlite3.connect(copies[0]) as copy:
        assert copy.execute("SELECT version_num FROM alembic_version").fetchall() == [("0000",)]
    copy.close()
