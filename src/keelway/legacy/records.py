"""What belongs to a project besides its versions: messages, kept rows, aliases, marks; and their digest."""

import hashlib
import json
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from keelway.db import models
from keelway.fragments.fragment import fragment
from keelway.fragments.wire import alone
from keelway.legacy import messages, values
from keelway.legacy.plan import SPACE, Plan
from keelway.legacy.source import KEPT_TABLES, Row, moment

CHUNK = 200


@dataclass(frozen=True, slots=True)
class Said:
    """An old message and the old ids of the fragments it made."""

    id: str
    row: Row
    parts: list[dict[str, Any]]
    made: list[str]


def said(plan: Plan) -> Iterator[Said]:
    """All messages of a project, of both versions, oldest first."""
    first = list(_first(plan))
    for row in plan.source.of("V2Message", plan.id):
        while first and _time(first[0].row) <= _time(row):
            yield first.pop(0)
        parts, made = messages.parts(row)
        yield Said(row.get("id") or "", row, parts, made)
    yield from first


def _first(plan: Plan) -> Iterator[Said]:
    for row in plan.source.of("Message", plan.id):
        old = row.get("id") or ""
        made = plan.made_by.get(old)
        yield Said(old, row, messages.from_first_version(row), [made] if made else [])


def kept(plan: Plan) -> Iterator[tuple[str, Row]]:
    """Rows that have no table here."""
    yield "Project", plan.project
    for table in ("GitFragment", *KEPT_TABLES):
        for row in plan.source.of(table, plan.id):
            yield table, row


def digest(plan: Plan) -> tuple[str, int]:
    """SHA-256 of all of it, and the number of messages; `plan` has been walked to its end."""
    total, count = hashlib.sha256(), 0
    for one in said(plan):
        total.update(_canonical([one.id, one.parts, one.made, one.row.get("createdAt")]))
        count += 1
    for table, row in kept(plan):
        total.update(_canonical([table, dict(row)]))
    found = plan.findings
    marks = sorted([*key, *mark] for key, mark in found.marks.items())
    total.update(_canonical([sorted(found.aliases.items()), marks]))
    return total.hexdigest(), count


async def write(tx: AsyncSession, key: int, plan: Plan, rows: list[dict[str, Any]]) -> int:
    """Insert everything under the project `key`, whose fragment rows are `rows`; counts messages."""
    by_id = {row["id"]: {**row, "project": key} for row in rows}
    count = await _write_messages(tx, key, plan, by_id)
    for position, (table, row) in enumerate(kept(plan), 1):
        body = messages.dumps(dict(row))
        linked = plan.public_id(row.get("fragmentId") or "") if row.get("fragmentId") else None
        await tx.execute(
            insert(models.LegacyRow).values(
                project=key,
                position=position,
                table_name=table,
                id=row.get("id"),
                fragment_id=linked if linked in by_id else None,
                body=body,
            )
        )
    found = plan.findings
    for alias, name in found.aliases.items():
        values_ = {"project": key, "alias": alias, "fragment_id": name}
        await tx.execute(insert(models.LegacyAlias).values(**values_))
    for (path, oid), (outcome, note) in found.marks.items():
        values_ = {"project": key, "path": path, "oid": oid, "outcome": outcome, "note": note}
        await tx.execute(insert(models.Mark).values(**values_))
    return count


async def forget(tx: AsyncSession, key: int) -> None:
    """All that `write` has written."""
    for table in (
        *(models.Message, models.LegacyRow, models.LegacyAlias, models.Mark),
        *(models.LegacyImport, models.TeamProject),
    ):
        await tx.execute(delete(table).where(table.project == key))


async def _write_messages(
    tx: AsyncSession, key: int, plan: Plan, by_id: Mapping[str, dict[str, Any]]
) -> int:
    count = 0
    waiting: list[dict[str, Any]] = []
    seen: set[str] = set()
    for one in said(plan):
        count += 1
        name = one.id
        if not 0 < len(name) <= 64 or name in seen:
            name = str(_derived(plan, one.id, count))
        seen.add(name)
        waiting.append(_message(key, count, name, one, plan, by_id))
        if len(waiting) == CHUNK:
            await _insert(tx, key, plan, waiting)
            waiting = []
    await _insert(tx, key, plan, waiting)
    return count


async def _insert(tx: AsyncSession, key: int, plan: Plan, rows: list[dict[str, Any]]) -> None:
    if not rows:
        return
    message = models.Message
    taken = set(
        await tx.scalars(
            select(message.id).where(
                message.id.in_([row["id"] for row in rows]), message.project != key
            )
        )
    )
    for row in rows:
        if row["id"] in taken:
            row["id"] = str(_derived(plan, row["id"], row["position"]))
    await tx.execute(insert(message), rows)


def _message(
    key: int,
    position: int,
    name: str,
    one: Said,
    plan: Plan,
    by_id: Mapping[str, dict[str, Any]],
) -> dict[str, Any]:
    parts = list(one.parts)
    for old in one.made:
        row = by_id.get(plan.public_id(old))
        if row is not None:
            data = alone(fragment(models.Fragment(**row)))
            parts.append({"type": "data-version", "id": row["id"], "data": data})
    at = values.when(one.row.get("createdAt"))
    role = messages.role(one.row)
    about = {"startedAt": at.isoformat()}
    if role == "assistant":
        about |= {"finishedAt": at.isoformat(), "status": "completed"}
    return {
        "project": key,
        "position": position,
        "id": name,
        "role": role,
        "parts": messages.dumps(parts),
        "metadata_json": json.dumps(about),
        "turn_id": None,
        "created_at": at,
    }


def _derived(plan: Plan, old: str, position: int) -> uuid.UUID:
    return uuid.uuid5(SPACE, f"{plan.id}\nmessage {old} {position}")


def _canonical(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=True, sort_keys=True).encode()


def _time(row: Row) -> str:
    return moment(row.get("createdAt")) or ""
