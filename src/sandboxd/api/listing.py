"""The list of sandboxes: filters, order, pages (ENGINE-CONTRACT 3.2)."""

import base64
import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

from starlette.responses import Response

from sandboxd import schemas
from sandboxd.box import Box
from sandboxd.errors import BadRequest
from sandboxd.store import SandboxRecord, parse_time
from sandboxd.wire import Call, Routes, answer, to_int, to_number

routes = Routes()

_SORT: dict[str, Callable[[SandboxRecord], Any]] = {
    "name": lambda record: record.name.lower(),
    "cpu": lambda record: record.cpu,
    "memoryGib": lambda record: record.memory,
    "diskGib": lambda record: record.disk,
    "lastActivityAt": lambda record: record.last_activity_at,
    "createdAt": lambda record: record.created_at,
}


@routes.route("GET", "/sandbox")
async def list_sandboxes(call: Call) -> Response:
    limit = to_int(call.query.get("limit", "100"), "limit")
    if not 1 <= limit <= 200:
        raise BadRequest("limit must be between 1 and 200")
    tests = _tests(call)
    found = [box for box in call.engine.all() if all(test(box.record) for test in tests)]
    found.sort(key=_key(call), reverse=call.query.get("order", "desc").lower() == "desc")
    start = _position(found, call.query.get("cursor"))
    page = found[start : start + limit]
    more = start + limit < len(found)
    return answer(
        {
            "items": [schemas.list_item(call.engine, box) for box in page],
            "nextCursor": _cursor(page[-1]) if more else None,
        }
    )


def _key(call: Call) -> Callable[[Box], Any]:
    sort = _SORT.get(call.query.get("sort") or "createdAt")
    if sort is None:
        raise BadRequest(f"sort must be one of {', '.join(_SORT)}")
    return lambda box: (sort(box.record), box.id)


def _tests(call: Call) -> list[Callable[[SandboxRecord], bool]]:
    query = call.query
    tests: list[Callable[[SandboxRecord], bool]] = []
    if wanted := query.get("id"):
        tests.append(lambda record: record.id.lower().startswith(wanted.lower()))
    if prefix := query.get("name"):
        tests.append(lambda record: record.name.lower().startswith(prefix.lower()))
    if labels := _labels(query.get("labels")):
        tests.append(lambda record: labels.items() <= record.labels.items())
    if states := set(query.getlist("states")):
        tests.append(lambda record: record.state.value in states)
    if snapshots := set(query.getlist("snapshots")):
        tests.append(lambda record: record.snapshot in snapshots)
    if regions := set(query.getlist("regionIds")):
        tests.append(lambda record: record.target in regions)
    if "isPublic" in query:
        public = call.flag("isPublic")
        tests.append(lambda record: record.public == public)
    if call.flag("isRecoverable"):
        tests.append(lambda _: False)
    return tests + _measures(call)


def _measures(call: Call) -> list[Callable[[SandboxRecord], bool]]:
    tests: list[Callable[[SandboxRecord], bool]] = []
    for unit, field in (("Cpu", "cpu"), ("MemoryGiB", "memory"), ("DiskGiB", "disk")):
        tests.extend(_range(call, unit, field))
    for name, field in (
        ("createdAt", "created_at"),
        ("lastEvent", "last_activity_at"),
        ("autoDestroyAt", "destroy_at"),
    ):
        tests.extend(_period(call, name, field))
    return tests


def _range(call: Call, unit: str, field: str) -> list[Callable[[SandboxRecord], bool]]:
    tests: list[Callable[[SandboxRecord], bool]] = []
    if (text := call.query.get(f"min{unit}")) is not None:
        least = to_number(text, f"min{unit}")
        tests.append(lambda record: getattr(record, field) >= least)
    if (text := call.query.get(f"max{unit}")) is not None:
        most = to_number(text, f"max{unit}")
        tests.append(lambda record: getattr(record, field) <= most)
    return tests


def _period(call: Call, name: str, field: str) -> list[Callable[[SandboxRecord], bool]]:
    def moment(record: SandboxRecord) -> datetime | None:
        value = getattr(record, field)
        return parse_time(value) if value else None

    tests: list[Callable[[SandboxRecord], bool]] = []
    if (text := call.query.get(f"{name}After")) is not None:
        after = _time(text)
        tests.append(lambda record: (m := moment(record)) is not None and m > after)
    if (text := call.query.get(f"{name}Before")) is not None:
        before = _time(text)
        tests.append(lambda record: (m := moment(record)) is not None and m < before)
    return tests


def _time(text: str) -> datetime:
    try:
        return parse_time(text.replace(" ", "+"))
    except ValueError:
        raise BadRequest(f"{text} is not a time") from None


def _labels(text: str | None) -> dict[str, str]:
    if not text:
        return {}
    try:
        labels = json.loads(text)
    except ValueError:
        raise BadRequest("labels must be a JSON object") from None
    if not isinstance(labels, dict):
        raise BadRequest("labels must be a JSON object")
    return {str(key): str(value) for key, value in labels.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]


def _cursor(box: Box) -> str:
    return base64.urlsafe_b64encode(box.id.encode()).decode().rstrip("=")


def _position(found: list[Box], cursor: str | None) -> int:
    """Where the page after the cursor's sandbox starts; one that is gone by now ends the list."""
    if not cursor:
        return 0
    try:
        last = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
    except ValueError:
        raise BadRequest("cursor is not one that this server gave") from None
    position = next((index for index, box in enumerate(found) if box.id == last), None)
    return len(found) if position is None else position + 1
