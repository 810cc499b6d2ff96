"""HTTP of previews: one request to a port inside a sandbox, both bodies streamed."""

import asyncio
import re
from collections.abc import AsyncIterator

import h11
from starlette.types import Receive, Scope, Send

from sandboxd.errors import BadRequest
from sandboxd.preview.request import (
    COOKIE,
    HOP,
    BadGateway,
    Headers,
    Preview,
    named_by_connection,
)

CHUNK = 64 * 1024
HEADER_LIMIT = 64 * 1024


async def serve_http(preview: Preview, receive: Receive, send: Send, scope: Scope) -> None:
    """Pass one request to the app inside and its answer back, as they come."""
    names = [name for name, _ in scope["headers"]]
    if b"transfer-encoding" in names and b"content-length" in names:
        raise BadRequest("Content-Length and Transfer-Encoding exclude each other")
    reader, writer = await _connect(preview)
    try:
        exchange = _Exchange(preview, scope, reader, writer, chunked=b"transfer-encoding" in names)
        await exchange.run(receive, send)
    finally:
        writer.close()


async def _connect(preview: Preview) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    machine = preview.box.machine().machine
    try:
        return await asyncio.open_connection(sock=await machine.dial(preview.port))
    except OSError as error:
        raise BadGateway(f"Nothing listens on port {preview.port} in the sandbox") from error


class _Exchange:
    def __init__(
        self,
        preview: Preview,
        scope: Scope,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        chunked: bool,
    ) -> None:
        self._preview = preview
        self._scope = scope
        self._reader = reader
        self._writer = writer
        self._chunked = chunked
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=HEADER_LIMIT)

    async def run(self, receive: Receive, send: Send) -> None:
        self._say(self._request())
        async with asyncio.TaskGroup() as group:
            sending = group.create_task(self._send_body(receive))
            try:
                await self._answer(send)
            finally:
                sending.cancel()

    def _request(self) -> h11.Request:
        headers = self._preview.headers()
        if self._chunked:
            headers.append((b"transfer-encoding", b"chunked"))
        headers.append((b"connection", b"close"))
        return h11.Request(
            method=self._scope["method"], target=self._preview.target, headers=headers
        )

    def _say(self, event: h11.Event) -> None:
        self._writer.write(self._http.send(event) or b"")

    async def _send_body(self, receive: Receive) -> None:
        try:
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    self._writer.close()  # nobody waits for the answer any more
                    return
                if body := message.get("body", b""):
                    self._say(h11.Data(data=body))
                    await self._writer.drain()
                if not message.get("more_body", False):
                    break
            self._say(h11.EndOfMessage())
            while (await receive())["type"] != "http.disconnect":
                pass
            self._writer.close()
        except (OSError, h11.LocalProtocolError):
            return  # the app answered early or went away; the reading side knows

    async def _answer(self, send: Send) -> None:
        started = False
        try:
            async for event in self._events():
                if isinstance(event, h11.Response):
                    await send(
                        {
                            "type": "http.response.start",
                            "status": event.status_code,
                            "headers": self._response_headers(event),
                        }
                    )
                    started = True
                elif isinstance(event, h11.Data):
                    body = bytes(event.data)
                    await send({"type": "http.response.body", "body": body, "more_body": True})
        except (OSError, h11.RemoteProtocolError) as error:
            if started:
                raise  # too late for words: the connection is broken off, as the app's was
            raise BadGateway("The app in the sandbox gave no proper answer") from error
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _events(self) -> AsyncIterator[h11.Event]:
        while True:
            event = self._http.next_event()
            if event is h11.NEED_DATA:
                self._http.receive_data(await self._reader.read(CHUNK))
            elif isinstance(event, h11.EndOfMessage):
                return
            elif isinstance(event, h11.Event):
                yield event
            else:
                raise h11.RemoteProtocolError("closed before the end of the answer")

    def _response_headers(self, response: h11.Response) -> Headers:
        raw: Headers = [(bytes(name), bytes(value)) for name, value in response.headers]
        drop = HOP | named_by_connection(raw)
        kept: Headers = []
        for name, value in raw:
            if name in drop:
                continue
            if name == b"set-cookie":
                cookie = _safe_cookie(value)
                if cookie is None:
                    continue
                value = cookie
            kept.append((name, value))
        if self._preview.cookie is not None:
            kept.append((b"set-cookie", own_cookie(self._preview.cookie)))
        return kept


def own_cookie(token: str) -> bytes:
    """Lets the browser come back without the token in the address, also inside a frame."""
    return f"{COOKIE}={token}; Path=/; HttpOnly; Secure; SameSite=None; Partitioned".encode()


def _safe_cookie(value: bytes) -> bytes | None:
    """The app's cookie without a domain (it may not speak for its neighbours); None for our name."""
    if value.split(b"=", 1)[0].strip().lower() == COOKIE.encode():
        return None
    return re.sub(rb";\s*domain\s*=[^;]*", b"", value, flags=re.IGNORECASE)
