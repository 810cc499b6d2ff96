"""One engine with one sandbox for the whole list; what spoils a sandbox makes one of its own."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from daytona import AsyncDaytona, AsyncSandbox
from tests.support.sandboxd import EngineProcess, new_engine

from sandboxd.egress import EGRESS_PORT


@pytest.fixture(scope="package")
def engine() -> Iterator[EngineProcess]:
    running = new_engine()
    yield running
    running.remove()


@pytest.fixture
async def client(engine: EngineProcess) -> AsyncIterator[AsyncDaytona]:
    async with AsyncDaytona(engine.config) as opened:
        yield opened


@pytest.fixture
async def http(engine: EngineProcess) -> AsyncIterator[httpx.AsyncClient]:
    """Plain HTTP with the key, below the API's address."""
    async with engine.client() as opened:
        yield opened


@dataclass(frozen=True, slots=True)
class Inside:
    """A sandbox and short ways to attack from it."""

    sandbox: AsyncSandbox

    async def sh(self, script: str, seconds: int = 60) -> str:
        """What a shell script says, without the last newline."""
        done = await self.sandbox.process.exec(f"({script}) 2>&1", timeout=seconds)
        return (done.result or "").rstrip("\n")

    async def py(self, script: str, *arguments: str, seconds: int = 60) -> str:
        """What a Python program inside prints."""
        await self.sandbox.fs.upload_file(script.encode(), "/tmp/attack.py")
        return await self.sh(f"python3 /tmp/attack.py {' '.join(arguments)}", seconds)

    async def start(self, session: str, script: str) -> None:
        """A program that goes on by itself until its session is deleted."""
        from daytona import SessionExecuteRequest

        await self.sandbox.process.create_session(session)
        request = SessionExecuteRequest(command=script, run_async=True)
        await self.sandbox.process.execute_session_command(session, request)

    async def connects(self, address: str, port: int) -> str:
        """`open`, or the name of the error, of a connection from inside."""
        return await self.py(CONNECT, address, str(port))

    async def by_proxy(self, host: str, port: int) -> str:
        """The status line of a CONNECT through the egress."""
        return await self.py(BY_PROXY, host, str(port), str(EGRESS_PORT))


CONNECT = """
import errno, socket, sys
family = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET
with socket.socket(family) as s:
    s.settimeout(3)
    try:
        s.connect((sys.argv[1], int(sys.argv[2])))
        print("open")
    except OSError as error:
        print(errno.errorcode.get(error.errno, "timeout"))
"""
BY_PROXY = """
import socket, sys
host, port, proxy = sys.argv[1:]
with socket.create_connection(("127.0.0.1", int(proxy)), 5) as s:
    s.sendall(f"CONNECT {host}:{port} HTTP/1.1\\r\\nHost: {host}\\r\\n\\r\\n".encode())
    print(s.recv(4096).decode().splitlines()[0])
"""
Maker = Callable[..., Awaitable[Inside]]


@pytest.fixture
async def make(client: AsyncDaytona) -> AsyncIterator[Maker]:
    """Make sandboxes that are deleted afterwards."""
    made: list[AsyncSandbox] = []

    async def create(**parameters: object) -> Inside:
        from daytona import CreateSandboxFromSnapshotParams

        wish = CreateSandboxFromSnapshotParams(**parameters)  # type: ignore[arg-type]
        sandbox = await client.create(wish)
        made.append(sandbox)
        return Inside(sandbox)

    yield create
    for sandbox in made:
        with contextlib.suppress(Exception):
            await sandbox.delete()


@pytest.fixture
async def inside(make: Maker) -> Inside:
    return await make()


@pytest.fixture
async def host_server() -> AsyncIterator[int]:
    """A server of the host on every address; gives its port."""

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\nhost")
        with contextlib.suppress(OSError):
            await writer.drain()
        writer.close()

    # Port 0 would be another port for each family.
    async with await asyncio.start_server(answer, "0.0.0.0", 0) as four:
        port = four.sockets[0].getsockname()[1]
        async with await asyncio.start_server(answer, "::", port):
            yield port


def memory(pid: int) -> int:
    """Resident bytes of a process."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096


def engine_memory(engine: EngineProcess) -> int:
    assert engine.process is not None
    return memory(engine.process.pid)
