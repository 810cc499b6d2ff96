"""What belongs to this machine: the engine that runs beside the app, and what the machine can and cannot do.

`sandboxd` is a process in a session of its own, one per home. It outlives the app (a `kill -9`, an upgrade), and
the next `keelway up` adopts it. What it is asked to do goes over HTTP like everything else.
"""

import asyncio
import contextlib
import json
import logging
import os
import shutil
import signal
import socket
import sys
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from keelway.errors import Unavailable
from keelway.settings import Settings
from sandboxd.registries import discover
from sandboxd.runtime.probes import probe

log = logging.getLogger(__name__)

READY_SECONDS = 120.0
"""The first start lays down the base layer; later ones take a fraction of a second."""
STOP_SECONDS = 30.0
FREE_BYTES = 2 << 30
CHECKS_SECONDS = 60.0
PRIVATE = ("KEELWAY_", "DAYTONA_", "OPENROUTER_")
"""Variables the engine has no business knowing."""

Say = Callable[[str], None]


class EngineUnavailable(Unavailable):
    """`sandboxd` did not come up; the message holds its last words."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a living engine answers, and the key to it."""

    url: str
    key: str
    pid: int

    @property
    def port(self) -> int:
        return urlsplit(self.url).port or 0


@dataclass(frozen=True, slots=True)
class Check:
    """One thing this machine can or cannot do, in plain words, with what to do about it."""

    name: str
    ok: bool
    message: str
    action: str | None


class Engine:
    """The `sandboxd` of one home: found alive or started, watched, stopped."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.log = home / "sandboxd.log"
        self.endpoint: Endpoint | None = None
        self._pidfd: int | None = None

    async def ensure(self, *, port: int = 0) -> Endpoint:
        """Adopt the one that lives, else start one. Raises EngineUnavailable."""
        found = await self._living()
        if found is None:
            self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
            found = await self._ready(self._spawn(port))
        self._hold(found)
        return found

    async def watch(self) -> None:
        """Start it again, on the same port, whenever it dies. Until cancelled."""
        while True:
            await self._death()
            assert self.endpoint is not None
            log.error("sandboxd ended; starting it again")
            try:
                await self.ensure(port=self.endpoint.port)
            except EngineUnavailable:
                log.exception("sandboxd does not come up")
                await asyncio.sleep(5)

    async def stop(self) -> None:
        """SIGINT: its sandboxes are stopped, their files kept. Returns when it is gone."""
        if self._pidfd is None:
            return
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._pidfd, signal.SIGINT)
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await self._death()
        except TimeoutError:
            log.error("sandboxd does not stop", extra={"log": str(self.log)})
        self.release()

    def release(self) -> None:
        """Let it live on."""
        if self._pidfd is not None:
            os.close(self._pidfd)
            self._pidfd = None

    async def _living(self) -> Endpoint | None:
        endpoint = read_endpoint(self.home)
        return endpoint if endpoint is not None and await answers(endpoint) else None

    def _spawn(self, port: int) -> int:
        """Its pid. Our own child for as long as we live, then init's."""
        command = [sys.executable, "-c", "from sandboxd.cli import main; main()", "serve"]
        command += ["--port", str(port), "--home", str(self.home)]
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        return os.posix_spawn(
            sys.executable,
            command,
            {k: v for k, v in os.environ.items() if not k.startswith(PRIVATE)},
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_OPEN, 1, str(self.log), flags, 0o600),
                (os.POSIX_SPAWN_DUP2, 1, 2),
            ],
            setsid=True,
            # Ctrl-C is ours to hand on, but a child inherits what we ignore.
            setsigdef=[signal.SIGINT, signal.SIGTERM, signal.SIGHUP],
        )

    async def _ready(self, pid: int) -> Endpoint:
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            endpoint = read_endpoint(self.home)
            if endpoint is not None and endpoint.pid == pid and await answers(endpoint):
                return endpoint
            if _ended(pid):
                raise EngineUnavailable(f"The sandbox engine ended at once:\n{self._last_words()}")
            await asyncio.sleep(0.05)
        os.kill(pid, signal.SIGKILL)
        raise EngineUnavailable(f"The sandbox engine does not answer:\n{self._last_words()}")

    def _hold(self, endpoint: Endpoint) -> None:
        self.release()
        self._pidfd = os.pidfd_open(endpoint.pid)
        self.endpoint = endpoint

    async def _death(self) -> None:
        """Return when the process is gone, reaped if it was our child."""
        assert self._pidfd is not None
        loop, gone = asyncio.get_running_loop(), asyncio.Event()
        loop.add_reader(self._pidfd, gone.set)
        try:
            await gone.wait()
        finally:
            loop.remove_reader(self._pidfd)
        assert self.endpoint is not None
        _ended(self.endpoint.pid)

    def _last_words(self) -> str:
        try:
            return self.log.read_text(errors="replace")[-2000:]
        except FileNotFoundError:
            return "(it said nothing)"


