"""A project to add versions to, and the store that keeps them."""

from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import select

from keelway.db import models
from keelway.db.session import Database
from keelway.fragments.store import Describe, FragmentStore
from keelway.fragments.tree import Tree
from keelway.ids import TreeSha, new_id

START = Describe("template", "Start", version=True)
EDIT = Describe("agent", "Edit")


async def new_project(database: Database) -> int:
    """A project's key; its owner is `u`."""
    now = datetime.now(UTC)
    async with database.transaction() as tx:
        if await tx.scalar(select(models.User.id).where(models.User.id == "u")) is None:
            tx.add(models.User(id="u", role="owner", created_at=now, updated_at=now))
            await tx.flush()
        row = models.Project(
            id=new_id(), name="P", user_id="u", template="t", created_at=now, updated_at=now
        )
        tx.add(row)
        await tx.flush()
        return row.key


async def files(store: FragmentStore, project: int, tree: str) -> dict[str, tuple[int, bytes]]:
    """What a version holds, as a plain value: path to mode and bytes."""
    found: Tree = await store.tree(project, TreeSha(tree))
    content = await store.read(project, list({entry.oid for entry in found.values()}))
    return {path: (entry.mode, content[entry.oid]) for path, entry in found.items()}


def store_of(database: Database, home: Path) -> FragmentStore:
    return FragmentStore(database, home / "repositories")
