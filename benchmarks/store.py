"""What a durable version costs as history grows, beside the floor: one bare SQLite commit.

    python benchmarks/store.py [FRAGMENTS]      (2,000)

Prints p50 and p99 in milliseconds for each tenth of the history, and the database's size.
"""

import asyncio
import sqlite3
import statistics
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from keelway.db import models
from keelway.db.migrate import upgrade
from keelway.db.session import PRAGMAS, Database, database_url
from keelway.fragments.build import Write
from keelway.fragments.store import Describe, FragmentStore

FILES = 300


async def main(fragments: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        show("floor: bare SQLite commit of 3.7 KB", floor(home))
        url = database_url(home, None)
        await upgrade(url)
        async with Database(url) as database:
            store = FragmentStore(database, home / "repositories")
            await measure(database, store, fragments)
            while await store.fold(1):
                pass
            started = time.perf_counter()
            await store.drop_cache(1)
            await store.tree(1, (await store.head(1, "main")).tree)
            print(f"rebuild of the cache: {(time.perf_counter() - started) * 1000:.0f} ms")
            store.close()
        print(f"database: {(home / 'keelway.db').stat().st_size / 1e6:.1f} MB")


async def measure(database: Database, store: FragmentStore, fragments: int) -> None:
    now = datetime.now(UTC)
    async with database.transaction() as tx:
        tx.add(models.User(id="u", role="owner", created_at=now, updated_at=now))
        await tx.flush()
        tx.add(
            models.Project(
                id="p", name="P", user_id="u", template="t", created_at=now, updated_at=now
            )
        )
    files = [Write(f"src/{n % 20}/f{n}.ts", b"const x = 1;\n" * 80) for n in range(FILES)]
    await store.initialise(1, files, Describe("template", "Start"))
    times: list[float] = []
    for number in range(1, fragments + 1):
        data = b"const x = 1;\n" * 80 + b"// %d\n" % number
        change = Write(f"src/{number % 20}/f{number % FILES}.ts", data)
        started = time.perf_counter()
        await store.append(1, "main", [change], Describe("agent", "Edit"), fence=0)
        times.append(time.perf_counter() - started)
        if number % (fragments // 10) == 0:
            show(f"append, history of {number}", times)
            times = []


def floor(home: Path) -> list[float]:
    connection = sqlite3.connect(home / "floor.db", isolation_level=None)
    for pragma in PRAGMAS:
        connection.execute(pragma)
    connection.execute("CREATE TABLE t (body BLOB)")
    times: list[float] = []
    for _ in range(300):
        started = time.perf_counter()
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT INTO t VALUES (?)", (b"x" * 3700,))
        connection.execute("COMMIT")
        times.append(time.perf_counter() - started)
    connection.close()
    return times


def show(what: str, times: list[float]) -> None:
    ordered = sorted(times)
    p99 = ordered[int(len(ordered) * 0.99) - 1]
    print(f"{what}: {statistics.median(times) * 1000:.2f} / {p99 * 1000:.2f} ms")


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 2000))
