"""Run the engine as a daemon: one per home, found by its endpoint file, ended by signals.

SIGTERM leaves the sandboxes running for the next engine; SIGINT stops them first, files kept.
"""

import asyncio
import fcntl
import json
import os
import resource
import secrets
import signal
import socket
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import uvicorn

from sandboxd.app import App, create_app
from sandboxd.egress import Egress
from sandboxd.engine import Engine
from sandboxd.errors import Conflict
from sandboxd.http_protocol import DeadlineProtocol
from sandboxd.registries import discover
from sandboxd.runtime.namespaces import Namespaces
from sandboxd.settings import Settings
from sandboxd.store import now, write_durably

ENDPOINT = "endpoint.json"
GRACE = 10  # seconds that uvicorn gives to running requests before it cancels them


def run(home: Path, port: int, allow_origins: frozenset[str] = frozenset()) -> None:
    """`serve`, in a loop of its own."""
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    asyncio.run(serve(home.resolve(), port, allow_origins))


async def serve(home: Path, port: int, allow_origins: frozenset[str] = frozenset()) -> None:
    """Serve the engine of `home` until a signal. `port` 0: the one used last, else a free one.

    Raises `Conflict` when another process serves this home.
    """
    _prepare_process()
    with locked(home), listening(home, port) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/api"
        settings = Settings(
            home,
            api_key(home),
            url=url,
            allow_origins=allow_origins,
            minute=float(os.environ.get("SANDBOXD_MINUTE", "60")),
        )
        async with opened_app(settings) as app:
            await _until_signal(app, listener, settings)


@asynccontextmanager
async def opened_app(settings: Settings) -> AsyncGenerator[App]:
    """The application on the real runtime and the real proxy."""
    runtime = Namespaces(settings.home, agent=settings.agent)
    async with asyncio.TaskGroup() as group:  # npm and pip take a second to say where they look
        group.create_task(runtime.open())
        discovering = group.create_task(discover())
    registries = discovering.result()
    engine = Engine(settings, runtime, lambda names: Egress(registries, names))
    app = create_app(engine)
    try:
        async with engine.opened():
            yield app
    finally:
        await runtime.close()


async def _until_signal(app: App, listener: socket.socket, settings: Settings) -> None:
    server = Server(config(app))
    received: list[signal.Signals] = []
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()

    def hear(number: signal.Signals) -> None:
        received.append(number)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, hear, number)
    async with asyncio.TaskGroup() as group:
        serving = group.create_task(server.serve([listener]))
        while not server.started and not serving.done():  # noqa: ASYNC110 - uvicorn has no event
            await asyncio.sleep(0.002)
        write_endpoint(settings)
        await stop.wait()
        server.should_exit = True  # no new connections
        await app.drain(settings.drain)
    if signal.SIGINT in received:
        await app.engine.stop_all()
    (settings.home / ENDPOINT).unlink(missing_ok=True)


class Server(uvicorn.Server):
    """uvicorn without its signal handling: ours also decides about the sandboxes."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        yield


def config(app: App) -> uvicorn.Config:
    """TRUST.md 6. Keep-alive outlasts the SDKs' own pools, which repeat what is cut off."""
    return uvicorn.Config(
        app,
        http=DeadlineProtocol,
        ws="websockets-sansio",
        lifespan="off",
        log_config=None,
        access_log=False,
        h11_max_incomplete_event_size=32768,
        limit_concurrency=512,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=GRACE,
        ws_max_size=1048576,
        ws_per_message_deflate=False,
        proxy_headers=False,
        server_header=False,
    )


@contextmanager
def locked(home: Path) -> Generator[None]:
    """One engine per home. Raises `Conflict` naming the one that is there."""
    descriptor = os.open(home / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.read(descriptor, 100).decode(errors="replace").strip() or "unknown"
            raise Conflict(f"{home} is already served by process {owner}") from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def listening(home: Path, port: int) -> Generator[socket.socket]:
    """A socket on loopback; with port 0 on the port of last time if that is free."""
    remembered = home / "port"
    wanted = port
    if port == 0 and remembered.exists():
        wanted = int(remembered.read_text())
    # asyncio sets TCP_NODELAY only where the protocol is named; without it an answer costs 40 ms.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", wanted))
        except OSError:
            if wanted == port:
                raise
            listener.bind(("127.0.0.1", 0))
        listener.listen(512)
        listener.setblocking(False)
        write_durably(remembered, str(listener.getsockname()[1]).encode())
        yield listener


def api_key(home: Path) -> str:
    """The home's key, made at its first start."""
    path = home / "api-key"
    if not path.exists():
        write_durably(path, f"dtn_{secrets.token_hex(32)}\n".encode())
    return path.read_text().strip()


def write_endpoint(settings: Settings) -> None:
    """Say where the engine is, now that it answers."""
    endpoint = {
        "url": settings.url,
        "key": settings.key,
        "pid": os.getpid(),
        "started": now(),
    }
    write_durably(settings.home / ENDPOINT, json.dumps(endpoint).encode())


def read_endpoint(home: Path) -> dict[str, object] | None:
    """What the last engine of this home wrote; None when there is none."""
    try:
        return json.loads((home / ENDPOINT).read_bytes())
    except FileNotFoundError:
        return None


def _prepare_process() -> None:
    os.umask(0o077)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
