"""Previews: HTTP and WebSocket to a port inside a sandbox, by host name (ENGINE-CONTRACT 8).

A request is taken apart and rebuilt, never passed through: what names us, our credentials and the
hop's own headers stay here.
"""

import asyncio
import hmac
import re
from collections.abc import AsyncIterator, Iterable
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qsl, urlencode

import h11
from starlette.types import Receive, Scope, Send

from sandboxd import gate
from sandboxd.engine import Box, Engine
from sandboxd.errors import BadRequest, NotFound, SandboxdError, Unauthorized
from sandboxd.gate import PreviewHost

TOKEN_HEADER = b"x-daytona-preview-token"
TOKEN_QUERY = "DAYTONA_SANDBOX_AUTH_KEY"
COOKIE = "daytona-sandbox-auth"
HOP = frozenset(
    b"connection keep-alive proxy-authenticate proxy-authorization proxy-connection te trailer "
    b"transfer-encoding upgrade".split()
)
CHUNK = 64 * 1024
HEADER_LIMIT = 64 * 1024

Headers = list[tuple[bytes, bytes]]


class BadGateway(SandboxdError):
    status, code, source = 502, "BAD_GATEWAY", "DAYTONA_PROXY"


class Preview:
    """One request to a preview host: who it is for, and what of it the app inside may see."""

    def __init__(self, engine: Engine, host: PreviewHost, scope: Scope) -> None:
        self._engine = engine
        self._scope = scope
        self.port = host.port
        self._raw: Headers = scope["headers"]
        self._query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        self.box, self.cookie = self._admit(host)

    def _admit(self, host: PreviewHost) -> tuple[Box, str | None]:
        """The sandbox, and the cookie to set. Raises `NotFound` or `Unauthorized`."""
        signed = self._engine.signed.find(host.label, host.port)
        if signed is not None:
            return self._engine.get(signed), None
        box = self._engine.get_by_id(host.label)
        if box is None:
            raise NotFound("No such preview")
        if box.record.public or gate.has_key(self._scope, self._engine.settings):
            return box, None
        token = box.record.preview_token
        if _same(self._header(TOKEN_HEADER), token) or _same(self._cookies().get(COOKIE), token):
            return box, None
        if _same(dict(self._query).get(TOKEN_QUERY), token):
            return box, token
        raise Unauthorized("This preview needs its token")

    @property
    def target(self) -> bytes:
        """Path and query as the app inside sees them."""
        path: bytes = self._scope.get("raw_path") or self._scope["path"].encode()
        query: bytes = self._scope["query_string"]
        if TOKEN_QUERY.encode() in query:
            rest = [(name, value) for name, value in self._query if name != TOKEN_QUERY]
            query = urlencode(rest).encode()
        return path + (b"?" + query if query else b"")

    def headers(self) -> Headers:
        """The request's headers for the app inside, without the hop's own, Host rewritten."""
        drop = HOP | _named_by_connection(self._raw)
        kept: Headers = [(b"host", f"localhost:{self.port}".encode())]
        own = self._header(b"host")
        for name, value in self._raw:
            if name in drop or name == b"host" or name.startswith((b"x-daytona-", b"forwarded")):
                continue
            if name.startswith(b"x-forwarded-"):
                continue
            if name == b"authorization" and gate.has_key(self._scope, self._engine.settings):
                continue
            if name == b"cookie":
                value = _without_cookie(value)
            elif name in {b"origin", b"referer"}:
                value = self._as_localhost(value, own)
            if value:
                kept.append((name, value))
        kept.append((b"x-forwarded-proto", b"http"))
        return kept

    def _as_localhost(self, value: bytes, own: str) -> bytes:
        site = f"http://{own}".encode()
        if value == site or value.startswith(site + b"/"):
            return f"http://localhost:{self.port}".encode() + value[len(site) :]
        return value

    def _header(self, wanted: bytes) -> str:
        return next((v.decode("latin-1") for name, v in self._raw if name == wanted), "")

    def _cookies(self) -> dict[str, str]:
        try:
            parsed = SimpleCookie(self._header(b"cookie"))
        except CookieError:
            return {}
        return {name: morsel.value for name, morsel in parsed.items()}


async def serve_http(engine: Engine, preview: Preview, receive: Receive, send: Send, scope: Scope) -> None:
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
        drop = HOP | _named_by_connection(raw)
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


def _without_cookie(value: bytes) -> bytes:
    pairs = (pair.strip() for pair in value.split(b";"))
    return b"; ".join(pair for pair in pairs if pair.split(b"=", 1)[0] != COOKIE.encode())


def _named_by_connection(headers: Iterable[tuple[bytes, bytes]]) -> frozenset[bytes]:
    return frozenset(
        word.strip().lower()
        for name, value in headers
        if name == b"connection"
        for word in value.split(b",")
    )


def _same(given: str | None, token: str) -> bool:
    return bool(given) and hmac.compare_digest((given or "").encode(), token.encode())
