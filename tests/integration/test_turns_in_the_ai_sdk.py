"""The AI SDK's own client, in both versions, makes of our stream exactly the message that we store."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import pytest
from pydantic_ai.exceptions import ModelConnectionError
from tests.support.engine import Engine
from tests.support.node import node
from tests.support.npm import npm_ci
from tests.support.scripted_model import Call, Fail, command, scripted
from tests.support.turns import talking
from tests.support.workspaces import Bench, bench

from keelway.chat.parts import Transcript
from keelway.db.session import Database

FOLDER = Path(__file__).parent / "node"
VERSIONS = ("ai6", "ai7")


@pytest.fixture(scope="module", autouse=True)
def installed() -> None:
    npm_ci(FOLDER)


@pytest.fixture
async def server(engine: Engine, database: Database, home: Path) -> AsyncIterator[Bench]:
    async with bench(engine, database, home) as made:
        yield made


async def parsed(version: str, lines: list[str]) -> dict[str, Any]:
    said = await asyncio.to_thread(
        node, FOLDER / "parse.mjs", version, stdin="".join(lines), cwd=FOLDER
    )
    return json.loads(said)


def bare(value: Any) -> Any:
    """Without what only one side writes: ids of reasoning parts, and where `ai` 6 puts refused input."""
    if isinstance(value, dict):
        part = cast(dict[str, Any], value)
        if part.get("state") == "output-error":
            part = {"input": part.get("rawInput"), **part}
        left_out = {"id"} if part.get("type") == "reasoning" else {"rawInput"}
        return {k: bare(v) for k, v in part.items() if k not in left_out}
    return [bare(each) for each in cast(list[Any], value)] if isinstance(value, list) else value


async def same_in_both(lines: list[str], stored: dict[str, Any]) -> None:
    for version in VERSIONS:
        message = await parsed(version, lines)
        assert message["id"] == stored["id"], version
        assert message["metadata"] == stored["metadata"], version
        assert bare(message["parts"]) == bare(stored["parts"]), version


async def test_a_turn_with_everything_in_it(server: Bench) -> None:
    def cut() -> Exception:
        return ModelConnectionError("scripted", "cut")

    model = scripted(
        Call("todos", {"items": [{"text": "Write", "done": False}]}, say="First the plan."),
        Call("write_file", {"path": "a.txt", "content": "é “quoted” \n" * 40}, id="same"),
        Call("write_file", {"path": "b.txt", "content": "b"}, id="same"),
        Call("write_file", {"path": ["not", "a", "path"]}),
        Call("read_file", {"path": "nowhere.txt"}),
        command("for i in 1 2 3; do echo line $i; sleep 0.3; done; exit 3"),
        Call("finish", {"title": "Add files"}),
        "All done.",
        fails=[Fail(cut, say="I begin and am")],
    )
    async with talking(server, model) as person:
        shown = await person.say("do everything")
        assert shown.status["status"] == "completed"
        stored = (await person.messages())[-1]
        await same_in_both(shown.lines, stored)
        follower = Transcript()
        follower.restore(shown.chunks)
        assert follower.parts == stored["parts"]


async def test_a_turn_that_was_stopped_in_a_command(server: Bench) -> None:
    async with talking(server, scripted(command("echo begun; sleep 60"))) as person:
        turn = await person.begin("run")
        reading = asyncio.create_task(person.read(turn.id))
        while "begun" not in str(await _log(server)):
            await asyncio.sleep(0.05)
        await person.turns.stop(person.project)
        shown = await reading
        stored = (await person.messages())[-1]
        assert shown.status["status"] == "stopped"
        await same_in_both(shown.lines, stored)


async def _log(server: Bench) -> list[str]:
    from sqlalchemy import select

    from keelway.db import models

    async with server.database.reading() as session:
        return list(await session.scalars(select(models.TurnEvent.payload)))


async def test_a_turn_cut_off_in_the_middle_of_arguments(server: Bench) -> None:
    model = scripted(Call("write_file", {"path": "long.txt", "content": "x" * 6000}), pace=0.05)
    async with talking(server, model) as person:
        turn = await person.begin("write")
        reading = asyncio.create_task(person.read(turn.id))
        while "tool-input-delta" not in str(await _log(server)):
            await asyncio.sleep(0.02)
        await person.turns.stop(person.project)
        shown = await reading
        assert shown.of("tool-input-error") or shown.of("tool-output-available")
        await same_in_both(shown.lines, (await person.messages())[-1])
        assert "long.txt" not in await person.files()
