"""The page's port over raw sockets: what a client library would never send."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.support.page import Page, opened

from keelway import app
from keelway.accounts.gate import Gate
from keelway.cli.servers import Site, listen, serving
from keelway.db.session import Database


@dataclass
class Served:
    page: Page
    port: int
    token: str

    @property
    def host(self) -> str:
        return f"keelway.localhost:{self.port}"

    async def ask(self, *head: str, method: str = "GET", path: str = "/api/projects") -> bytes:
        lines = [f"{method} {path} HTTP/1.1", *head, "Connection: close", "", ""]
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write("\r\n".join(lines).encode())
        await writer.drain()
        answer = await asyncio.wait_for(reader.read(), 10)
        writer.close()
        return answer

    @property
    def bearer(self) -> str:
        return f"Authorization: Bearer {self.token}"


@pytest.fixture
async def served(database: Database, home: Path) -> AsyncIterator[Served]:
    async with opened(database, home) as page:
        listener = listen("127.0.0.1", 0)
        port = listener.getsockname()[1]
        gate = page.asgi
        assert isinstance(gate, Gate)
        assert isinstance(gate.app, app.PageDoor)
        names = app.Names.of("keelway.localhost", port)
        door = app.PageDoor(gate.app.app, page.accounts, names)
        token = await page.accounts.new_token(await page.accounts.owner())
        async with serving([Site(app.guarded(door), listener)]):
            yield Served(page, port, token)


async def test_a_request_names_one_host_of_ours(served: Served) -> None:
    ours = f"Host: {served.host}"
    assert b" 200 " in (await served.ask(ours, served.bearer))[:20]
    assert b" 200 " in (await served.ask(f"Host: 127.0.0.1:{served.port}", served.bearer))[:20]
    for head in (
        [],
        [ours, ours],
        [ours, "Host: evil.example"],
        ["Host: "],
        ["Host: keelway.localhost evil"],
        [f"Host: {served.host}/x"],
        [f"Host: x@{served.host}"],
    ):
        answer = await served.ask(*head, served.bearer)
        assert b" 400 " in answer[:20], head
    assert b" 421 " in (await served.ask("Host: evil.example", served.bearer))[:20]


async def test_another_uid_on_this_machine_gets_nothing_without_a_key(served: Served) -> None:
    for path in ("/api/me", "/api/projects", "/api/openapi.json"):
        assert b" 401 " in (await served.ask(f"Host: {served.host}", path=path))[:20]


async def test_a_socket_upgrade_meets_the_same_gate(served: Served) -> None:
    upgrade = [
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ]
    for head, status in (
        (["Host: evil.example"], b"421"),
        ([f"Host: {served.host}", "Origin: http://evil.example"], b"403"),
        ([f"Host: {served.host}", "Origin: null", served.bearer], b"403"),
        ([f"Host: {served.host}", f"Origin: http://{served.host}"], b"401"),
    ):
        answer = await upgraded(served.port, "/api/projects", [*head, *upgrade])
        assert answer.split(b" ", 2)[1] == status, head


async def test_health_answers_while_hundreds_of_connections_say_nothing(served: Served) -> None:
    """TRUST.md P9, T31: only idle sockets; past 512 new requests are told to come again."""
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(400):
            _, writer = await asyncio.open_connection("127.0.0.1", served.port)
            stack.callback(writer.close)
        async with asyncio.timeout(1):
            answer = await served.ask(f"Host: {served.host}", path="/api/health")
    assert b" 200 " in answer[:20]


async def test_a_problem_and_no_traceback(served: Served) -> None:
    for path, status in (("x%00y", b" 400 "), ("x%0ay", b" 404 "), ("%ff%fe", b" 404 ")):
        answer = await served.ask(
            f"Host: {served.host}", served.bearer, path=f"/api/projects/{path}"
        )
        assert status in answer[:20], path
        assert b"Traceback" not in answer
        assert b"\r\nserver:" not in answer.lower()


async def upgraded(port: int, path: str, head: list[str]) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write("\r\n".join([f"GET {path} HTTP/1.1", *head, "", ""]).encode())
    await writer.drain()
    answer = await asyncio.wait_for(reader.read(4096), 10)
    writer.close()
    return answer
