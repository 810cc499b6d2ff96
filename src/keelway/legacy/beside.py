"""Rows written beside their project in small transactions, so that the switch itself is a short one.

The server may be running: while one transaction writes, SQLite lets nobody else write, and whoever waits
for longer than five seconds gives up. So messages and kept rows are written under the staged project,
some at a time. A new project's stay where they are: the staged project becomes it. Of a project that is
here already only what differs is written, under ids of no meaning, and the switch moves that.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from sqlalchemy import ColumnElement, bindparam, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from keelway.db import models
from keelway.db.session import Database
from keelway.ids import new_id
from keelway.legacy.plan import Plan
from keelway.legacy.records import (
    alias_rows,
    derived,
    kept_rows,
    mark_rows,
    message_rows,
)
from keelway.projects.projects import STAGED

ROWS = 500
"""Most rows of one transaction."""
CHARACTERS = 4 * 1024 * 1024
"""Characters of text after which a transaction is closed early: some 50 ms of writing."""
PACKS = 16
"""Pack parts of one deletion, each at most 1 MiB."""

OTHERS = (models.LegacyRow, models.LegacyAlias, models.Mark)
"""Tables whose rows are written whole each time; no id in them must be unique beyond its project."""


@dataclass(slots=True)
class Beside:
    """What was written under the project `staged`, for the project `final`, maybe the same."""

    staged: int
    final: int
    messages: int = 0
    changed: list[tuple[int, str]] = field(default_factory=list[tuple[int, str]])
    """Positions, and the ids that the messages there are to have, where `final` is another project."""


async def write(
    database: Database, plan: Plan, fragments: Sequence[dict[str, Any]], beside: Beside
) -> None:
    """Write all that belongs to a project besides its versions; the plan has been walked to its end."""
    for rows in _portions(message_rows(plan, fragments), "parts"):
        beside.messages += len(rows)
        await _write_messages(database, plan, rows, beside)
    for table, made in zip(
        OTHERS, (kept_rows(plan), alias_rows(plan), mark_rows(plan)), strict=True
    ):
        for rows in _portions(made, "body"):
            async with database.transaction() as tx:
                await tx.execute(insert(table), [{**row, "project": beside.staged} for row in rows])


async def move(tx: AsyncSession, beside: Beside) -> None:
    """In the switch: let `final` have what was written. Nothing to do where it is the same project."""
    if beside.staged == beside.final:
        return
    message = models.Message
    await tx.execute(
        delete(message).where(message.project == beside.final, message.position > beside.messages)
    )
    for start in range(0, len(beside.changed), ROWS):
        some = [position for position, _ in beside.changed[start : start + ROWS]]
        await tx.execute(
            delete(message).where(message.project == beside.final, message.position.in_(some))
        )
    if beside.changed:
        table = message.__table__
        take = (
            update(message)
            .where(table.c.project == beside.staged, table.c.position == bindparam("at"))
            .values(project=beside.final, id=bindparam("name"))
            .execution_options(synchronize_session=None)
        )
        connection = await tx.connection()
        await connection.execute(take, [{"at": at, "name": name} for at, name in beside.changed])
    for table in OTHERS:
        await tx.execute(delete(table).where(table.project == beside.final))
        moved = update(table).where(table.project == beside.staged).values(project=beside.final)
        await tx.execute(moved.execution_options(synchronize_session=False))


async def holds(database: Database, plan: Plan, key: int) -> bool:
    """Whether the project `key` has all that `write` would write; more may be there by now."""
    async with database.reading() as session:
        columns = [each for each in models.Fragment.__table__.c if each.name != "project"]
        query = select(*columns).where(models.Fragment.project == key)
        fragments = [dict(row) for row in (await session.execute(query)).mappings()]
    for table, names, made in (
        (models.Message, ("position",), message_rows(plan, fragments)),
        (models.LegacyRow, ("position",), kept_rows(plan)),
        (models.LegacyAlias, ("alias",), alias_rows(plan)),
        (models.Mark, ("path", "oid"), mark_rows(plan)),
    ):
        for rows in _portions(made, "parts" if table is models.Message else "body"):
            column = getattr(table, names[0])
            async with database.reading() as session:
                query = select(table).where(
                    table.project == key, column.in_({row[names[0]] for row in rows})
                )
                there = {
                    tuple(getattr(one, name) for name in names): one
                    for one in await session.scalars(query)
                }
            if not all(_is(there.get(tuple(row[name] for name in names)), row) for row in rows):
                return False
    return True


async def clear(database: Database, staged: int) -> None:
    """Remove a staged project with all of its rows, some at a time."""
    for table, column, many in (
        (models.Message, models.Message.position, ROWS),
        (models.LegacyRow, models.LegacyRow.position, ROWS),
        (models.Fragment, models.Fragment.seq, ROWS),
        (models.Pack, models.Pack.last_seq, PACKS),
    ):
        last: int | None = 0
        while last is not None:
            async with database.transaction() as tx:
                mine: ColumnElement[bool] = table.project == staged
                last = await tx.scalar(
                    select(column).where(mine).order_by(column).offset(many - 1).limit(1)
                )
                await tx.execute(
                    delete(table).where(mine if last is None else mine & (column <= last))
                )
    async with database.transaction() as tx:
        await tx.execute(delete(models.Project).where(models.Project.key == staged))


async def _write_messages(
    database: Database, plan: Plan, rows: list[dict[str, Any]], beside: Beside
) -> None:
    message = models.Message
    async with database.reading() as session:
        query = select(message.id).where(
            message.id.in_([row["id"] for row in rows]),
            message.project.not_in((beside.staged, beside.final)),
        )
        taken = set(await session.scalars(query))
        there = select(message).where(
            message.project == beside.final,
            message.position.between(rows[0]["position"], rows[-1]["position"]),
        )
        same = {row.position: row for row in await session.scalars(there)}
    for row in rows:
        if row["id"] in taken:
            row["id"] = derived(plan, row["id"], row["position"])
    if beside.staged != beside.final:
        rows = [row for row in rows if not _is(same.get(row["position"]), row)]
        beside.changed += [(row["position"], row["id"]) for row in rows]
        rows = [{**row, "id": f"{STAGED}{new_id()}"} for row in rows]
    if rows:
        async with database.transaction() as tx:
            await tx.execute(insert(message), [{**row, "project": beside.staged} for row in rows])


def _is(there: Any | None, row: dict[str, Any]) -> bool:
    return there is not None and all(getattr(there, name) == row[name] for name in row)


def _portions(rows: Iterable[dict[str, Any]], long: str) -> Iterator[list[dict[str, Any]]]:
    """As many rows as one transaction takes; `long` names the column that may be large."""
    source = iter(rows)
    while portion := list(islice(source, 1)):
        size = len(portion[0].get(long, ""))
        while len(portion) < ROWS and size < CHARACTERS and (row := next(source, None)) is not None:
            portion.append(row)
            size += len(row.get(long, ""))
        yield portion
