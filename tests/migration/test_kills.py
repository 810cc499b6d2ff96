"""kill -9, SIGTERM and Ctrl-C at random moments of an import; run again, the end is always the same.

A few kills per database here; `KEELWAY_TEST_IMPORT_KILLS=60 KEELWAY_TEST_SEED=1` for more, and again.
"""

import asyncio
import hashlib
import multiprocessing
import os
import random
import shutil
import signal
import time
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import select
from tests.migration.test_again import history
from tests.support.legacy import Tables, import_from, version, write_dump
from tests.support.postgres import Cluster

from keelway.cli.importing import Wish, bring_over
from keelway.db import models
from keelway.db.session import Database, database_url
from keelway.fragments import importing
from keelway.fragments.store import FragmentStore
from keelway.projects.projects import Projects
from keelway.settings import Settings

KILLS = int(os.environ.get("KEELWAY_TEST_IMPORT_KILLS", "6"))
SEED = int(os.environ.get("KEELWAY_TEST_SEED", "0")) or random.SystemRandom().randrange(1 << 32)
FORK = multiprocessing.get_context("fork")
TABLES = (
    models.User, models.Team, models.Branch, models.Fragment, models.Message, models.LegacyRow,
    models.LegacyAlias, models.Mark, models.LegacyImport,
)  # fmt: skip
MOVING = {"project", "last_seq", "seq", "imported_at", "part", "key", "created_at", "updated_at"}
"""Numbers that differ with the order of tries, and times of the import itself."""

pytestmark = [
    pytest.mark.timeout(120 + 10 * KILLS),
    pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning"),
]


def told() -> tuple[Tables, Tables]:
    """A database of the old system, and the same some days later: more, and one version rewritten."""
    first = history(3, 9)
    marked = {"src/cut.ts": "x\n" * 5_000 + "/* Code truncated */"}
    first["V2Fragment"] = [*first["V2Fragment"], version(20, marked, "p1", title="Cut")]
    first["V2Message"] = [
        {"id": f"m{p}-{n}", "projectId": f"p{p}", "role": "USER", "content": f'"Words {n}"',
         "createdAt": f"2025-08-24 09:{n:02}:02.9", "updatedAt": f"2025-08-24 09:{n:02}:02.9"}
        for p in range(3) for n in range(40)
    ]  # fmt: skip
    later = [*first["V2Fragment"], version(30, {"new.ts": "1"}, "p0"), version(31, {}, "p2")]
    messages = [{**row, "content": '"New words"'} if row["id"] == "m0-7" else row
                for row in first["V2Message"] if row["id"] != "m2-9"]  # fmt: skip
    return first, {**first, "V2Fragment": later, "V2Message": messages}


def child(dump: Path, home: Path, url: str | None, seed: int) -> None:
    """In a process of its own: import, with small transactions, so that many moments lie between."""
    os.setsid()
    os.environ.pop("COVERAGE_PROCESS_START", None)
    random.seed(seed)
    importing.COMMITS = 3
    home.mkdir(mode=0o700, exist_ok=True)
    settings = Settings(home=home, database_url=SecretStr(url) if url else None)
    wish = Wish(str(dump), home.with_suffix(".json"), (), "none", None)
    status = asyncio.run(bring_over(settings, wish))
    os._exit(status)


def start(dump: Path, home: Path, url: str | None, seed: int = 0) -> BaseProcess:
    process = FORK.Process(target=child, args=(dump, home, url, seed))
    process.start()
    return process


