"""The chat's routes as a program meets them; and that a stop leaves no process, however stubborn it is."""

import asyncio
import json
import os
import secrets
import shutil
import statistics
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from tests.support import fake_model
from tests.support.engine import started
from tests.support.server import Answer, Server, read_stream, wait_idle

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(600)]

STOPS = int(os.environ.get("KEELWAY_TEST_STOPS", "20"))
LIMIT = 0.5

STUBBORN = """
trap '' TERM INT HUP
python3 -c 'import signal, time
for name in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP): signal.signal(name, signal.SIG_IGN)
time.sleep(600)' MARK &
setsid bash -c 'trap "" TERM INT HUP; echo begun; while :; do sleep 0.05; done' MARK &
while :; do sleep 0.05; done
"""
"""Ignores what can be ignored: in itself, in a child, and in a child that left the process group."""


@dataclass
class Talk:
    server: Server
    client: httpx.AsyncClient
    project: str


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def talk() -> AsyncIterator[Talk]:
    home = Path(tempfile.mkdtemp(prefix="kws-", dir="/tmp"))
    with fake_model.running() as model:
        env = {"KEELWAY_MODEL_BASE_URL": model.url, "KEELWAY_MODEL": "scripted"}
        server = Server(home, env=env)
        await server.start()
        async with server.client() as client:
            made = (await client.post("/api/projects", json={"name": "Stopped"})).json()
            yield Talk(server, client, made["id"])
        await server.stop()
    shutil.rmtree(home, ignore_errors=True)


def marked(mark: str) -> dict[int, str]:
    """Processes whose command line holds the mark, with their start ticks."""
    found: dict[int, str] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and int(entry.name) != os.getpid():
            try:
                line = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if mark.encode() in line and (tick := started(int(entry.name))):
                found[int(entry.name)] = tick
    return found


async def begin(talk: Talk, mark: str) -> "asyncio.Task[Answer]":
    """Start the stubborn command, and wait until all of it runs."""
    prompt = fake_model.script(("run_command", {"command": STUBBORN.replace("MARK", mark)}))
    body = {"messages": [{"role": "user", "parts": [{"type": "text", "text": prompt}]}]}

    async def read() -> Answer:
        answer = Answer()
        address = f"/api/projects/{talk.project}/chat"
        async with talk.client.stream("POST", address, json=body) as response:
            assert response.status_code == 200
            async for line in response.aiter_lines():
                if line.startswith("data: {"):
                    answer.chunks.append(json.loads(line[6:]))
        return answer

    reading = asyncio.create_task(read())
    deadline = time.monotonic() + 60
    while len(marked(mark)) < 3:
        assert time.monotonic() < deadline, marked(mark)
        assert not reading.done()
        await asyncio.sleep(0.02)
    return reading


async def test_a_stop_leaves_no_process_within_half_a_second(talk: Talk) -> None:
    took: list[float] = []
    for _ in range(STOPS):
        mark = f"kw-stubborn-{secrets.token_hex(8)}"
        reading = await begin(talk, mark)
        processes = marked(mark)
        before = time.monotonic()
        deleting = asyncio.create_task(talk.client.delete(f"/api/projects/{talk.project}/chat"))
        while marked(mark):
            assert time.monotonic() - before < 10, processes
            await asyncio.sleep(0.002)
        took.append(time.monotonic() - before)
        assert marked(mark) == {}
        assert (await deleting).status_code == 202
        answer = await reading
        assert answer.of("data-run-status")[-1]["status"] == "stopped"
        messages = await wait_idle(talk.client, talk.project)
        assert messages["items"][-1]["metadata"]["status"] == "stopped"
    print(
        f"\n{len(took)} stops: median {statistics.median(took) * 1000:.0f} ms, "
        f"longest {max(took) * 1000:.0f} ms"
    )
    assert max(took) < LIMIT


def body(text: str) -> dict[str, Any]:
    return {"id": "c", "messages": [{"role": "user", "parts": [{"type": "text", "text": text}]}]}


