"""TRUST.md T31: heads and bodies that come too slowly, too large, or never."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from keelway.cli import servers
from keelway.cli.servers import PortBusy, PunctualProtocol, Site, listen, listen_twice, serving

HEAD = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n"


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    more = True
    while more:
        message = await receive()
        more = message.get("more_body", False)
    await PlainTextResponse("fine")(scope, receive, send)


@dataclass
class Served:
    port: int

    async def send(
        self, *pieces: bytes, every: float = 0.05, most: float = 3.0
    ) -> tuple[bytes, float]:
        """What came back, and after how many seconds the server closed."""
        begun = time.monotonic()
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        with contextlib.suppress(ConnectionError):
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                if reader.at_eof():
                    break
                await asyncio.sleep(every)
        answer = b""
        with contextlib.suppress(TimeoutError, ConnectionError):
            async with asyncio.timeout(most):
                answer = await reader.read()
        writer.close()
        return answer, time.monotonic() - begun


@pytest.fixture
async def served(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Served]:
    monkeypatch.setattr(PunctualProtocol, "head_seconds", 0.3)
    monkeypatch.setattr(PunctualProtocol, "body_seconds", 0.3)
    listener = listen("127.0.0.1", 0)
    async with serving([Site(app, listener)]):
        yield Served(listener.getsockname()[1])


async def test_an_ordinary_request_is_answered(served: Served) -> None:
    answer, _ = await served.send(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200")
    assert b"\r\nserver:" not in answer.lower()


async def test_a_silent_connection_is_closed(served: Served) -> None:
    _, seconds = await served.send()
    assert 0.2 < seconds < 1.5


async def test_a_half_sent_head_is_closed_however_often_a_byte_comes(served: Served) -> None:
    _, seconds = await served.send(b"GET / HTTP/1.1\r\nHost: x\r\n", *[b"a"] * 40)
    assert 0.2 < seconds < 1.5


async def test_a_trickling_body_is_closed(served: Served) -> None:
    _, seconds = await served.send(HEAD + b"\r\n", *[b"a"] * 40)
    assert 0.2 < seconds < 1.5


async def test_a_steady_body_is_read_to_its_end(served: Served) -> None:
    answer, seconds = await served.send(
        HEAD + b"Connection: close\r\n\r\n", *[b"a" * 10_000] * 10, every=0.1
    )
    assert answer.startswith(b"HTTP/1.1 200")
    assert seconds > 0.6


async def test_without_the_deadlines_a_half_sent_head_stays_for_ever(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(servers, "PunctualProtocol", H11Protocol)
    listener = listen("127.0.0.1", 0)
    async with serving([Site(app, listener)]):
        plain = Served(listener.getsockname()[1])
        _, seconds = await plain.send(b"GET / HTTP/1.1\r\nHost: x\r\n", most=1.5)
    assert seconds >= 1.5


async def test_an_endless_header_is_cut_off(served: Served) -> None:
    answer, _ = await served.send(
        b"GET / HTTP/1.1\r\nHost: x\r\nX: ", *[b"a" * 20_000] * 5, every=0
    )
    assert not answer or answer.startswith(b"HTTP/1.1 4")


async def test_a_connection_serves_again_and_again(served: Served) -> None:
    request = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
    last = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    answer, _ = await served.send(request, request, last, every=0.2)
    assert answer.count(b"HTTP/1.1 200") == 3


def test_a_taken_port_is_named() -> None:
    with contextlib.closing(listen("127.0.0.1", 0)) as first:
        port = first.getsockname()[1]
        with pytest.raises(PortBusy, match=f"Port {port} on 127.0.0.1 cannot be used"):
            listen("127.0.0.1", port)
    with pytest.raises(PortBusy):
        listen("127.0.0.1", 70000)


def test_previews_are_on_the_next_port() -> None:
    page, previews = listen_twice("127.0.0.1", 0)
    with contextlib.closing(page), contextlib.closing(previews):
        assert previews.getsockname()[1] == page.getsockname()[1] + 1


def test_when_the_next_port_is_taken_both_are_given_back() -> None:
    page, previews = listen_twice("127.0.0.1", 0)
    port = page.getsockname()[1]
    page.close()
    with contextlib.closing(previews), pytest.raises(PortBusy):
        listen_twice("127.0.0.1", port)
    listen("127.0.0.1", port).close()
