"""Contents that are known not to be whole: every version that holds one at its path is marked.

A mark hangs on path and content, not on a version, so it goes by itself when somebody mends the file.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from keelway.db import models
from keelway.fragments.tree import Tree


@dataclass(frozen=True, slots=True)
class Mark:
    """`outcome` is what happened to the file: damaged, placeholder or binary_cut; `note` is for people."""

    outcome: str
    note: str


Marks = Mapping[tuple[str, str], Mark]
"""By path and object name."""


async def marks(session: AsyncSession, project: int) -> Marks:
    """All of a project's; nearly always none."""
    row = models.Mark
    query = select(row.path, row.oid, row.outcome, row.note).where(row.project == project)
    return {
        (path, oid): Mark(outcome, note)
        for path, oid, outcome, note in await session.execute(query)
    }


def marked(tree: Tree, known: Marks) -> dict[str, Mark]:
    """The marked files of a version, by path."""
    return {
        path: mark
        for (path, oid), mark in known.items()
        if (entry := tree.get(path)) is not None and entry.oid == oid
    }