async def test_nothing_runs_and_nothing_is_stopped_without_a_fuss(talk: Talk) -> None:
    chat = f"/api/projects/{talk.project}/chat"
    assert (await talk.client.delete(chat)).status_code == 202
    stream = await talk.client.get(f"{chat}/stream")
    assert (stream.status_code, stream.content) == (204, b"")


async def test_a_second_message_is_a_conflict_and_the_same_request_is_the_same_turn(
    talk: Talk,
) -> None:
    chat = f"/api/projects/{talk.project}/chat"
    slow = body(fake_model.script(("run_command", {"command": "sleep 2"})))
    key = {"Idempotency-Key": secrets.token_hex(8)}
    async with talk.client.stream("POST", chat, json=slow, headers=key) as first:
        assert first.headers["x-vercel-ai-ui-message-stream"] == "v1"
        assert first.headers["content-type"].startswith("text/event-stream")
        refused = await talk.client.post(chat, json=body("another"))
        assert refused.status_code == 409
        assert refused.headers["content-type"] == "application/problem+json"
        assert refused.json()["code"] == "TurnRunning"
        messages = (await talk.client.get(f"/api/projects/{talk.project}/messages")).json()
        assert messages["turn"]["status"] == "working"
        assert messages["items"][-1]["role"] == "user"
        again, resumed, lines = Answer(), Answer(), Answer()
        async with talk.client.stream("POST", chat, json=slow, headers=key) as second:
            await read_stream(second, again)
        async with talk.client.stream("POST", chat, json=slow, headers=key) as late:
            await read_stream(late, resumed)
        await read_stream(first, lines)
    assert lines.chunks == again.chunks == resumed.chunks
    assert lines.of("data-run-status")[-1]["status"] == "completed"


async def test_a_reload_gets_the_running_stream_from_its_first_chunk(talk: Talk) -> None:
    chat = f"/api/projects/{talk.project}/chat"
    slow = body(fake_model.script(("run_command", {"command": "sleep 1"})))
    async with talk.client.stream("POST", chat, json=slow) as first:
        async with talk.client.stream("GET", f"{chat}/stream") as reload:
            assert reload.status_code == 200
            one, other = Answer(), Answer()
            await read_stream(reload, other)
        await read_stream(first, one)
    assert one.chunks == other.chunks
    assert one.chunks[0]["type"] == "start"
    answer = (await wait_idle(talk.client, talk.project))["items"][-1]
    assert answer["id"] == one.chunks[0]["messageId"]


async def test_leaving_the_stream_leaves_the_turn_at_work(talk: Talk) -> None:
    chat = f"/api/projects/{talk.project}/chat"
    script = body(fake_model.script(("run_command", {"command": "sleep 1; echo there > left.txt"})))
    async with talk.client.stream("POST", chat, json=script):
        pass
    answer = (await wait_idle(talk.client, talk.project))["items"][-1]
    assert answer["metadata"]["status"] == "completed"
    assert any(part["type"] == "data-fragment" for part in answer["parts"])


REFUSED: list[tuple[dict[str, Any], str]] = [
    (body(" "), "NothingSaid"),
    (body("x" * 100_001), "PromptTooLong"),
    ({"messages": []}, "NothingSaid"),
    ({"messages": [{"role": "assistant", "parts": []}]}, "NothingSaid"),
    ({"messages": "no"}, "Invalid"),
]


@pytest.mark.parametrize(("sent", "code"), REFUSED)
async def test_what_is_no_message_is_refused(talk: Talk, sent: dict[str, Any], code: str) -> None:
    refused = await talk.client.post(f"/api/projects/{talk.project}/chat", json=sent)
    assert (refused.status_code, refused.json()["code"]) == (422, code)


async def test_a_project_that_is_not_there_has_no_chat(talk: Talk) -> None:
    for method, path in (
        ("POST", "chat"),
        ("DELETE", "chat"),
        ("GET", "chat/stream"),
        ("GET", "messages"),
    ):
        answer = await talk.client.request(
            method, f"/api/projects/nobody/{path}", json=body("hi") if method == "POST" else None
        )
        assert answer.status_code == 404, path
