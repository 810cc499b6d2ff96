"""A home that is only looked at: not a byte of it changes, its schema least of all.

Where there is no database yet, an empty one takes its place, in a folder that is gone afterwards. A
database of another schema is refused: nothing can be said of it before it is brought up to date.
"""

import sqlite3
import tempfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

from alembic.script import ScriptDirectory
from sqlalchemy import event
from sqlalchemy.engine import URL

from keelway.db.migrate import SchemaTooNew, config, current, upgrade
from keelway.db.session import Database, database_url
from keelway.errors import Conflict
from keelway.settings import Settings


class SchemaTooOld(Conflict):
    """The database must be brought to this version's schema first; looking does not do that."""


@asynccontextmanager
async def looking(settings: Settings) -> AsyncGenerator[tuple[Database, Path]]:
    """The home's database, for reads only, and a folder for repositories made while looking.

    Raises:
        SchemaTooOld, SchemaTooNew: It is there, and of another version of Keelway.
    """
    with tempfile.TemporaryDirectory(prefix="keelway-look-") as name:
        folder = Path(name)
        url = _existing(settings, folder)
        if url is not None:
            async with Database(url) as database:
                _only_read(database)
                if await is_current(database):
                    yield database, folder / "repositories"
                    return
        empty = database_url(folder, None)
        await upgrade(empty)
        async with Database(empty) as database:
            yield database, folder / "repositories"


async def is_current(database: Database) -> bool:
    """Whether it has this version's schema; False: it is empty. Raises SchemaTooOld, SchemaTooNew."""
    async with database.engine.execution_options(reading=True).connect() as connection:
        found = await connection.run_sync(current)
    scripts = ScriptDirectory.from_config(config())
    if found is None or found == scripts.get_current_head():
        return found is not None
    if found not in {each.revision for each in scripts.walk_revisions()}:
        raise SchemaTooNew(
            "This database belongs to a newer version of Keelway. Update Keelway first.",
            revision=found,
        )
    raise SchemaTooOld(
        "This database belongs to an older version of Keelway, and looking at it changes nothing. "
        "Run `keelway migrate` first (it keeps a copy), then this again.",
        revision=found,
    )


def _existing(settings: Settings, folder: Path) -> URL | None:
    """The address of a database that is there; an SQLite file's is one that changes no byte of it.

    A write-ahead log with content is what a kill has left. Opened for writing, it would be merged into
    the file at the end; opened read-only, an empty log would be left behind where there was none.
    """
    if settings.database_url is not None:
        return database_url(settings.home, settings.database_url.get_secret_value())
    path = settings.home / "keelway.db"
    try:
        with path.open("rb") as file:
            head = file.read(20)
        if len(head) < 20:
            return None
        log = path.with_name("keelway.db-wal")
        mode = "ro" if log.exists() and log.stat().st_size else "rw"
    except FileNotFoundError:
        return None
    if head[18:20] != b"\x02\x02":
        # A backup put in place: it has no write-ahead log yet, and a server is to give it one, not we.
        return database_url(_copied(path, folder / "copy").parent, None)
    name, query = _quoted(path), {"mode": mode, "uri": "true"}
    return URL.create("sqlite+aiosqlite", database=f"file:{name}", query=query)


def _copied(path: Path, folder: Path) -> Path:
    folder.mkdir()
    with (
        closing(sqlite3.connect(f"file:{_quoted(path)}?mode=ro", uri=True)) as before,
        closing(sqlite3.connect(folder / path.name)) as after,
    ):
        before.backup(after)
    return folder / path.name


def _quoted(path: Path) -> str:
    return str(path).replace("%", "%25").replace("?", "%3f").replace("#", "%23")


def _only_read(database: Database) -> None:
    """Every connection refuses to write, whatever is asked of it."""
    sqlite = database.sqlite

    @event.listens_for(database.engine.sync_engine, "connect")
    def on_connect(connection: Any, _: object) -> None:  # pyright: ignore[reportUnusedFunction]
        cursor = connection.cursor()
        cursor.execute(
            "PRAGMA query_only=ON" if sqlite else "SET default_transaction_read_only = on"
        )
        cursor.close()
        connection.commit()
