"""Two HTTP servers in one process, with every time-out and limit of TRUST.md 6."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import h11
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_SECONDS = 15.0
BODY_SECONDS = 15.0
BODY_RATE = 1024
"""Bytes per second that a body must bring, measured over BODY_SECONDS."""

Phase = Literal["head", "body"] | None


class PortBusy(Exception):
    """Somebody else listens there."""

    def __init__(self, host: str, port: int, why: str) -> None:
        super().__init__(
            f"Port {port} on {host} cannot be used: {why}. Choose another with --port; "
            "previews need the next one too."
        )


class PunctualProtocol(H11Protocol):
    """uvicorn's HTTP/1.1, closing connections whose head or body comes too slowly."""

    head_seconds = HEAD_SECONDS
    body_seconds = BODY_SECONDS
    phase: Phase = None
    deadline: asyncio.TimerHandle | None = None
    owed = 0
    """Bytes that the body must still bring before the deadline."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._expect("head")

    def data_received(self, data: bytes) -> None:
        self.owed -= len(data)
        super().data_received(data)
        phase = self._awaited()
        if phase != self.phase:
            self._expect(phase)

    def connection_lost(self, exc: Exception | None) -> None:
        self._expect(None)
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        """Until the next byte uvicorn's keep-alive time-out rules."""
        self._expect(None)
        super().on_response_complete()

    def _awaited(self) -> Phase:
        if self.transport.is_closing() or self.transport.get_protocol() is not self:
            return None  # closed, or a WebSocket by now
        if self.conn.their_state is h11.IDLE:
            return "head"
        return "body" if self.conn.their_state is h11.SEND_BODY else None

    def _expect(self, phase: Phase) -> None:
        if self.deadline is not None:
            self.deadline.cancel()
            self.deadline = None
        self.phase = phase
        if phase == "head":
            self.deadline = self.loop.call_later(self.head_seconds, self.transport.close)
        elif phase == "body":
            self.owed = int(BODY_RATE * self.body_seconds)
            self.deadline = self.loop.call_later(self.body_seconds, self._weigh_body)

    def _weigh_body(self) -> None:
        # While the app does not read, uvicorn holds the sender back: not the sender's fault.
        if self.owed <= 0 or self.flow.read_paused:
            self._expect("body")
        else:
            self.transport.close()


class Server(uvicorn.Server):
    """One whose owner says when to stop, not a signal."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        yield


@dataclass(frozen=True, slots=True)
class Site:
    """An app and the socket it is served on."""

    app: ASGIApp
    listener: socket.socket


def listen(host: str, port: int) -> socket.socket:
    """A bound socket. Raises PortBusy."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(512)
    except (OSError, OverflowError) as error:
        listener.close()
        why = error.strerror if isinstance(error, OSError) else "there is no such port"
        raise PortBusy(host, port, str(why)) from error
    listener.setblocking(False)
    return listener


def listen_twice(host: str, port: int) -> tuple[socket.socket, socket.socket]:
    """The page's socket and, on the next port, the previews'. Port 0: any such pair. Raises PortBusy."""
    for attempt in range(20):
        first = listen(host, port)
        try:
            return first, listen(host, first.getsockname()[1] + 1)
        except PortBusy:
            first.close()
            if port or attempt == 19:
                raise
    raise AssertionError


def config(app: ASGIApp, **more: Any) -> uvicorn.Config:
    """The settings of TRUST.md 6."""
    return uvicorn.Config(
        app,
        http=PunctualProtocol,
        ws="websockets-sansio",
        loop="asyncio",
        lifespan="off",
        interface="asgi3",
        h11_max_incomplete_event_size=32768,
        limit_concurrency=512,
        timeout_keep_alive=10,
        timeout_graceful_shutdown=10,
        ws_max_size=1 << 20,
        proxy_headers=False,
        server_header=False,
        access_log=False,
        log_config=None,
        **more,
    )


@asynccontextmanager
async def serving(sites: Sequence[Site]) -> AsyncGenerator[None]:
    """Serve until the block ends; then answer what was begun, for ten seconds at most."""
    servers = [(Server(config(site.app)), site.listener) for site in sites]
    async with asyncio.TaskGroup() as tasks:
        running = [
            tasks.create_task(server.serve(sockets=[listener])) for server, listener in servers
        ]
        try:
            yield
        finally:
            for server, _ in servers:
                server.should_exit = True
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait(running)
