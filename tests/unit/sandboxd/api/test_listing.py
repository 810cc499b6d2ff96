from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from urllib.parse import urlencode

import pytest

from sandboxd.api import listing
from sandboxd.box import Box
from sandboxd.errors import BadRequest
from sandboxd.lifecycle import State
from sandboxd.settings import Settings
from sandboxd.store import SandboxRecord
from sandboxd.wire import Call


def box(number: int, **values: Any) -> Box:
    moment = f"2026-01-0{number}T00:00:00.000Z"
    record = SandboxRecord(
        id=f"id-{number}",
        name=f"Name{number}",
        state=State.STARTED,
        snapshot="base",
        layers=[],
        created_at=moment,
        updated_at=moment,
        last_activity_at=moment,
        preview_token="p",
        signing_key="s",
    )
    for key, value in values.items():
        setattr(record, key, value)
    return Box(record)


BOXES = [
    box(1, labels={"a": "1", "b": "2"}),
    box(2, state=State.STOPPED, labels={"a": "1"}, cpu=4),
    box(3, public=True, snapshot="other", target="eu"),
]
Ask = Callable[..., Any]


@pytest.fixture
def ask() -> Ask:
    engine: Any = SimpleNamespace(
        all=lambda: BOXES,
        settings=Settings(Path("/nowhere"), "key"),
        runtime=SimpleNamespace(isolation="namespaces"),
    )

    async def list_them(*pairs: tuple[str, str]) -> tuple[list[str], str | None]:
        import json

        scope: dict[str, Any] = {
            "type": "http",
            "query_string": urlencode(pairs).encode(),
            "headers": [],
        }
        response = await listing.list_sandboxes(Call(engine, scope, {}))
        body = json.loads(bytes(response.body))
        return [item["id"][-1] for item in body["items"]], body["nextCursor"]

    return cast(Ask, list_them)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ([], "321"),
        ([("order", "asc")], "123"),
        ([("sort", "cpu"), ("order", "desc")], "231"),
        ([("states", "started"), ("states", "error")], "31"),
        ([("labels", '{"a":"1"}')], "21"),
        ([("labels", '{"a":"1","b":"2"}')], "1"),
        ([("name", "nAME2")], "2"),
        ([("id", "id-3")], "3"),
        ([("snapshots", "other")], "3"),
        ([("regionIds", "eu")], "3"),
        ([("isPublic", "true")], "3"),
        ([("isPublic", "false")], "21"),
        ([("isRecoverable", "true")], ""),
        ([("minCpu", "3")], "2"),
        ([("maxMemoryGiB", "3")], ""),
        ([("createdAtAfter", "2026-01-01T00:00:00.000000+0000")], "32"),
        ([("lastEventBefore", "2026-01-02T00:00:00.000Z")], "1"),
        ([("autoDestroyAtAfter", "2026-01-02T00:00:00.000Z")], ""),
        ([("unknown", "1"), ("includeWarm", "true")], "321"),
    ],
)
async def test_every_filter_of_the_contract(
    ask: Ask, query: list[tuple[str, str]], expected: str
) -> None:
    assert await ask(*query) == (list(expected), None)


async def test_pages_follow_each_other_to_the_end(ask: Ask) -> None:
    first, cursor = await ask(("limit", "2"))
    assert first == ["3", "2"]
    assert await ask(("limit", "2"), ("cursor", cursor)) == (["1"], None)


@pytest.mark.parametrize(
    "pair",
    [("limit", "0"), ("limit", "201"), ("limit", "x"), ("sort", "x"), ("labels", "[]"),
     ("labels", "{"), ("createdAtAfter", "x"), ("minCpu", "x"), ("cursor", "\xff")],
)  # fmt: skip
async def test_what_makes_no_sense_is_refused(ask: Ask, pair: tuple[str, str]) -> None:
    with pytest.raises(BadRequest):
        await ask(pair)
