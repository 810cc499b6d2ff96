"""kill -9 of the server at every point of a turn: it goes on, and nothing that was shown is lost.

Each case is a server of its own process on one home; the engine outlives them all, as it would.
"""

import json
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.support import fake_model
from tests.support.server import Answer, Server, read_stream, say_into, wait_idle

KILLED = (sys.executable, "-m", "tests.support.killed", "up")
COUNTED = "for i in 1 2; do echo run >> count.txt; echo line $i; sleep 0.2; done"

POINTS = [
    "turn.leased:1",
    "turn.tool_dispatched:1",
    "store.before_commit:1",
    "store.after_commit:1",
    "workspace.before_send:1",
    "workspace.after_send:1",
    "turn.tool_done:1",
    "turn.tool_dispatched:2",
    "workspace.command_started:1",
    "workspace.command_ended:1",
    "turn.tool_done:2",
    "turn.tool_done:3",
    "turn.closing:1",
]
"""Where, and the how manyeth time."""


@dataclass
class Case:
    """A server that may be killed, and the model it asks."""

    server: Server
    model: fake_model.FakeModel
    projects: list[str]


@pytest.fixture(scope="module")
async def case() -> AsyncIterator[Case]:
    home = Path(tempfile.mkdtemp(prefix="kwk-", dir="/tmp"))
    with fake_model.running() as model:
        env = {
            "PYTHONPATH": str(Path(__file__).parents[2]),
            "KEELWAY_MODEL_BASE_URL": model.url,
            "KEELWAY_MODEL": "scripted",
        }
        server = Server(home, env=env, command=KILLED)
        await server.start()
        async with server.client() as client:
            made = [await client.post("/api/projects", json={"name": "Killed"}) for _ in POINTS]
        yield Case(server, model, [one.json()["id"] for one in made])
        await server.stop()
        server.end_engine()
    shutil.rmtree(home, ignore_errors=True)


def prompt() -> str:
    return fake_model.script(
        ("write_file", {"path": "written.txt", "content": "written"}),
        ("run_command", {"command": COUNTED}),
        ("edit_file", {"path": "written.txt", "old": "written", "new": "edited"}),
        ("finish", {"title": "Write, run and edit"}),
    )


async def restarted(case: Case, point: str | None) -> None:
    """Start the server anew, with or without a point at which it dies."""
    process = case.server.process
    if process is not None and process.poll() is None:
        await case.server.stop()
    case.server.env.pop("KEELWAY_TEST_POINT", None)
    if point is not None:
        case.server.env["KEELWAY_TEST_POINT"] = point
    await case.server.start()


async def say_until_it_dies(case: Case, project: str) -> Answer:
    shown = Answer()
    async with case.server.client() as client:
        try:
            await say_into(shown, client, project, prompt())
        except httpx.TransportError:
            pass
    assert await case.server.wait_dead(), "the point was never passed"
    return shown


async def files(client: httpx.AsyncClient, project: str, version: str) -> dict[str, str]:
    base = f"/api/projects/{project}/fragments/{version}/files"
    listed = (await client.get(base)).json()["items"]
    names = [item["path"] for item in listed if item["path"] in ("written.txt", "count.txt")]
    return {name: (await client.get(f"{base}/{name}")).text for name in names}


def parts(message: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [part for part in message["parts"] if part["type"] == kind]


@pytest.mark.parametrize("point", POINTS)
async def test_a_turn_goes_on_after_a_kill(case: Case, point: str) -> None:
    project = case.projects[POINTS.index(point)]
    await restarted(case, point)
    shown = await say_until_it_dies(case, project)
    await restarted(case, None)

    async with case.server.client() as client:
        answer = await wait_idle(client, project)
        message = answer["items"][-1]
        assert message["role"] == "assistant"
        assert message["metadata"]["status"] == "completed"
        kept = {part["id"] for part in parts(message, "data-fragment")}
        assert {fragment["id"] for fragment in shown.fragments} <= kept
        for fragment in kept:
            found = await client.get(f"/api/projects/{project}/fragments/{fragment}")
            assert found.status_code == 200
        assert "".join(part["text"] for part in parts(message, "text")).startswith(shown.text)
        version = parts(message, "data-version")[-1]["data"]
        assert version["title"] == "Write, run and edit"
        listed = (await client.get(f"/api/projects/{project}/fragments")).json()["items"]
        assert [item["number"] for item in listed] == [2, 1]
        found = await files(client, project, version["id"])
        assert found["written.txt"] == "edited"
        assert found.get("count.txt", "").count("run") <= 2
        command = parts(message, "tool-run_command")[0]
        told = command["output"]
        if found.get("count.txt", "").count("run") < 2 or "Interrupted" in told:
            assert told.startswith("Interrupted, may have run")
        else:
            assert told.startswith("Ended with exit code 0.")
        titles = [step["title"] for step in version["steps"]]
        assert titles.count("Write written.txt") == 1
        assert titles.count("Edit written.txt") == 1
        ids = [part["toolCallId"] for part in message["parts"] if "toolCallId" in part]
        assert len(ids) == len(set(ids)) == 4


async def test_a_kill_in_the_middle_of_a_running_command_answers_with_its_output(
    case: Case,
) -> None:
    await restarted(case, None)
    async with case.server.client() as client:
        project = (await client.post("/api/projects", json={"name": "Killed"})).json()["id"]
        said = fake_model.script(
            ("run_command", {"command": "echo once >> n.txt; echo begun; sleep 30; echo late >> n.txt"}),
        )
        shown = Answer()
        try:
            async with client.stream(
                "POST",
                f"/api/projects/{project}/chat",
                json={"messages": [{"role": "user", "parts": [{"type": "text", "text": said}]}]},
            ) as response:
                await _read_until(response, shown, "begun")
                case.server.kill()
                await read_stream(response, shown)
        except httpx.TransportError:
            pass
    await restarted(case, None)
    async with case.server.client() as client:
        answer = await wait_idle(client, project)
        message = answer["items"][-1]
        assert message["metadata"]["status"] == "completed"
        told = parts(message, "tool-run_command")[0]["output"]
        assert told.startswith("Interrupted, may have run")
        assert "begun" in told
        version = parts(message, "data-version")[-1]["data"]
        text = await client.get(f"/api/projects/{project}/fragments/{version['id']}/files/n.txt")
        assert text.text == "once\n"


async def _read_until(response: httpx.Response, shown: Answer, word: str) -> None:
    async for line in response.aiter_lines():
        if line.startswith("data: {"):
            shown.chunks.append(json.loads(line[6:]))
        if '"output":' in line and word in line:
            return
