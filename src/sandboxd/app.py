"""The ASGI application: control plane, toolbox, previews and events on one port.

Order matters and is the same for HTTP and WebSocket: Host, Origin, key, then the path.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from sandboxd import gate
from sandboxd.api.routes import control_plane
from sandboxd.engine import Engine
from sandboxd.errors import NotSupported, SandboxdError, Unauthorized
from sandboxd.events import Events
from sandboxd.preview.http import serve_http
from sandboxd.preview.request import Preview
from sandboxd.preview.websocket import serve_websocket
from sandboxd.toolbox.inside import Toolbox
from sandboxd.toolbox.routes import keepers, toolbox_routes
from sandboxd.toolbox.transfer import check_signature
from sandboxd.wire import Call, Routes, error_response, segments_of

log = logging.getLogger(__name__)

SIGNED_FILES = {("GET", "download"), ("POST", "upload-v2")}


class Draining(SandboxdError):
    status, code = 503, "SHUTTING_DOWN"


class App:
    """See the module. Made by `create_app`."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._settings = engine.settings
        self._routes = Routes()
        prefix = "/".join(("", *engine.settings.prefix))
        self._routes.include(control_plane(), prefix)
        self._routes.include(toolbox_routes(), f"{prefix}/toolbox/{{s}}")
        self.events = Events(engine)
        engine.watchers = [Toolbox(engine, keepers()), self.events]
        self._requests: set[asyncio.Timeout] = set()
        self._sockets: set[asyncio.Timeout] = set()
        self._idle = asyncio.Event()
        self._idle.set()
        self._draining = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            return
        reply = _Reply(scope, receive, send)
        served = self._requests if scope["type"] == "http" else self._sockets
        try:
            async with asyncio.timeout(None) as limit, self._counted(limit, served):
                await self._serve(scope, receive, reply)
        except SandboxdError as error:
            await reply.fail(error)
        except TimeoutError:
            if not self._draining:
                log.exception("%s: something took too long", scope["path"])
            await reply.fail(Draining("The server is shutting down or too busy"))
        except WebSocketDisconnect:
            return
        except Exception as error:
            log.exception("%s %s failed", scope.get("method", "WEBSOCKET"), scope["path"])
            await reply.fail(SandboxdError(f"Internal server error: {type(error).__name__}"))

    @asynccontextmanager
    async def _counted(
        self, limit: asyncio.Timeout, served: set[asyncio.Timeout]
    ) -> AsyncGenerator[None]:
        served.add(limit)
        if self._requests:
            self._idle.clear()
        try:
            yield
        finally:
            served.discard(limit)
            if not self._requests:
                self._idle.set()

    async def drain(self, seconds: float) -> None:
        """Close all sockets, give requests `seconds` to end, and answer the rest with 503."""
        await self.events.close()  # clients hang on a dying process otherwise
        _expire(self._sockets)
        try:
            async with asyncio.timeout(seconds):
                await self._idle.wait()
        except TimeoutError:
            log.info("%d requests were still running", len(self._requests))
        self._draining = True
        _expire(self._requests)

    async def _serve(self, scope: Scope, receive: Receive, reply: "_Reply") -> None:
        if self._draining:
            raise Draining("The server is shutting down")
        host = gate.preview_host(scope)
        if host is not None:
            await self._preview(host, scope, receive, reply)
            return
        origin = gate.check_origin(scope, self._settings)
        reply.origin = origin
        if origin is not None and scope.get("method") == "OPTIONS":
            await Response(status_code=204)(scope, receive, reply)
            return
        segments = segments_of(scope)
        if segments[: len(self._settings.prefix) + 1] == (*self._settings.prefix, "socket.io"):
            await self.events.app(scope, receive, reply)
            return
        await self._dispatch(scope, receive, reply, segments)

    async def _preview(
        self, host: gate.PreviewHost, scope: Scope, receive: Receive, reply: "_Reply"
    ) -> None:
        preview = Preview(self.engine, host, scope)
        if scope["type"] == "websocket":
            await serve_websocket(preview, WebSocket(scope, receive, reply))
        else:
            await serve_http(preview, receive, reply, scope)

    async def _dispatch(
        self, scope: Scope, receive: Receive, reply: "_Reply", segments: tuple[str, ...]
    ) -> None:
        websocket = scope["type"] == "websocket"
        method = "WEBSOCKET" if websocket else str(scope["method"])
        try:
            handler, params = self._routes.find(method, segments)
        except SandboxdError:
            gate.check_key(scope, self._settings)  # strangers learn nothing of our paths
            if _is_later(segments):
                raise NotSupported("This operation is not supported by sandboxd") from None
            raise
        call = Call(self.engine, scope, params)
        if not self._has_other_credential(call, method, segments):
            gate.check_key(scope, self._settings)
        if "toolbox" in segments[: len(self._settings.prefix) + 1]:
            call.running()  # before any complaint about what was sent
        if websocket:
            call.websocket = WebSocket(scope, receive, reply)
            await handler(call)
            return
        call.request = Request(scope, receive)
        response = await handler(call)
        await (response or Response())(scope, receive, reply)

    def _has_other_credential(self, call: Call, method: str, segments: tuple[str, ...]) -> bool:
        """Signed addresses of files, and browsers' websockets with a preview token."""
        if "s" not in call.params or "toolbox" not in segments:
            return False
        if (method, segments[-1]) in SIGNED_FILES and "signature" in call.query:
            check_signature(call, method)
            return True
        token = call.query.get("DAYTONA_SANDBOX_AUTH_KEY")
        if method == "WEBSOCKET" and token:
            if not gate.same(token, call.box.record.preview_token):
                raise Unauthorized("Invalid preview token")
            return True
        return False


def _expire(limits: set[asyncio.Timeout]) -> None:
    moment = asyncio.get_running_loop().time()
    for limit in limits:
        limit.reschedule(moment)


class _Reply:
    """Sends answers; knows whether one has begun, so that an error can still be told or not."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        self._begun = False
        self.origin: str | None = None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start" and self.origin is not None:
            extra = [
                (name.lower().encode(), value.encode())
                for name, value in gate.cors_headers(self.origin).items()
            ]
            message = {**message, "headers": [*message.get("headers", []), *extra]}
        self._begun = True
        await self._send(message)

    async def fail(self, error: SandboxdError) -> None:
        """Tell the error, unless half an answer is out: then break off, so that it is seen."""
        websocket = self._scope["type"] == "websocket"
        if self._begun and websocket:
            await self._send(
                {"type": "websocket.close", "code": 1011, "reason": error.message[:100]}
            )
        elif self._begun:
            raise BrokenOff(error.message)
        elif websocket:
            response = WebSocket(self._scope, self._receive, self)
            await response.send_denial_response(error_response(error, self._scope))
        else:
            await error_response(error, self._scope)(self._scope, self._receive, self)


class BrokenOff(Exception):
    """An answer had begun and could not be finished; the server closes the connection."""


def _is_later(segments: tuple[str, ...]) -> bool:
    """Known families of calls that this engine lacks altogether."""
    return any(word in segments for word in ("lsp", "computeruse", "ssh-access"))


def create_app(engine: Engine) -> App:
    """The application of an engine; open the engine before serving it."""
    return App(engine)
