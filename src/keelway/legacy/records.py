"""What belongs to a project besides its versions: messages, kept rows, aliases, marks; and their digest."""

import hashlib
import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from keelway.db import models
from keelway.fragments.build import plain
from keelway.fragments.fragment import fragment
from keelway.fragments.wire import alone
from keelway.legacy import messages, values
from keelway.legacy.plan import SPACE, Plan
from keelway.legacy.source import KEPT_TABLES, Row, moment


@dataclass(frozen=True, slots=True)
class Said:
    """An old message and the old ids of the fragments it made."""

    id: str
    row: Row
    parts: list[dict[str, Any]]
    made: list[str]


def said(plan: Plan) -> Iterator[Said]:
    """All messages of a project, of both versions, oldest first."""
    older = _first(plan)
    first = next(older, None)
    for row in plan.source.of("V2Message", plan.id):
        while first is not None and _time(first.row) <= _time(row):
            yield first
            first = next(older, None)
        parts, made = messages.parts(row)
        yield Said(row.get("id") or "", row, parts, made)
    if first is not None:
        yield first
        yield from older


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


def message_rows(plan: Plan, rows: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Rows for the message table, in order; `rows` are the project's fragments. Ids are unique in it."""
    by_id = {row["id"]: row for row in rows}
    seen: set[str] = set()
    for count, one in enumerate(said(plan), 1):
        name = one.id
        if not values.storable(name) or name in seen:
            name = derived(plan, one.id, count)
        seen.add(name)
        yield _message(count, name, one, plan, by_id)


def kept_rows(plan: Plan) -> Iterator[dict[str, Any]]:
    """Rows for the table of rows that have none here."""
    for position, (table, row) in enumerate(kept(plan), 1):
        old = row.get("fragmentId")
        linked = plan.public_id(old) if old else None
        yield {
            "position": position,
            "table_name": table,
            "id": plain(row.get("id") or "") or None,
            "fragment_id": linked if linked and plan.knows(linked) else None,
            "body": messages.dumps(dict(row)),
        }


def alias_rows(plan: Plan) -> Iterator[dict[str, Any]]:
    for alias, name in plan.findings.aliases.items():
        yield {"alias": plain(alias), "fragment_id": name}


def mark_rows(plan: Plan) -> Iterator[dict[str, Any]]:
    for (path, oid), (outcome, note) in plan.findings.marks.items():
        yield {"path": path, "oid": oid, "outcome": outcome, "note": note}


def derived(plan: Plan, old: str, position: int) -> str:
    """The id of a message that cannot have its own: the same in every run."""
    return str(uuid.uuid5(SPACE, plain(f"{plan.id}\nmessage {old} {position}")))


def _message(
    position: int,
    name: str,
    one: Said,
    plan: Plan,
    by_id: Mapping[str, Mapping[str, Any]],
) -> dict[str, Any]:
    parts = list(one.parts)
    for old in one.made:
        row = by_id.get(plan.public_id(old))
        if row is not None:
            data = alone(fragment(models.Fragment(project=0, **row)))
            parts.append({"type": "data-version", "id": row["id"], "data": data})
    at = values.when(one.row.get("createdAt"))
    role = messages.role(one.row)
    about = {"startedAt": at.isoformat()}
    if role == "assistant":
        about |= {"finishedAt": at.isoformat(), "status": "completed"}
    return {
        "position": position,
        "id": name,
        "role": role,
        "parts": messages.dumps(parts),
        "metadata_json": json.dumps(about),
        "turn_id": None,
        "created_at": at,
    }


def _canonical(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=True, sort_keys=True).encode()


def _time(row: Row) -> str:
    return moment(row.get("createdAt")) or ""
