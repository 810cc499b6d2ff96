"""A dry run and `--verify` change nothing: not a byte of a home, not a row of a database, no schema."""

import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from tests.migration.test_again import history
from tests.support.legacy import import_from, version, write_dump
from tests.support.postgres import Cluster, as_nobody

from keelway.cli.looking import SchemaTooOld
from keelway.db.migrate import SchemaTooNew
from keelway.db.session import Database, database_url
from keelway.fragments.build import Write
from keelway.fragments.store import Describe, FragmentStore

LOOKS = ({"dry_run": True}, {"verify": True})


def everything(folder: Path) -> dict[str, tuple[int, int, bytes | None]]:
    """Every path: mode, time of change, bytes; but for SQLite's shared memory, which holds no data."""
    return {
        str(path.relative_to(folder)): (
            path.stat().st_mode,
            path.stat().st_mtime_ns if path.is_file() else 0,
            path.read_bytes() if path.is_file() else None,
        )
        for path in folder.rglob("*")
        if not path.name.endswith("-shm")
    }


async def look_at(source: Path, home: Path, **more: object) -> int:
    """Look from elsewhere, so that the report does not lie in the home; the verdict."""
    from pydantic import SecretStr

    from keelway.cli.importing import Wish, bring_over
    from keelway.settings import Settings

    url = more.pop("database_url", None)
    wish = Wish(str(source), source.with_suffix(".json"), (), "none", None, **more)  # pyright: ignore[reportArgumentType]
    found = SecretStr(str(url)) if url else None
    return await bring_over(Settings(home=home, database_url=found), wish)


@pytest.mark.parametrize("look", LOOKS, ids=("dry run", "verify"))
async def test_a_home_that_is_not_there_is_not_made(home: Path, look: dict[str, bool]) -> None:
    dump = write_dump(home / "old.sql", history(1))
    assert await look_at(dump, home / "none", **look) == (3 if "verify" in look else 0)
    assert not (home / "none").exists()


@pytest.mark.parametrize("look", LOOKS, ids=("dry run", "verify"))
async def test_no_byte_of_a_home_changes(home: Path, look: dict[str, bool]) -> None:
    tables = history(2)
    dump = write_dump(home / "old.sql", tables)
    at = home / "home"
    await import_from(dump, at)
    before = everything(at)
    assert await look_at(dump, at, **look) == 0
    assert everything(at) == before
    more = [*tables["V2Fragment"], version(9, {"new.ts": "1"}, "p0")]
    newer = write_dump(home / "newer.sql", {**tables, "V2Fragment": more})
    assert await look_at(newer, at, **look) == (3 if "verify" in look else 0)
    shutil.rmtree(at / "repositories")
    before = everything(at)
    assert await look_at(dump, at, **look) == 0
    assert everything(at) == before


@pytest.mark.parametrize("look", LOOKS, ids=("dry run", "verify"))
async def test_nor_of_one_whose_server_was_killed_or_whose_database_is_a_backup(
    home: Path, look: dict[str, bool]
) -> None:
    dump = write_dump(home / "old.sql", history(1))
    at = home / "home"
    await import_from(dump, at)
    killed = home / "killed"
    with closing(sqlite3.connect(at / "keelway.db")) as rows:
        rows.execute("UPDATE project SET name = 'In the log only'")
        rows.commit()
        shutil.copytree(at, killed)
    assert (killed / "keelway.db-wal").stat().st_size > 0
    before = everything(killed)
    assert await look_at(dump, killed, **look) == 0
    assert everything(killed) == before
    restored = home / "restored"
    restored.mkdir(mode=0o700)
    with closing(sqlite3.connect(at / "keelway.db")) as rows:
        rows.execute("VACUUM INTO ?", [str(restored / "keelway.db")])
    before = everything(restored)
    assert await look_at(dump, restored, **look) == 0
    assert everything(restored) == before


@pytest.mark.parametrize("look", LOOKS, ids=("dry run", "verify"))
async def test_another_schema_is_refused_with_what_to_do(home: Path, look: dict[str, bool]) -> None:
    dump = write_dump(home / "old.sql", history(1))
    at = home / "home"
    await import_from(dump, at)
    for revision, error, words in (
        ("0001", SchemaTooOld, "keelway migrate"),
        ("9999", SchemaTooNew, "newer version"),
    ):
        with closing(sqlite3.connect(at / "keelway.db")) as rows:
            rows.execute("UPDATE alembic_version SET version_num = ?", [revision])
            rows.commit()
        before = everything(at)
        with pytest.raises(error, match=words):
            await look_at(dump, at, **look)
        assert everything(at) == before
    with pytest.raises(SchemaTooNew):
        await look_at(dump, at)


async def test_verify_reads_the_rows_whatever_base_is_asked_for_and_sees_a_changed_one(
    home: Path,
) -> None:
    dump = write_dump(home / "old.sql", history(1))
    await import_from(dump, home, base="react-vite")
    status, _ = await import_from(dump, home, verify=True)  # asks for the base "none"
    assert status == 0
    async with Database(database_url(home, None)) as database:
        store = FragmentStore(database, home / "repositories")
        done = Describe("hand", "My own work", version=True)
        await store.append(1, "main", [Write("mine.ts", b"1")], done, fence=0)
        store.close()
    status, _ = await import_from(dump, home, verify=True)
    assert status == 0  # all of the old is still there
    for statement in (
        "UPDATE message SET parts = '[]'", "DELETE FROM legacy_row", "DELETE FROM pack WHERE level = 1",
    ):  # fmt: skip
        with closing(sqlite3.connect(home / "keelway.db")) as rows:
            rows.execute(statement)
            rows.commit()
        status, report = await import_from(dump, home, verify=True)
        assert status == 3
        assert report["projects"][0]["status"] in ("failed", "attention")


async def test_verify_misses_people_that_are_not_here(home: Path) -> None:
    tables = history(1)
    await import_from(write_dump(home / "old.sql", tables), home)
    at = "2025-08-24 09:12:02.9"
    person = {
        "id": "u1",
        "email": "a@example.org",
        "role": "USER",
        "createdAt": at,
        "updatedAt": at,
    }
    dump = write_dump(home / "old.sql", {**tables, "users": [person]})
    status, report = await import_from(dump, home, verify=True)
    assert status == 3
    assert "1 people, teams or memberships of the source are not here." in report["problems"]


async def test_postgresql_sees_no_ddl_and_no_row_either(postgres: Cluster, home: Path) -> None:
    def dumped(url: object) -> bytes:
        name = str(url).partition("?")[0].rpartition("/")[2]
        said = subprocess.run(
            [*as_nobody(), str(postgres.binaries / "pg_dump"), "-d", postgres.address(name)],
            check=True, capture_output=True,
        ).stdout  # fmt: skip
        return b"\n".join(line for line in said.splitlines() if b"restrict " not in line)

    source = write_dump(home / "old.sql", history(1))
    empty = postgres.new_database(migrated=False)
    full = postgres.new_database()
    for url in (empty, full):
        address = url.render_as_string(hide_password=False)
        if url is full:
            await import_from(source, home / "one", database_url=address)
        before = dumped(url)
        assert await look_at(source, home / "none", dry_run=True, database_url=address) == 0
        verdict = await look_at(source, home / "none", verify=True, database_url=address)
        assert verdict == (0 if url is full else 3)
        assert dumped(url) == before
    assert not (home / "none").exists()
    with psycopg.connect(postgres.address(full.database or "")) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0001'")
    with pytest.raises(SchemaTooOld):
        await look_at(source, home / "none", dry_run=True, database_url=address)
