"""The event socket: clients hear of every change of state as it happens (ENGINE-CONTRACT 5)."""

import asyncio
import logging
from typing import Any, cast

import socketio  # pyright: ignore[reportMissingTypeStubs]
from starlette.types import ASGIApp

from sandboxd import gate, schemas
from sandboxd.box import Box
from sandboxd.engine import Engine
from sandboxd.lifecycle import State

log = logging.getLogger(__name__)

CLOSE_SECONDS = 2.0


class Events:
    """Socket.IO, websocket transport only; one of the engine's watchers."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._server: Any = socketio.AsyncServer(
            async_mode="asgi",
            transports=["websocket"],
            cors_allowed_origins="*",  # the gate has decided about origins before
            always_connect=False,
        )
        self._server.on("connect", self._connect)
        path = "/".join((*engine.settings.prefix, "socket.io"))
        self.app = cast(ASGIApp, socketio.ASGIApp(self._server, socketio_path=path))

    async def _connect(self, _sid: str, _environ: object, auth: object = None) -> bool:
        token = cast(dict[str, object], auth).get("token") if isinstance(auth, dict) else None
        return isinstance(token, str) and gate.is_key(token, self._engine.settings)

    async def began(self, box: Box, *, adopted: bool) -> None:
        """Nothing to tell before the state has changed."""

    async def ending(self, box: Box, *, force: bool) -> None:
        """Nothing to tell before the state has changed."""

    def let_go(self) -> None:
        """Nothing is kept in sandboxes."""

    async def changed(self, box: Box, old: State | None) -> None:
        shown = schemas.sandbox(self._engine, box)
        if old is None:
            await self._server.emit("sandbox.created", {"sandbox": shown})
            return
        change = {"sandbox": shown, "oldState": old.value, "newState": box.state.value}
        await self._server.emit("sandbox.state.updated", change)

    async def close(self) -> None:
        """End all connections, so that clients do not hang on a server that is going."""
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                if self._server.eio.sockets:
                    await self._server.eio.disconnect()
                await self._server.shutdown()
        except TimeoutError:
            # It waits for every packet to be sent, also on connections that are dead by now.
            log.info("some event sockets did not close")