async def everything(home: Path, url: str | None) -> dict[str, Any]:
    """All that an import has made, but for the numbers that only count tries."""
    found: dict[str, Any] = {}
    async with Database(database_url(home, url)) as database:
        async with database.reading() as session:
            pairs = await session.execute(select(models.Project.key, models.Project.id))
            names = {row.key: row.id for row in pairs}
            for table in TABLES:
                columns = [c for c in table.__table__.c if c.name not in MOVING]
                owner = table.__table__.c.get("project")
                extra = [owner] if owner is not None else []
                rows = await session.execute(select(*columns, *extra))
                found[table.__tablename__] = sorted(
                    repr((*row[: len(columns)], *(names[key] for key in row[len(columns) :])))
                    for row in rows
                    if table is not models.User or row[0].startswith("u")
                )
        store = FragmentStore(database, home / "repositories")
        for one in await Projects(database).list():
            head = await store.head(one.key, "main")
            tree = await store.tree(one.key, head.tree)
            listed = repr(sorted((path, each.oid) for path, each in tree.items()))
            digest = hashlib.sha256(listed.encode()).hexdigest()
            found[f"{one.id} {one.name}"] = (head.sha, head.number, digest)
        store.close()
    found["projects"] = sorted(names.values())
    return found


def left_over(home: Path) -> list[str]:
    names = [path.name for path in (home / "repositories").iterdir()]
    beside = [path.name for path in home.iterdir() if path.name.startswith("repositories.")]
    return [name for name in names if not name.endswith((".git", ".git.lock"))] + beside


@pytest.mark.parametrize("system", ["sqlite", "postgresql"])
async def test_killed_at_random_moments_the_end_is_the_same(
    home: Path, postgres: Cluster, system: str
) -> None:
    def fresh() -> str | None:
        if system == "sqlite":
            return None
        return postgres.new_database().render_as_string(hide_password=False)

    chance = random.Random(SEED)
    dumps = [write_dump(home / f"old{at}.sql", tables) for at, tables in enumerate(told())]
    straight, at = fresh(), home / "straight"
    expected: list[dict[str, Any]] = []
    times: list[float] = []
    for dump in dumps:
        began = time.monotonic()
        process = start(dump, at, straight)
        await asyncio.to_thread(process.join, 60)
        times.append(time.monotonic() - began)
        assert process.exitcode == 3
        expected.append(await everything(at, straight))
    kills = struck = 0
    while kills < KILLS:
        killed, url = home / f"killed{kills}", fresh()
        for dump, seconds, end in zip(dumps, times, expected, strict=True):
            for _ in range(chance.choice((1, 1, 2, 3))):
                process = start(dump, killed, url, kills)
                process.join(chance.uniform(0.02, seconds * 1.05))
                if process.is_alive():
                    struck += 1
                os.killpg(process.pid or 0, signal.SIGKILL) if process.is_alive() else None
                process.join(30)
                kills += 1
            process = start(dump, killed, url)
            await asyncio.to_thread(process.join, 60)
            assert process.exitcode == 3, SEED
            assert await everything(killed, url) == end, SEED
            assert left_over(killed) == [], SEED
        shutil.rmtree(killed)
    print(f"{system}: {kills} kills, {struck} of a running import, seed {SEED}")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_stopped_by_a_signal_it_ends_at_once_and_says_so(
    home: Path, number: signal.Signals, capfd: pytest.CaptureFixture[str]
) -> None:
    dump = write_dump(home / "old.sql", told()[0])
    await import_from(dump, home / "straight")
    slowest = 0.0
    chance = random.Random(SEED)
    for at in range(4):
        process = start(dump, home / f"stopped{at}", None)
        process.join(chance.uniform(0.2, 1.2))
        if not process.is_alive():
            continue
        began = time.monotonic()
        os.kill(process.pid or 0, number)
        process.join(10)
        slowest = max(slowest, time.monotonic() - began)
        assert process.exitcode in (-number, 3) or process.exitcode == 128 + number, SEED
        if process.exitcode == 128 + number:
            assert (
                "Stopped. What is finished stays; run it again to go on." in capfd.readouterr().err
            )
        status, _ = await import_from(dump, home / f"stopped{at}")
        assert status == 3
        assert await everything(home / f"stopped{at}", None) == await everything(
            home / "straight", None
        )
    assert slowest < 3
