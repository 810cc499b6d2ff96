"""`keelway up` as a person uses it: started, started twice, stopped, killed, started again."""

import asyncio
import contextlib
import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from tests.support.server import Server

pytestmark = pytest.mark.timeout(420)


@pytest.fixture
async def server(home: Path) -> AsyncIterator[Server]:
    server = Server(home / "keelway")
    yield server
    if server.process is not None and server.process.poll() is None:
        await server.stop()
    server.end_engine()


def keelway(server: Server, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "keelway", *arguments, "--home", str(server.home)],
        capture_output=True,
        text=True,
        timeout=120,
        env=os.environ | server.env,
    )


def engine_pid(server: Server) -> int:
    return json.loads((server.home / "sandboxd" / "endpoint.json").read_text())["pid"]


def alive(pid: int) -> bool:
    """Also true for a zombie: nobody has waited for it, so it is not gone."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False


async def gone(pid: int, seconds: float = 30) -> bool:
    async with asyncio.timeout(seconds):
        while alive(pid):
            await asyncio.sleep(0.1)
    return True


async def log_in(server: Server, link: str) -> httpx.Response:
    async with httpx.AsyncClient(base_url=server.url, trust_env=False) as browser:
        headers = {"host": server.page.removeprefix("http://"), "origin": server.page}
        key = link.partition("#k=")[2]
        return await browser.post("/api/login", json={"key": key}, headers=headers)


async def test_one_home_from_the_first_start_to_the_last(server: Server) -> None:
    link = await server.start()
    assert link.startswith(f"{server.page}/login#k=")
    said = server.log.read_text()
    assert "Preparing the starter app" in said
    assert (await log_in(server, link)).status_code == 204
    assert (await log_in(server, link)).status_code == 401

    for name, mode in {".": 0o700, "api-token": 0o600, "secret.key": 0o600}.items():
        assert stat.S_IMODE((server.home / name).stat().st_mode) == mode, name
    assert stat.S_IMODE((server.home / "sandboxd" / "endpoint.json").stat().st_mode) == 0o600

    async with server.client() as client:
        made = (await client.post("/api/projects", json={"name": "Daymark"})).json()

    second = keelway(server, "up", "--no-browser")
    assert second.returncode == 3
    assert f"process {server.process.pid}" in second.stdout if server.process else False
    fresh = re.search(r"http://\S+/login#k=\S+", second.stdout)
    assert fresh is not None
    assert (await log_in(server, fresh[0])).status_code == 204
    assert (await log_in(server, keelway(server, "link").stdout.strip())).status_code == 204
    token = keelway(server, "token").stdout.strip()
    assert token == (server.home / "api-token").read_text().strip()

    engine = engine_pid(server)
    begun = asyncio.get_running_loop().time()
    assert await server.stop() == 0
    assert asyncio.get_running_loop().time() - begun < 15
    assert await gone(engine)
    assert "Stopped. Everything is kept" in server.log.read_text()

    await server.start()
    async with server.client() as client:
        found = (await client.get("/api/projects")).json()["items"]
        assert [project["id"] for project in found] == [made["id"]]
        assert found[0]["gitCommitHash"] == made["gitCommitHash"]
    assert server.log.read_text().count("Copying the starter app") == 1


async def test_an_engine_outlives_its_server_and_is_adopted(server: Server) -> None:
    await server.start()
    engine = engine_pid(server)
    server.kill()
    assert alive(engine)
    await server.start()
    assert engine_pid(server) == engine

    assert server.process is not None
    server.process.send_signal(signal.SIGTERM)
    assert await asyncio.to_thread(server.process.wait, 60) == 0
    assert alive(engine)
    await server.start()
    assert engine_pid(server) == engine

    os.kill(engine, signal.SIGKILL)  # and one that dies is started again, where clients look for it
    async with asyncio.timeout(60):
        while engine_pid(server) == engine:
            await asyncio.sleep(0.1)
    async with server.client() as client:
        assert (await client.get("/api/health")).status_code == 200
    last = engine_pid(server)
    assert await server.stop() == 0
    assert await gone(last)


async def test_a_port_that_is_taken_is_a_sentence(server: Server) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", server.port + 1))
        taken.listen()
        done = await asyncio.to_thread(
            keelway, server, "up", "--no-browser", "--port", str(server.port)
        )
    assert done.returncode == 1
    assert f"Port {server.port + 1} on 127.0.0.1 cannot be used" in done.stderr
    assert "--port" in done.stderr
    assert "Traceback" not in done.stdout + done.stderr
