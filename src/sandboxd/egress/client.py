"""One connection from inside a machine: HTTP requests in, answers out. Everything it sends is suspect."""

import asyncio
from collections.abc import AsyncIterable, Sequence
from http.client import responses

import h11

HEADERS_LIMIT = 32 * 1024  # bytes
BODY_LIMIT = (
    1024 * 1024
)  # bytes of a refused request that are still read, so that the answer arrives
HEADERS_SECONDS = 15.0
IDLE_SECONDS = 60.0
STALL_SECONDS = 60.0
_READ = 64 * 1024

Headers = Sequence[tuple[bytes, bytes]]


class Client:
    """The machine's side of a connection. Raises h11.ProtocolError, OSError and TimeoutError."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=HEADERS_LIMIT)
        self._request: h11.Request | None = None

    async def request(self) -> h11.Request | None:
        """The next request, or None when there will be none."""
        if self._http.states == {h11.CLIENT: h11.DONE, h11.SERVER: h11.DONE}:
            self._http.start_next_cycle()
        elif self._request is not None:
            return None
        if not self._http.trailing_data[0] and not await self._first_bytes():
            return None
        event = await self._event(HEADERS_SECONDS)
        self._request = event if isinstance(event, h11.Request) else None
        return self._request

    async def _first_bytes(self) -> bool:
        try:
            async with asyncio.timeout(IDLE_SECONDS):
                data = await self.reader.read(_READ)
        except TimeoutError:
            return False
        self._http.receive_data(data)
        return bool(data)

    async def body(self) -> AsyncIterable[bytes]:
        """The body of the request."""
        while True:
            event = await self._event(STALL_SECONDS)
            if isinstance(event, h11.Data):
                yield bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                return
            else:
                raise ConnectionResetError("the request ended early")

    async def drain_body(self) -> None:
        """Read and forget what is left of a request that is not forwarded."""
        size = 0
        if self._http.their_state is h11.SEND_BODY:
            async for data in self.body():
                size += len(data)
                if size > BODY_LIMIT:
                    raise ConnectionResetError("the refused request is too long")

    async def refuse(self, status: int, sentence: str) -> None:
        """Answer with a sentence that says why not; JSON, which npm shows and others can read."""
        await self.drain_body()
        escaped = sentence.replace("\\", "\\\\").replace('"', '\\"')
        body = f'{{"error": "{escaped}"}}\n'.encode()
        await self.start(
            status,
            [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))],
        )
        await self.send(body)
        await self.end()

    async def start(self, status: int, headers: Headers) -> None:
        await self.drain_body()
        reason = responses.get(status, "").encode()
        await self._send(h11.Response(status_code=status, headers=list(headers), reason=reason))

    async def send(self, data: bytes) -> None:
        if data and not self._is_head():
            await self._send(h11.Data(data=data))

    async def end(self) -> None:
        await self._send(h11.EndOfMessage())

    async def switch(self) -> bytes:
        """Accept CONNECT; returns what the client has already sent for the other end."""
        await self._send(
            h11.Response(status_code=200, headers=[], reason=b"Connection established")
        )
        return self._http.trailing_data[0]

    def _is_head(self) -> bool:
        return self._request is not None and self._request.method == b"HEAD"

    async def _event(self, seconds: float) -> object:
        async with asyncio.timeout(seconds):
            while (event := self._http.next_event()) is h11.NEED_DATA:
                self._http.receive_data(await self.reader.read(_READ))
        return event

    async def _send(self, event: h11.Response | h11.Data | h11.EndOfMessage) -> None:
        self.writer.write(self._http.send(event) or b"")
        async with asyncio.timeout(STALL_SECONDS):
            await self.writer.drain()
