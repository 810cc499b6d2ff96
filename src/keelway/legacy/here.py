"""What is here of a project before it is imported, and what may be done with it."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from keelway.db import models
from keelway.db.session import Database
from keelway.fragments.importing import Made
from keelway.legacy.report import ProjectReport


class IdsTaken(Exception):
    """Other projects here have versions with these ids already."""

    def __init__(self, ids: set[str]) -> None:
        super().__init__()
        self.ids = ids


@dataclass(frozen=True, slots=True)
class Here:
    """A project as it is here before the import. `known`: what the last import noted of it."""

    key: int
    last_seq: int
    head: str | None
    known: models.LegacyImport | None

    @property
    def untouched(self) -> bool:
        return (
            self.known is not None
            and self.known.head == self.head
            and self.known.last_seq == self.last_seq
        )


async def find(database: Database, project: str) -> Here | None:
    """The project with this id, or None."""
    async with database.reading() as session:
        row = await session.scalar(select(models.Project).where(models.Project.id == project))
        if row is None:
            return None
        head = await session.scalar(
            select(models.Branch.head).where(
                models.Branch.project == row.key, models.Branch.name == row.current_branch
            )
        )
        known = await session.get(models.LegacyImport, row.key)
        return Here(row.key, row.last_seq, head, known)


async def shas(database: Database, here: Here | None) -> set[str]:
    """All commits of the project."""
    if here is None:
        return set()
    async with database.reading() as session:
        query = select(models.Fragment.sha).where(models.Fragment.project == here.key)
        return set(await session.scalars(query))


async def refuse_taken(session: AsyncSession, key: int, ids: Sequence[str]) -> None:
    """Raises IdsTaken when other projects than `key` have versions of these ids."""
    fragment = models.Fragment
    for start in range(0, len(ids), 500):
        query = select(fragment.id).where(
            fragment.id.in_(ids[start : start + 500]), fragment.project != key
        )
        if taken := set(await session.scalars(query)):
            raise IdsTaken(taken)


def decide(
    out: ProjectReport, here: Here | None, same: bool, found: str, last: Made | None
) -> None:
    """What is to happen to a project, from what is here of it."""
    out.status = "imported"
    if here is None:
        return
    if here.known is None:
        out.status = "attention"
        out.notes.append(
            "A project with this id is here that no import has made; it was left alone."
        )
    elif (
        same and last is not None and here.known.head == last.commit and here.known.digest == found
    ):
        out.status = "unchanged"
    elif not here.untouched:
        out.status = "attention"
        out.notes.append("It was worked on here since; what is new in the old system was left out.")
