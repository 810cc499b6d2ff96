"""A registry of a few pages on loopback, and an Egress that is served beside it, as if inside a machine."""

import asyncio
import socket
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import h11

from sandboxd.egress import Egress
from sandboxd.registries import Registries


@dataclass(slots=True)
class Page:
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    status: int = 200


@dataclass(slots=True)
class Registry:
    """What it serves, by path, and what it was asked."""

    port: int
    pages: dict[str, Page] = field(default_factory=dict[str, Page])
    asked: list[tuple[str, str, dict[str, str]]] = field(
        default_factory=list[tuple[str, str, dict[str, str]]]
    )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def registries(self) -> Registries:
        return Registries(f"{self.url}/npm/", f"{self.url}/simple/")


@asynccontextmanager
async def serving_registry() -> AsyncGenerator[Registry]:
    """A real HTTP server on a free port of 127.0.0.1."""
    registry = Registry(0)

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = h11.Connection(h11.SERVER)
        try:
            while True:
                event = connection.next_event()
                if event is h11.NEED_DATA:
                    connection.receive_data(await reader.read(65536))
                elif isinstance(event, h11.Request):
                    _answer(registry, event, connection, writer)
                elif isinstance(event, h11.EndOfMessage):
                    connection.start_next_cycle()
                else:
                    return
        except (OSError, h11.ProtocolError):
            return
        finally:
            writer.close()

    server = await asyncio.start_server(converse, "127.0.0.1", 0)
    registry.port = server.sockets[0].getsockname()[1]
    async with server:
        yield registry


def _answer(
    registry: Registry,
    request: h11.Request,
    connection: h11.Connection,
    writer: asyncio.StreamWriter,
) -> None:
    target = request.target.decode()
    headers = {name.decode(): value.decode() for name, value in request.headers}
    registry.asked.append((request.method.decode(), target, headers))
    page = registry.pages.get(target, Page(b'{"error": "Not found"}', status=404))
    told = {"content-length": str(len(page.body)), **page.headers}
    answer = h11.Response(status_code=page.status, headers=list(told.items()))
    writer.write(connection.send(answer) or b"")
    if request.method != b"HEAD":
        writer.write(connection.send(h11.Data(data=page.body)) or b"")
    writer.write(connection.send(h11.EndOfMessage()) or b"")


@asynccontextmanager
async def serving_egress(egress: Egress) -> AsyncGenerator[int]:
    """The egress on a free port; gives the port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        async with asyncio.TaskGroup() as tasks:
            serving = tasks.create_task(egress.serve(listener, "test"))
            try:
                yield listener.getsockname()[1]
            finally:
                serving.cancel()


async def talk(port: int, text: bytes) -> bytes:
    """Send bytes to a port and read until it closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(text)
        return await asyncio.wait_for(reader.read(), 10)
    finally:
        writer.close()
        await writer.wait_closed()
