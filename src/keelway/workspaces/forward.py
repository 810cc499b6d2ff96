"""Carry one request or one WebSocket to the sandbox and its answer back, as it streams."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from typing import Any, Self, cast

import httpx
from starlette.responses import StreamingResponse
from starlette.types import Message, Receive, Scope, Send
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.typing import Subprotocol

from keelway.workspaces.forwarding import Target, clean_query, inward, outward
from keelway.workspaces.probe import with_probe

CONNECT_SECONDS = 10.0
IDLE_SECONDS = 300.0
RECHECK_SECONDS = 5.0
MESSAGE_BYTES = 1 << 20
PROXY_ERRORS = frozenset({400, 401, 404, 502, 503})
"""Statuses by which the engine's proxy says that the sandbox or its port does not answer."""


class Stale(Exception):
    """The preview's token was refused: a restart changed it."""


class Unreachable(Exception):
    """Nothing serves there."""


@dataclass(frozen=True, slots=True)
class Way:
    """One visitor of one preview site."""

    origin: str
    """The site's own origin, as the browser knows it."""
    bearer_is_ours: bool
    alive: Callable[[], Awaitable[bool]]
    """Whether the visitor's session still lives."""


class Forward:
    """Holds the connections to sandboxes. Enter it before use."""

    def __init__(self) -> None:
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=100)
        self.client = httpx.AsyncClient(
            timeout=httpx.Timeout(IDLE_SECONDS, connect=CONNECT_SECONDS, pool=None),
            limits=limits,
            follow_redirects=False,
            # This machine is never reached through a proxy from the environment.
            mounts={"http://127.0.0.1": httpx.AsyncHTTPTransport(limits=limits)},
        )
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        await self._stack.enter_async_context(self.client)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def __call__(
        self, way: Way, target: Target, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Raises Stale or Unreachable before anything was answered."""
        if scope["type"] == "websocket":
            await _websocket(way, target, scope, receive, send)
        else:
            await self._http(way, target, scope, receive, send)

    async def _http(
        self, way: Way, target: Target, scope: Scope, receive: Receive, send: Send
    ) -> None:
        request = self._rebuilt(way, target, scope, receive)
        try:
            answer = await self.client.send(request, stream=True)
        except httpx.TransportError as error:
            raise Unreachable from error
        try:
            await _raise_for_proxy(answer, again=request.method in ("GET", "HEAD"))
            await _answer(answer, way, target, scope)(scope, receive, send)
        finally:
            await answer.aclose()

    def _rebuilt(self, way: Way, target: Target, scope: Scope, receive: Receive) -> httpx.Request:
        host, port = target.dial
        query = clean_query(scope["query_string"])
        path = scope["raw_path"] + (b"?" + query if query else b"")
        url = httpx.URL(
            scheme="https" if target.secure else "http", host=host, port=port, raw_path=path
        )
        headers = inward(scope["headers"], way.origin, target, bearer_is_ours=way.bearer_is_ours)
        if wants_html(scope["headers"]):
            # So that the probe can be written into the page.
            headers = [(k, v) for k, v in headers if k != "accept-encoding"]
            headers.append(("accept-encoding", "identity"))
        names = {key for key, _ in scope["headers"]}
        has_body = b"content-length" in names or b"transfer-encoding" in names
        return httpx.Request(
            scope["method"], url, headers=headers, content=_body(receive) if has_body else None
        )


async def _body(receive: Receive) -> AsyncGenerator[bytes]:
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Unreachable
        yield message.get("body", b"")
        more = message.get("more_body", False)


async def _raise_for_proxy(answer: httpx.Response, *, again: bool) -> None:
    """Tell the engine's own refusals from what the app inside answers. `again`: may be repeated."""
    if answer.status_code not in PROXY_ERRORS or "json" not in answer.headers.get(
        "content-type", ""
    ):
        return
    try:
        said: Any = json.loads(await answer.aread())
    except ValueError:
        return
    if not isinstance(said, dict):
        return
    source = str(cast(dict[str, object], said).get("source", ""))
    if source.startswith("DAYTONA_"):
        raise Stale if answer.status_code == 401 and again else Unreachable


def _answer(answer: httpx.Response, way: Way, target: Target, scope: Scope) -> StreamingResponse:
    headers = outward(answer.headers.multi_items(), way.origin, target)
    chunks: AsyncIterator[bytes] = answer.aiter_raw()
    if answer.is_stream_consumed:
        chunks = _once(answer.content)
    if _takes_probe(answer, scope):
        chunks = with_probe(chunks)
        headers = [(k, v) for k, v in headers if k != "content-length"]
    response = StreamingResponse(chunks, answer.status_code)
    response.raw_headers = [(k.encode("latin-1"), v.encode("latin-1")) for k, v in headers]
    return response


async def _once(content: bytes) -> AsyncGenerator[bytes]:
    yield content


def _takes_probe(answer: httpx.Response, scope: Scope) -> bool:
    kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    return (
        kind == "text/html"
        and scope["method"] == "GET"
        and answer.status_code not in (204, 304)
        and answer.headers.get("content-encoding", "identity") == "identity"
        and wants_html(scope["headers"])
    )


def wants_html(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Whether a person waits for a page, not a script for data."""
    found = dict(headers)
    destination = found.get(b"sec-fetch-dest")
    if destination is not None:
        return destination in (b"document", b"iframe")
    return b"text/html" in found.get(b"accept", b"")


async def _websocket(way: Way, target: Target, scope: Scope, receive: Receive, send: Send) -> None:
    host, port = target.dial
    query = clean_query(scope["query_string"])
    scheme = "wss" if target.secure else "ws"
    path = scope["raw_path"].decode("latin-1") + (f"?{query.decode('latin-1')}" if query else "")
    headers = inward(scope["headers"], way.origin, target, bearer_is_ours=way.bearer_is_ours)
    try:
        upstream = await connect(
            f"{scheme}://{target.netloc}{path}",
            host=host,
            port=port,
            proxy=None,
            user_agent_header=None,
            compression=None,
            max_size=MESSAGE_BYTES,
            open_timeout=CONNECT_SECONDS,
            subprotocols=[Subprotocol(name) for name in scope["subprotocols"]] or None,
            additional_headers=[(k, v) for k, v in headers if k != "host"],
        )
    except InvalidStatus as error:
        raise Stale if error.response.status_code == 401 else Unreachable from error
    except (OSError, InvalidHandshake, TimeoutError) as error:
        raise Unreachable from error
    async with upstream:
        await receive()  # websocket.connect
        await send({"type": "websocket.accept", "subprotocol": upstream.subprotocol})
        await _both_ways(way, upstream, receive, send)


async def _both_ways(way: Way, upstream: ClientConnection, receive: Receive, send: Send) -> None:
    """Until either side closes, or the visitor's session ends."""
    async with asyncio.TaskGroup() as tasks:
        running = [
            tasks.create_task(_inward(upstream, receive)),
            tasks.create_task(_outward(upstream, send)),
            tasks.create_task(_while_alive(way, send)),
        ]
        await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
        for task in running:
            task.cancel()


async def _inward(upstream: ClientConnection, receive: Receive) -> None:
    while True:
        message: Message = await receive()
        if message["type"] == "websocket.disconnect":
            return
        text = message.get("text")
        try:
            await upstream.send(text if text is not None else message["bytes"])
        except ConnectionClosed:
            return


async def _outward(upstream: ClientConnection, send: Send) -> None:
    # OSError: the browser is gone. ConnectionClosed: the app closed with a code of its own.
    with suppress(OSError):
        with suppress(ConnectionClosed):
            async for data in upstream:
                key = "text" if isinstance(data, str) else "bytes"
                await send({"type": "websocket.send", key: data})
        code = upstream.close_code or 1006
        # These two stand for "none came" and may not be sent themselves.
        await send({"type": "websocket.close", "code": {1005: 1000, 1006: 1011}.get(code, code)})


async def _while_alive(way: Way, send: Send) -> None:
    alive = True
    while alive:
        await asyncio.sleep(RECHECK_SECONDS)
        alive = await way.alive()
    await send({"type": "websocket.close", "code": 1008, "reason": "The session has ended."})
