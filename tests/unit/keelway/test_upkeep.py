import asyncio
from pathlib import Path

from sqlalchemy import func, select

from keelway.accounts.accounts import Accounts
from keelway.db import models
from keelway.db.session import Database
from keelway.fragments.build import Write
from keelway.fragments.store import Describe, FragmentStore
from keelway.projects.projects import Projects
from keelway.upkeep import keep_up


async def packs(database: Database) -> int:
    async with database.reading() as session:
        return await session.scalar(select(func.count()).select_from(models.Pack)) or 0


async def test_old_packs_are_folded_without_anybody_asking(database: Database, home: Path) -> None:
    owner = await Accounts(database).owner()
    project = await Projects(database).create(owner.id, "Fold me", "react-vite")
    store = FragmentStore(database, home / "repositories")
    await store.initialise(project.key, [Write("a.txt", b"0")], Describe("template", "Start"))
    for number in range(160):
        change = Write("a.txt", str(number).encode())
        await store.append(project.key, "main", [change], Describe("hand", "Edit"), fence=0)
    before = await packs(database)
    head = await store.head(project.key, "main")

    async with asyncio.TaskGroup() as group:
        working = group.create_task(keep_up(store, pause=0.01))
        async with asyncio.timeout(60):
            while await packs(database) == before:
                await asyncio.sleep(0.05)
        working.cancel()

    assert await packs(database) < before - 90
    await store.drop_cache(project.key)
    tree = await store.tree(project.key, head.tree)
    assert (await store.read(project.key, [tree["a.txt"].oid]))[tree["a.txt"].oid] == b"159"
    store.close()
