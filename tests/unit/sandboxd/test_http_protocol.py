import asyncio
import socket
from collections.abc import AsyncIterator

import pytest
import uvicorn
import websockets
from starlette.types import Receive, Scope, Send

from sandboxd import http_protocol
from sandboxd.http_protocol import DeadlineProtocol
from sandboxd.serve import Server


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await echo(receive, send)
        return
    while (await receive()).get("more_body"):
        pass
    start = {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]}
    await send(start)
    await send({"type": "http.response.body", "body": b"ok"})


async def echo(receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": message["text"]})


@pytest.fixture
async def port(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[int]:
    monkeypatch.setattr(http_protocol, "HEAD_SECONDS", 0.3)
    config = uvicorn.Config(app, http=DeadlineProtocol, lifespan="off", log_config=None)  # type: ignore[arg-type]
    server = Server(config)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        async with asyncio.TaskGroup() as group:
            group.create_task(server.serve([listener]))
            while not server.started:
                await asyncio.sleep(0.01)
            yield listener.getsockname()[1]
            server.should_exit = True


async def closed_within(port: int, sent: bytes, seconds: float, trickle: bytes = b"") -> bool:
    """Whether the server closes the connection without an answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(sent)

        async def drip() -> None:
            while trickle:
                await asyncio.sleep(0.1)
                writer.write(trickle)

        async with asyncio.TaskGroup() as group:
            dripping = group.create_task(drip())
            try:
                async with asyncio.timeout(seconds):
                    return await reader.read(100) == b""
            except (TimeoutError, ConnectionError) as error:
                return isinstance(error, ConnectionError)
            finally:
                dripping.cancel()
    finally:
        writer.close()


HEAD = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n"


@pytest.mark.parametrize("sent", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost:", HEAD, HEAD + b"x"])
async def test_half_a_request_is_cut_off(port: int, sent: bytes) -> None:
    assert await closed_within(port, sent, 2)


async def test_a_body_that_trickles_is_cut_off(port: int) -> None:
    assert await closed_within(port, HEAD, 2, trickle=b"x")


async def test_a_whole_request_is_answered_and_its_connection_kept(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for _ in range(2):
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        answer = await reader.readuntil(b"ok")
        assert b"200" in answer
        await asyncio.sleep(0.5)  # idle between requests is not trickling
    writer.close()


async def test_a_websocket_may_be_silent_for_longer_than_a_head_may_take(port: int) -> None:
    """Hot reload's socket was cut 15 seconds after it opened; the preview then stayed on the old app."""
    async with websockets.connect(f"ws://127.0.0.1:{port}/") as socket:
        await asyncio.sleep(0.7)
        await socket.send("still here")
        assert await asyncio.wait_for(socket.recv(), 2) == "still here"
