"""Stop: within half a second of the DELETE no process of the command is left, however stubborn."""

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

import httpx
import pytest
import pytest_asyncio
from tests.support import fake_model
from tests.support.server import Answer, Server, wait_idle

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


def alive(mark: str) -> list[str]:
    """Command lines that hold the mark and are not this test's own."""
    found: list[str] = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and int(entry.name) != os.getpid():
            try:
                line = (entry / "cmdline").read_bytes()
                zombie = (entry / "stat").read_text().rpartition(")")[2].split()[0] in "ZX"
            except OSError:
                continue
            if mark.encode() in line and not zombie:
                found.append(line.decode(errors="replace"))
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
    while len(alive(mark)) < 3:
        assert time.monotonic() < deadline, alive(mark)
        assert not reading.done()
        await asyncio.sleep(0.02)
    return reading


async def test_a_stop_leaves_no_process_within_half_a_second(talk: Talk) -> None:
    took: list[float] = []
    for _ in range(STOPS):
        mark = f"kw-stubborn-{secrets.token_hex(8)}"
        reading = await begin(talk, mark)
        before = time.monotonic()
        deleting = asyncio.create_task(talk.client.delete(f"/api/projects/{talk.project}/chat"))
        while left := alive(mark):
            assert time.monotonic() - before < 10, left
            await asyncio.sleep(0.002)
        took.append(time.monotonic() - before)
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


async def test_a_stop_with_nothing_to_stop_is_no_error(talk: Talk) -> None:
    """The answer to a stop when nothing runs is the same 202, and nothing happens."""
    assert (await talk.client.delete(f"/api/projects/{talk.project}/chat")).status_code == 202
    stream = await talk.client.get(f"/api/projects/{talk.project}/chat/stream")
    assert stream.status_code == 204
