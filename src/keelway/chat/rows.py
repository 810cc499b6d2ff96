"""The rows of turns and messages: every statement that is not the event log's."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import delete, select, update

from keelway.chat.close import next_position
from keelway.chat.turn import Turn, turn
from keelway.db import models
from keelway.db.session import Database
from keelway.ids import MessageId, ProjectId, TreeSha, TurnId, UserId, new_id

ACTIVE = ("working", "stopping")
KEPT = timedelta(minutes=10)
"""How long the log of a closed turn is kept for readers who still follow it."""

row = models.Turn


@dataclass(frozen=True, slots=True)
class NewTurn:
    """What a turn begins with."""

    user: UserId
    text: str
    model: str | None
    key: str | None


async def insert(
    database: Database, project: int, new: NewTurn, *, fence: int, base: TreeSha
) -> Turn:
    """The turn and the person's message, in one transaction.

    Raises:
        IntegrityError: The project has an active turn, or its key is used.
    """
    now = datetime.now(UTC)
    made = row(
        id=new_id(),
        project=project,
        user_id=new.user,
        status="working",
        prompt=new.text,
        model=new.model,
        idempotency_key=new.key,
        fence=fence,
        attempt=0,
        cancel_requested=False,
        last_event=0,
        base_tree=base,
        started_at=now,
    )
    async with database.transaction() as tx:
        tx.add(made)
        await tx.flush()
        tx.add(
            models.Message(
                project=project,
                position=await next_position(tx, project),
                id=MessageId(new_id()),
                role="user",
                parts=json.dumps([{"type": "text", "text": new.text}]),
                metadata_json=json.dumps({"turnId": made.id, "startedAt": now.isoformat()}),
                turn_id=made.id,
                created_at=now,
            )
        )
        await tx.execute(
            update(models.Project).where(models.Project.key == project).values(updated_at=now)
        )
    return turn(made)


async def active(database: Database, project: int) -> Turn | None:
    return await _one(database, row.project == project, row.status.in_(ACTIVE))


async def by_key(database: Database, project: int, key: str | None) -> Turn | None:
    """The turn that a request with this Idempotency-Key has begun."""
    if key is None:
        return None
    return await _one(database, row.project == project, row.idempotency_key == key)


async def unfinished(database: Database) -> list[Turn]:
    """Turns that are at work, or should be."""
    async with database.reading() as session:
        found = await session.scalars(select(row).where(row.status.in_(ACTIVE)))
        return [turn(each) for each in found]


async def claim(database: Database, known: Turn, *, fence: int) -> Turn | None:
    """Take a turn over under a new lease; None when it was closed or taken meanwhile."""
    query = (
        update(row)
        .where(row.id == known.id, row.status.in_(ACTIVE), row.fence == known.fence)
        .values(fence=fence, attempt=row.attempt + 1)
        .returning(row)
    )
    async with database.transaction() as tx:
        taken = (await tx.scalars(query)).one_or_none()
        return None if taken is None else turn(taken)


async def ask_to_stop(database: Database, project: int) -> TurnId | None:
    """Write down that the project's turn shall stop; its id, or None when none runs."""
    query = (
        update(row)
        .where(row.project == project, row.status.in_(ACTIVE))
        .values(cancel_requested=True, status="stopping")
        .returning(row.id)
    )
    async with database.transaction() as tx:
        found = (await tx.scalars(query)).one_or_none()
    return None if found is None else TurnId(found)


async def project_id(database: Database, key: int) -> ProjectId:
    async with database.reading() as session:
        query = select(models.Project.id).where(models.Project.key == key)
        return ProjectId((await session.scalars(query)).one())


async def messages(database: Database, project: int) -> Sequence[dict[str, Any]]:
    """Everything that was shown, oldest first, as the AI SDK's UI messages."""
    each = models.Message
    query = select(each).where(each.project == project).order_by(each.position)
    async with database.reading() as session:
        return [
            {
                "id": one.id,
                "role": one.role,
                "parts": json.loads(one.parts),
                "metadata": json.loads(one.metadata_json or "null"),
            }
            for one in await session.scalars(query)
        ]


async def forget_old_events(database: Database) -> None:
    """Logs of turns that closed a while ago: their messages hold all that was shown."""
    closed = select(row.id).where(row.finished_at < datetime.now(UTC) - KEPT, row.last_event > 0)
    async with database.reading() as session:
        ids = (await session.scalars(closed.limit(100))).all()
    if not ids:
        return
    async with database.transaction() as tx:
        await tx.execute(delete(models.TurnEvent).where(models.TurnEvent.turn_id.in_(ids)))
        await tx.execute(update(row).where(row.id.in_(ids)).values(last_event=0, history=None))


async def _one(database: Database, *where: Any) -> Turn | None:
    async with database.reading() as session:
        found = (await session.scalars(select(row).where(*where).limit(1))).first()
        return None if found is None else turn(found)