@asynccontextmanager
async def running_engine(home: Path, *, keep: Callable[[], bool]) -> AsyncGenerator[Engine]:
    """An engine that is watched inside the block; stopped at its end unless `keep()` says so."""
    engine = Engine(home)
    await engine.ensure()
    async with asyncio.TaskGroup() as tasks:
        watch = tasks.create_task(engine.watch())
        try:
            yield engine
        finally:
            watch.cancel()
            await asyncio.wait([watch])
            if keep():
                engine.release()
            else:
                await engine.stop()


def _ended(pid: int) -> bool:
    """Whether our child has ended; reaps it. False for a process that is not our child."""
    try:
        return os.waitpid(pid, os.WNOHANG)[0] == pid
    except ChildProcessError:
        return False


def read_endpoint(home: Path) -> Endpoint | None:
    """What the engine last wrote about itself, or None."""
    try:
        said = json.loads((home / "endpoint.json").read_text())
        return Endpoint(str(said["url"]), str(said["key"]), int(said["pid"]))
    except (FileNotFoundError, json.JSONDecodeError):
        return None


async def answers(endpoint: Endpoint) -> bool:
    """Whether an engine with this key serves there."""
    headers = {"authorization": f"Bearer {endpoint.key}"}
    try:
        # Never through a proxy from the environment: this is loopback.
        async with httpx.AsyncClient(trust_env=False, timeout=5) as client:
            answer = await client.get(f"{endpoint.url}/sandbox?limit=1", headers=headers)
    except httpx.HTTPError:
        return False
    return answer.status_code == 200


async def check_machine(settings: Settings) -> list[Check]:
    """What this machine can and cannot do; about a second, as a machine is really started."""
    async with asyncio.TaskGroup() as tasks:
        engine = tasks.create_task(_engine_checks(settings))
        registries = tasks.create_task(_registry_checks())
    found = [*engine.result(), _disk(settings.home), *registries.result()]
    if not any(check.name == "git" for check in found):
        found.append(_git())
    return found


class Machine:
    """The checks for the page, not made again within a minute."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._lock = asyncio.Lock()
        self._checks: list[Check] = []
        self._until = 0.0

    async def checks(self) -> list[Check]:
        async with self._lock:
            if time.monotonic() >= self._until:
                self._checks = await check_machine(self.settings)
                self._until = time.monotonic() + CHECKS_SECONDS
            return self._checks


async def _engine_checks(settings: Settings) -> list[Check]:
    if settings.daytona_api_key is not None and settings.daytona_api_url is None:
        return [Check("sandboxes", True, "They run in Daytona's cloud.", None)]
    probes = await asyncio.to_thread(probe)
    return [Check(one.name, one.ok, one.message, one.action or None) for one in probes]


async def _registry_checks() -> list[Check]:
    registries = await discover()
    async with asyncio.TaskGroup() as tasks:
        asked = [
            tasks.create_task(_registry("npm", registries.npm)),
            tasks.create_task(_registry("PyPI", f"{registries.pypi}pip/")),
        ]
    return [one.result() for one in asked]


async def _registry(name: str, url: str) -> Check:
    """Whether packages can be had. The address may hold a password, so it is not shown."""
    title = f"{name} registry"
    try:
        async with httpx.AsyncClient(timeout=10, follow_redirects=True) as client:
            answer = await client.get(url)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        said = f"It does not answer ({type(error).__name__})."
        action = "Check the network; without it apps still run, but packages cannot be installed."
        return Check(title, False, said, action)
    if answer.status_code >= 400:
        said = f"It answers with {answer.status_code}."
        return Check(title, False, said, f"Check the address in the settings of {name}'s client.")
    return Check(title, True, "It answers.", None)


def check_port(host: str, port: int) -> Check:
    """Whether a server could listen there."""
    name = f"port {port}"
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            return Check(
                name, False, f"It cannot be used: {error.strerror}.", "Choose another with --port."
            )
    return Check(name, True, "It is free.", None)


def _git() -> Check:
    path = shutil.which("git")
    if path is None:
        return Check("git", False, "There is no git.", "Install it: apt-get install git")
    return Check("git", True, f"It is {path}.", None)


def _disk(home: Path) -> Check:
    place = home
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    said = f"{free / (1 << 30):.1f} GiB are free in {place}."
    if free < FREE_BYTES:
        return Check("disk", False, said, "Free at least 2 GiB, or choose another --home.")
    return Check("disk", True, said, None)
