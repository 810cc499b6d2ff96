"""The proxy for names that someone allowed: everything else is refused, unresolved."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import h11

from sandboxd.egress.addresses import (
    AddressRefused,
    Judge,
    Resolve,
    dial,
    is_public,
    judged,
    resolve,
)
from sandboxd.egress.budget import Budget
from sandboxd.egress.client import STALL_SECONDS, Client

_PORTS = frozenset({80, 443})
_CHUNK = 64 * 1024
_IDLE_SECONDS = 600.0
_HOP_BY_HOP = frozenset({
    b"connection", b"proxy-connection", b"keep-alive", b"proxy-authorization", b"te", b"trailer",
    b"upgrade", b"transfer-encoding", b"host",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class AllowList:
    """Names a machine may reach: `example.com` exactly, `*.example.com` everything below it."""

    names: frozenset[str]
    below: tuple[str, ...]

    @classmethod
    def of(cls, entries: Sequence[str]) -> "AllowList":
        plain = [entry.strip().lower().rstrip(".") for entry in entries]
        return cls(
            frozenset(name for name in plain if not name.startswith("*.")),
            tuple(name[1:] for name in plain if name.startswith("*.")),
        )

    def permits(self, host: str) -> bool:
        name = host.lower().rstrip(".")
        return name in self.names or name.endswith(self.below)


class Tunnels:
    """One machine's proxied connections to the allowed names."""

    def __init__(
        self,
        allowed: AllowList,
        budget: Budget,
        *,
        judge: Judge = is_public,
        ask: Resolve = resolve,
    ) -> None:
        self._allowed = allowed
        self._budget = budget
        self._judge = judge
        self._ask = ask

    async def connect(self, client: Client, target: str) -> None:
        """Serve `CONNECT host:port`: join the two ends until one of them is done."""
        connection = await self._open(client, *_host_and_port(f"//{target}", 443))
        if connection is None:
            return
        async with _streams(connection) as (reader, writer):
            writer.write(await client.switch())
            await self._join(client, reader, writer)

    async def forward(self, client: Client, request: h11.Request, target: str) -> None:
        """Serve `GET http://host/…` and the like: one request, one answer, then both ends close."""
        host, port = _host_and_port(target, 80)
        connection = await self._open(client, host, port)
        if connection is None:
            return
        async with _streams(connection) as (reader, writer):
            await self._send_request(client, request, target, writer)
            while data := await _read(reader):
                await self._copy(data, client.writer)

    async def _open(self, client: Client, host: str, port: int) -> socket.socket | None:
        """A connection to an allowed name, or None after the client was told why not."""
        if not self._allowed.permits(host):
            await client.refuse(403, _not_allowed(host))
        elif port not in _PORTS:
            await client.refuse(403, f"Port {port} is closed; only 80 and 443 can be reached.")
        else:
            try:
                return await dial(await judged(host, port, ask=self._ask, judge=self._judge), port)
            except AddressRefused as refusal:
                await client.refuse(403, f"{refusal}.")
            except OSError:
                await client.refuse(502, f"{host} does not answer.")
        return None

    async def _join(
        self, client: Client, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        async with asyncio.TaskGroup() as both:
            both.create_task(self._pour(client.reader, writer))
            both.create_task(self._pour(reader, client.writer))

    async def _pour(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await _read(reader):
            await self._copy(data, writer)
        if writer.can_write_eof():
            with contextlib.suppress(OSError):
                writer.write_eof()

    async def _copy(self, data: bytes, writer: asyncio.StreamWriter) -> None:
        self._budget.spend(len(data))
        writer.write(data)
        async with asyncio.timeout(STALL_SECONDS):
            await writer.drain()

    async def _send_request(
        self, client: Client, request: h11.Request, target: str, writer: asyncio.StreamWriter
    ) -> None:
        parts = urlsplit(target)
        path = f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"
        chunked = any(name == b"transfer-encoding" for name, _ in request.headers)
        head = [
            b"%s %s HTTP/1.1" % (request.method, path.encode()),
            b"host: " + parts.netloc.encode(),
        ]
        head += [
            b"%s: %s" % (name, value) for name, value in request.headers if name not in _HOP_BY_HOP
        ]
        head += [b"connection: close", *([b"transfer-encoding: chunked"] if chunked else [])]
        writer.write(b"\r\n".join([*head, b"", b""]))
        async for data in client.body():
            await self._copy(b"%x\r\n%s\r\n" % (len(data), data) if chunked else data, writer)
        if chunked:
            writer.write(b"0\r\n\r\n")


def _not_allowed(host: str) -> str:
    return (
        f"{host} cannot be reached from this sandbox. Packages come from the registries set in"
        " npm_config_registry and PIP_INDEX_URL; other hosts must be allowed first."
    )


def _host_and_port(address: str, default: int) -> tuple[str, int]:
    try:
        parts = urlsplit(address)
        return parts.hostname or "", parts.port or default
    except ValueError:
        return "", default


async def _read(reader: asyncio.StreamReader) -> bytes:
    async with asyncio.timeout(_IDLE_SECONDS):
        return await reader.read(_CHUNK)


@contextlib.asynccontextmanager
async def _streams(
    connection: socket.socket,
) -> AsyncGenerator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection(sock=connection)
    try:
        yield reader, writer
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
