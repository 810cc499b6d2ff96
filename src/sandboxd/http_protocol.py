"""uvicorn's h11 with deadlines: a head in 15 s, a body of at least 1 KiB/s (TRUST.md T31)."""

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_SECONDS = 15.0
BODY_SECONDS = 15.0  # between looks
BODY_BYTES = 1024 * BODY_SECONDS


class DeadlineProtocol(H11Protocol):
    """Closes connections whose client trickles."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._deadline: asyncio.TimerHandle | None = None
        self._received = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._arm()

    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._received += len(data)
        super().data_received(data)
        if self._waiting() and self._deadline is None:
            self._arm()

    def _waiting(self) -> bool:
        """Whether the client owes us something: the rest of a head or of a body."""
        if self.transport.is_closing() or self.transport.get_protocol() is not self:
            return False  # closed, or a WebSocket by now, which may be silent
        state = self.conn.their_state
        if state is h11.IDLE:
            return bool(self.conn.trailing_data[0]) or not hasattr(self.cycle, "response_complete")
        paused = self.flow.read_paused
        return state is h11.SEND_BODY and not paused

    def _arm(self) -> None:
        self._received = 0
        self._deadline = self.loop.call_later(HEAD_SECONDS, self._look)

    def _disarm(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _look(self) -> None:
        self._deadline = None
        if not self._waiting():
            return
        body = self.conn.their_state is h11.SEND_BODY
        if body and self._received >= BODY_BYTES:
            self._arm()
            return
        self.transport.close()
