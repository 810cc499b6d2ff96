"""The statements of the write path, each one transaction's worth, in STORE.md's order."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import CursorResult, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from keelway.db import models
from keelway.db.session import Database
from keelway.fragments.build import Built, plain
from keelway.fragments.compare import Stats
from keelway.fragments.errors import Fenced, FragmentNotFound
from keelway.fragments.fragment import Describe, Fragment, fragment
from keelway.fragments.pack import body, parts

project, branch, pack = models.Project, models.Branch, models.Pack


class Moved(Exception):
    """The branch's head is not the one that was built on: read and build again."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A fragment about to be written: everything but its place in the order."""

    id: str
    branch: str
    built: Built
    parent: Fragment | None
    describe: Describe
    stats: Stats
    when: datetime


async def last_seq(session: AsyncSession, key: int) -> int:
    """Raises FragmentNotFound when there is no such project."""
    found = await session.scalar(select(project.last_seq).where(project.key == key))
    if found is None:
        raise FragmentNotFound("There is no such project.", project=key)
    return found


async def head(session: AsyncSession, key: int, name: str) -> tuple[Fragment, int]:
    """The branch's newest fragment and the project's last number, by one query."""
    query = (
        select(models.Fragment, project.last_seq)
        .join(project, project.key == models.Fragment.project)
        .join(branch, (branch.project == project.key) & (branch.head == models.Fragment.sha))
        .where(project.key == key, branch.name == name)
    )
    found = (await session.execute(query)).first()
    if found is None:
        raise FragmentNotFound("There is no such branch.", project=key, branch=name)
    return fragment(found[0]), found[1]


async def heads(session: AsyncSession, key: int) -> tuple[dict[str, str], str, int]:
    """Every branch's commit, the project's current branch, and its last number, by one query."""
    query = (
        select(project.current_branch, project.last_seq, branch.name, branch.head)
        .outerjoin(branch, branch.project == project.key)
        .where(project.key == key)
    )
    found = (await session.execute(query)).all()
    if not found:
        raise FragmentNotFound("There is no such project.", project=key)
    refs = {each.name: each.head for each in found if each.name}
    return refs, found[0].current_branch, found[0].last_seq


async def write(tx: AsyncSession, key: int, draft: Draft, fence: int | None) -> Fragment:
    """Number and fence, branch, fragment, pack: in this order, inside the caller's transaction.

    Raises:
        Fenced: The lease's token is not `fence` any more.
        Moved: The head is not the draft's parent.
    """
    seq, number = await _advance(tx, key, draft, fence)
    if draft.parent is None:
        await tx.execute(
            insert(branch).values(project=key, name=draft.branch, head=draft.built.commit)
        )
    else:
        move = (
            update(branch)
            .where(
                branch.project == key,
                branch.name == draft.branch,
                branch.head == draft.parent.sha,
            )
            .values(head=draft.built.commit)
        )
        if await _count(tx, move) != 1:
            raise Moved
    values = _values(key, seq, number if draft.describe.version else None, draft)
    await tx.execute(insert(models.Fragment).values(**values))
    await tx.execute(insert(pack), _pack_rows(key, seq, draft.built))
    return fragment(models.Fragment(**values))


async def _advance(tx: AsyncSession, key: int, draft: Draft, fence: int | None) -> tuple[int, int]:
    step = 1 if draft.describe.version else 0
    advance = (
        update(project)
        .where(project.key == key)
        .values(
            last_seq=project.last_seq + 1,
            last_number=project.last_number + step,
            updated_at=draft.when,
        )
        .returning(project.last_seq, project.last_number)
        .execution_options(synchronize_session=False)
    )
    if fence is not None:
        advance = advance.where(project.lease == fence)
    found = (await tx.execute(advance)).first()
    if found is None:
        await last_seq(tx, key)
        raise Fenced("Another writer has taken over this project.", project=key, fence=fence)
    return found[0], found[1]


def _values(key: int, seq: int, number: int | None, draft: Draft) -> dict[str, Any]:
    describe = draft.describe
    return {
        "project": key,
        "seq": seq,
        "id": draft.id,
        "branch": draft.branch,
        "sha": draft.built.commit,
        "tree": draft.built.tree,
        "parent": draft.parent.sha if draft.parent else None,
        "parent_fragment_id": draft.parent.id if draft.parent else None,
        "kind": describe.kind,
        "title": plain(describe.title),
        "message": None if describe.message is None else plain(describe.message),
        "author_name": plain(describe.author.name),
        "author_email": plain(describe.author.email),
        "number": number,
        "turn_id": describe.turn_id,
        "tool_call_id": describe.tool_call_id,
        "restored_from": describe.restored_from,
        "files_changed": draft.stats.files,
        "lines_added": draft.stats.added,
        "lines_removed": draft.stats.removed,
        "created_at": draft.when,
    }


def _pack_rows(key: int, seq: int, built: Built) -> list[dict[str, Any]]:
    return [
        {
            "project": key,
            "last_seq": seq,
            "part": part,
            "first_seq": seq,
            "level": 0,
            "objects": 0 if part else len(built.objects),
            "body": data,
        }
        for part, data in enumerate(parts(body(built.objects)))
    ]


async def packs_after(
    database: Database, key: int, after: int
) -> AsyncGenerator[tuple[int, int, bytes]]:
    """Every pack row after a number, streamed: objects in all of them, last number, body."""
    newer = (pack.project == key, pack.last_seq > after)
    total = select(func.sum(pack.objects)).where(*newer).scalar_subquery()
    query = (
        select(total, pack.last_seq, pack.body)
        .where(*newer)
        .order_by(pack.last_seq, pack.part)
        .execution_options(yield_per=16)
    )
    async with database.reading() as session:
        rows = await session.stream(query)
        async for objects, seq, data in rows:
            yield int(objects), seq, data


async def forget(tx: AsyncSession, key: int) -> None:
    """All versions of a project; the project row stays and keeps its numbers."""
    for table in (pack, models.Fragment, branch):
        await tx.execute(delete(table).where(table.project == key))


async def _count(tx: AsyncSession, statement: Any) -> int:
    return cast("CursorResult[Any]", await tx.execute(statement)).rowcount
