"""Fragments as people see them: titled, ordered, some of them numbered versions."""

from collections.abc import Iterable, Sequence

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncSession

from keelway.db import models
from keelway.fragments.errors import FragmentNotFound
from keelway.fragments.fragment import Fragment, fragment
from keelway.git.objects import is_sha
from keelway.ids import TurnId

row = models.Fragment


async def find(session: AsyncSession, *where: ColumnElement[bool]) -> Fragment | None:
    found = (await session.scalars(select(row).where(*where).limit(1))).first()
    return None if found is None else fragment(found)


async def get(session: AsyncSession, project: int, ref: str) -> Fragment:
    """By id, by "v9", by full commit name, or by a name of the old system. Raises FragmentNotFound."""
    found = await find(session, row.project == project, _named(ref))
    if found is None:
        found = await _by_alias(session, project, ref)
    if found is None:
        raise FragmentNotFound("There is no such version.", ref=ref)
    return found


async def _by_alias(session: AsyncSession, project: int, ref: str) -> Fragment | None:
    alias = models.LegacyAlias
    name = await session.scalar(
        select(alias.fragment_id).where(alias.project == project, alias.alias == ref)
    )
    return None if name is None else await find(session, row.project == project, row.id == name)


def _named(ref: str) -> ColumnElement[bool]:
    if ref.startswith("v") and ref[1:].isascii() and ref[1:].isdigit() and len(ref) <= 10:
        return row.number == int(ref[1:])
    if is_sha(ref):
        return row.sha == ref
    return row.id == ref


async def page(
    session: AsyncSession, project: int, branch: str | None, before: int | None, limit: int
) -> list[Fragment]:
    """Versions, newest first; `before` is the number that the last page ended with."""
    query = select(row).where(row.project == project, row.number.is_not(None))
    if branch is not None:
        query = query.where(row.branch == branch)
    if before is not None:
        query = query.where(row.number < before)
    query = query.order_by(row.number.desc()).limit(limit)
    return [fragment(each) for each in await session.scalars(query)]


async def steps(
    session: AsyncSession, project: int, turn_ids: Sequence[TurnId]
) -> dict[TurnId, list[Fragment]]:
    """The unnumbered fragments of each turn, oldest first."""
    query = (
        select(row)
        .where(row.project == project, row.turn_id.in_(turn_ids), row.number.is_(None))
        .order_by(row.seq)
    )
    found: dict[TurnId, list[Fragment]] = {turn: [] for turn in turn_ids}
    for each in await session.scalars(query):
        found[TurnId(each.turn_id or "")].append(fragment(each))
    return found


async def previous_version(session: AsyncSession, of: Fragment) -> Fragment | None:
    """The version before this fragment on its branch."""
    query = (
        select(row)
        .where(
            row.project == of.project,
            row.branch == of.branch,
            row.number.is_not(None),
            row.seq < of.seq,
        )
        .order_by(row.seq.desc())
        .limit(1)
    )
    found = (await session.scalars(query)).first()
    return None if found is None else fragment(found)


async def numbers(session: AsyncSession, project: int, ids: Iterable[str]) -> dict[str, int | None]:
    """The version number behind each id; for "restored from v3"."""
    query = select(row.id, row.number).where(row.project == project, row.id.in_(list(ids)))
    return {each.id: each.number for each in await session.execute(query)}
