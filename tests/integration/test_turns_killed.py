"""kill -9 of the server at every point of a turn: another one goes on, and nothing shown is lost.

The first server is a process of its own; the second is this one. The engine outlives the first, as it
would.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update
from tests.support.engine import Engine
from tests.support.killed import Wish, run, script
from tests.support.scripted_model import Call, command, scripted, write
from tests.support.turns import Conversation, Shown, note, talking
from tests.support.workspaces import Bench, bench, wait_until

from keelway.db import models
from keelway.db.session import Database

COUNTED = "for i in 1 2; do echo run >> count.txt; echo line $i; sleep 0.2; done"
MOVES = [
    asdict(write("written.txt", "written")),
    asdict(command(COUNTED)),
    asdict(Call("edit_file", {"path": "written.txt", "old": "written", "new": "edited"})),
    asdict(Call("finish", {"title": "Write, run and edit"}, say="Now the name.")),
    "Everything is done as you asked.",
]
POINTS = [
    ("turn.leased", 1),
    ("shown:tool-input-delta", 1),
    ("turn.tool_dispatched", 1),
    ("store.before_commit", 1),
    ("store.after_commit", 1),
    ("workspace.before_send", 1),
    ("workspace.after_send", 1),
    ("turn.tool_done", 1),
    ("turn.tool_dispatched", 2),
    ("workspace.command_started", 1),
    ("shown:line 1", 1),
    ("workspace.command_ended", 1),
    ("turn.tool_done", 2),
    ("turn.tool_dispatched", 3),
    ("turn.tool_done", 3),
    ("shown:Now", 1),
    ("turn.tool_done", 4),
    ("shown:Everything", 1),
    ("turn.closing", 1),
]


@pytest.fixture
async def server(engine: Engine, database: Database, home: Path) -> AsyncIterator[Bench]:
    async with bench(engine, database, home) as made:
        yield made


async def killed(
    server: Bench, engine: Engine, point: str, nth: int, moves: list[Any] = MOVES
) -> tuple[Conversation, Shown]:
    """A conversation whose server died there, and what its reader had been shown."""
    project = await server.new_project()
    journal = server.settings.home / "told"
    journal.touch()
    wish = Wish(
        url=engine.url,
        key=engine.key,
        home=str(server.settings.home),
        project=project.id,
        moves=moves,
        prompt="do it all",
        point=point,
        nth=nth,
        journal=str(journal),
    )
    assert await asyncio.to_thread(run, wish) == -9, "the point was never passed"
    told = Shown()
    for line in journal.read_text().split("\n\n"):
        note(told, line)
    return Conversation(server, None, project), told  # pyright: ignore[reportArgumentType]


async def gone_on(person: Conversation, moves: list[Any] = MOVES) -> dict[str, Any]:
    """Let this server take the turn over; the answer that is then stored."""
    async with talking(person.bench, scripted(*script(moves)), person.project) as here:
        person.turns = here.turns

        async def over() -> bool:
            return await here.turns.running(here.project) is None and len(await here.messages()) > 1

        await wait_until(over, 30)
    return (await person.messages())[-1]


def parts(message: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [part for part in message["parts"] if part["type"] == kind]


def text(message: dict[str, Any]) -> str:
    return "".join(part["text"] for part in parts(message, "text"))


@pytest.mark.parametrize(("point", "nth"), POINTS)
async def test_a_turn_goes_on_after_a_kill(
    server: Bench, engine: Engine, point: str, nth: int
) -> None:
    person, told = await killed(server, engine, point, nth)
    message = await gone_on(person)

    assert message["metadata"]["status"] == "completed"
    if told.chunks:
        assert told.of("start")[0]["messageId"] == message["id"]
    assert text(message).startswith(told.text)
    assert text(message).rstrip().endswith("Everything is done as you asked.")
    kept = {part["id"] for part in parts(message, "data-fragment")}
    assert {fragment["id"] for fragment in told.data("fragment")} <= kept
    answers = {
        part["toolCallId"]: part.get("output")
        for part in message["parts"]
        if "state" in part and "toolCallId" in part
    }
    for chunk in told.of("tool-output-available"):
        assert answers[chunk["toolCallId"]] == chunk["output"]

    key = person.project.key
    assert [one.number for one in await server.store.page(key)] == [2, 1]
    version = parts(message, "data-version")[-1]["data"]
    assert version["title"] == "Write, run and edit"
    titles = [step["title"] for step in version["steps"]]
    assert titles.count("Write written.txt") == 1
    assert titles.count("Edit written.txt") == 1
    files = await person.files()
    assert files["written.txt"] == "edited"
    ran = files.get("count.txt", "").count("run")
    answer = parts(message, "tool-run_command")[-1]["output"]
    assert ran <= 2
    if answer.startswith("Ended with exit code 0."):
        assert ran == 2
    else:
        assert answer.startswith("Interrupted, may have run")


async def test_a_command_in_flight_is_answered_with_what_it_said_and_not_started_again(
    server: Bench, engine: Engine
) -> None:
    line = "echo once >> n.txt; echo begun; sleep 30; echo late >> n.txt"
    moves = [asdict(command(line)), "Seen."]
    person, _ = await killed(server, engine, "shown:begun\\n", 1, moves)
    message = await gone_on(person, moves)
    answer = parts(message, "tool-run_command")[0]["output"]
    assert answer.startswith("Interrupted, may have run")
    assert "begun" in answer
    assert (await person.files())["n.txt"] == "once\n"


async def test_a_turn_that_was_stopped_when_its_server_died_ends_as_stopped(
    server: Bench, engine: Engine
) -> None:
    mark = f"sleep 60.{secrets.randbelow(10**9)}"
    moves = [asdict(write("a.txt", "a")), asdict(command(f"echo b > b.txt; echo begun; {mark}"))]
    person, _ = await killed(server, engine, "shown:begun\\n", 1, moves)
    async with server.database.transaction() as tx:
        await tx.execute(update(models.Turn).values(cancel_requested=True, status="stopping"))
    message = await gone_on(person, moves)
    assert message["metadata"]["status"] == "stopped"
    assert parts(message, "data-version")[0]["data"]["steps"][0]["title"] == "Write a.txt"
    states = {
        part["state"] for part in message["parts"] if "toolCallId" in part and "state" in part
    }
    assert states <= {"output-available", "output-error"}
    assert (await person.files())["b.txt"] == "b\n"
    lines = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists()]
    assert not any(mark.split()[1].encode() in line for line in lines)


async def test_a_turn_that_killed_its_servers_again_and_again_is_given_up(
    server: Bench, engine: Engine
) -> None:
    person, _ = await killed(server, engine, "turn.tool_done", 1)
    async with server.database.transaction() as tx:
        await tx.execute(update(models.Turn).values(attempt=9))
    message = await gone_on(person)
    assert message["metadata"]["status"] == "interrupted"
    status = parts(message, "data-run-status")[0]["data"]
    assert status["status"] == "interrupted"
    assert (await person.files())["written.txt"] == "written"
    assert parts(message, "data-version")[0]["data"]["number"] == 2


async def test_a_server_that_ends_in_order_leaves_a_turn_that_the_next_one_goes_on_with(
    server: Bench,
) -> None:
    moves: list[Any] = [asdict(write("a.txt", "a")), "one two three four five six seven eight."]
    async with talking(server, scripted(*script(moves), pace=0.2)) as first:
        turn = await first.begin("go")

        async def wrote() -> bool:
            return "a.txt" in await first.files()

        await wait_until(wrote)
    async with server.database.reading() as session:
        found = await session.scalar(select(models.Turn.status).where(models.Turn.id == turn.id))
        assert found == "working"
    message = await gone_on(Conversation(server, first.turns, first.project), moves)
    assert message["metadata"]["status"] == "completed"
    assert "seven eight." in text(message)
