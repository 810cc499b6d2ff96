"""The rows of turns and messages: every statement that is not the event log's."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import and_, case, delete, select, update

from keelway.accounts.accounts import UNNAMED
from keelway.chat.close import next_position
from keelway.chat.turn import Turn, turn
from keelway.db import models
from keelway.db.session import Database
from keelway.ids import MessageId, ProjectId, TreeSha, TurnId, UserId, new_id

ACTIVE = ("working", "stopping")
KEPT = timedelta(minutes=10)
"""How long the log of a closed turn is kept for readers who still follow it."""

row = models.Turn
_WRITER = case((models.Message.turn_id.is_(None), models.Project.user_id), else_=row.user_id)
"""Who wrote a person's message: who began its turn. An imported message has none, and the old system did
not record its writer: it is taken to be the project's own user, who made the project by writing to it."""


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
    """Everything that was shown, oldest first, as the AI SDK's UI messages.

    A person's message says in its metadata who wrote it: `author` is `{id, name}`, or None where nobody
    is known. `name` is as it is now, else the e-mail address, else None.
    """
    each, person = models.Message, models.User
    query = (
        select(each, person)
        .join(models.Project, models.Project.key == each.project)
        .outerjoin(row, row.id == each.turn_id)
        .outerjoin(person, and_(each.role == "user", person.id == _WRITER))
        .where(each.project == project)
        .order_by(each.position)
    )
    async with database.reading() as session:
        return [_shown(*found) for found in await session.execute(query)]


def _shown(message: models.Message, writer: models.User | None) -> dict[str, Any]:
    metadata: dict[str, Any] | None = json.loads(message.metadata_json or "null")
    if message.role == "user":
        author = {"id": writer.id, "name": _called(writer)} if writer else None
        metadata = (metadata or {}) | {"author": author}
    return {
        "id": message.id,
        "role": message.role,
        "parts": json.loads(message.parts),
        "metadata": metadata,
    }


def _called(person: models.User) -> str | None:
    unnamed = person.role == "owner" and person.name == UNNAMED
    return (None if unnamed else person.name) or person.email or None


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
