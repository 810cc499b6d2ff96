"""An import into a home that is being served: others go on writing, and see its projects at once."""

import asyncio
import json
import time
from pathlib import Path

from sqlalchemy import func, select, update
from tests.support.legacy import Tables, import_from, project, version, write_dump

from keelway.chat.rows import messages
from keelway.db import models
from keelway.db.session import Database, database_url
from keelway.fragments.store import FragmentStore
from keelway.ids import ProjectId
from keelway.projects.projects import Projects


def chat(count: int, words: str) -> Tables:
    said = [
        {"id": f"m{n}", "projectId": "p1", "role": "USER" if n % 2 else "ASSISTANT",
         "createdAt": f"2025-08-24 {n // 3600:02}:{n // 60 % 60:02}:{n % 60:02}",
         "content": json.dumps([{"type": "text", "text": f"{words if n % 50 == 0 else ''} {n} " * 200}])}
        for n in range(count)
    ]  # fmt: skip
    return {
        "Project": [project("p1")], "V2Message": said,
        "V2Fragment": [version(n, {"a.ts": str(n)}) for n in range(30)],
    }  # fmt: skip


async def write_all_the_time(database: Database, waits: list[float]) -> None:
    while True:
        began = time.monotonic()
        async with database.transaction() as tx:
            await tx.execute(update(models.User).values(name=models.User.name))
        waits.append(time.monotonic() - began)
        await asyncio.sleep(0.005)


async def test_others_hardly_wait_and_see_it_without_a_restart(home: Path) -> None:
    at = home / "home"
    await import_from(write_dump(home / "other.sql", {"Project": [project("p0")]}), at)
    async with Database(database_url(at, None)) as server, asyncio.TaskGroup() as tasks:
        store, projects = FragmentStore(server, at / "repositories"), Projects(server)
        assert [one.id for one in await projects.list()] == ["p0"]
        for count, words in ((6_000, "first"), (6_100, "later")):
            waits: list[float] = []
            writer = tasks.create_task(write_all_the_time(server, waits))
            dump = write_dump(home / "old.sql", chat(count, words))
            status, report = await import_from(dump, at)
            writer.cancel()
            assert status == 0
            assert report["projects"][0]["status"] == "imported"
            assert report["projects"][0]["messages"] == count
            # This loop also does the import's own work, so that most of a wait is not the database's.
            assert max(waits) < 3
            one = await projects.get(ProjectId("p1"))
            head = await store.head(one.key, "main")
            assert (head.number, set(await store.tree(one.key, head.tree))) == (30, {"a.ts"})
            async with server.reading() as session:
                shown = await session.scalars(
                    select(models.Message.id)
                    .where(models.Message.project == one.key)
                    .order_by(models.Message.position)
                )
                assert list(shown) == [f"m{n}" for n in range(count)]
                total = select(func.count()).select_from(models.Message)
                assert await session.scalar(total) == count
            first = (await messages(server, one.key))[0]
            assert words in json.dumps(first)
        store.close()
