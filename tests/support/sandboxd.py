"""sandboxd as a person runs it: `sandboxd serve` as a process, spoken to through the official SDK."""

import asyncio
import contextlib
import inspect
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from pathlib import Path
from typing import Any

import httpx
from daytona import AsyncDaytona, Daytona, DaytonaConfig

COMMAND = (sys.executable, "-c", "from sandboxd.cli import main; main()")


class EngineProcess:
    """One `sandboxd serve` on one home, which may be killed and started again."""

    def __init__(self, home: Path, env: Mapping[str, str] | None = None, *args: str) -> None:
        self.home = home
        self.log = home.with_name(home.name + ".log")
        self._env = dict(env or {})
        self._args = args
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def endpoint(self) -> dict[str, Any]:
        return json.loads((self.home / "endpoint.json").read_bytes())

    @property
    def url(self) -> str:
        return self.endpoint["url"]

    @property
    def key(self) -> str:
        return self.endpoint["key"]

    @property
    def config(self) -> DaytonaConfig:
        return DaytonaConfig(api_key=self.key, api_url=self.url)

    def start(self, seconds: float = 120) -> "EngineProcess":
        """Start and wait until it answers."""
        env = {k: v for k, v in os.environ.items() if not k.startswith(("DAYTONA", "SANDBOXD"))}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*COMMAND, "serve", "--home", str(self.home), *self._args],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=env | self._env,
                start_new_session=True,
            )
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise AssertionError(f"sandboxd ended:\n{self.said()}")
            with contextlib.suppress(FileNotFoundError):
                if self.endpoint["pid"] == self.process.pid:
                    return self
            time.sleep(0.01)
        raise AssertionError(f"sandboxd did not come up:\n{self.said()}")

    def said(self) -> str:
        return self.log.read_text()[-4000:]

    def kill(self) -> None:
        """Kill -9 of the server; sandboxes live on."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(10)

    def end(self, number: int = signal.SIGINT, seconds: float = 30) -> int:
        """Send a signal and wait for the end; SIGINT stops the sandboxes, SIGTERM leaves them."""
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(seconds)

    def remove(self) -> None:
        """End it with all its sandboxes and delete its home."""
        if self.process is not None and self.process.poll() is None:
            self.end()
        for folder in [self.home, *self.home.rglob("*")]:
            if folder.is_dir() and not folder.is_symlink():
                with contextlib.suppress(OSError):
                    folder.chmod(0o700)
        shutil.rmtree(self.home, ignore_errors=True)
        self.log.unlink(missing_ok=True)

    @contextlib.asynccontextmanager
    async def client(self, **headers: str) -> AsyncGenerator[httpx.AsyncClient]:
        """Plain HTTP with the key, below the API's URL."""
        known = {"Authorization": f"Bearer {self.key}"} | headers
        async with httpx.AsyncClient(base_url=self.url, headers=known, timeout=60) as client:
            yield client


def new_engine(env: Mapping[str, str] | None = None, *args: str) -> EngineProcess:
    """A started engine on an empty home under a short path; the caller removes it."""
    home = Path(tempfile.mkdtemp(prefix="sd-", dir="/tmp"))
    return EngineProcess(home, env, *args).start()


class Sdk:
    """The official SDK, synchronous or not, behind one way of calling it: `await sdk.do(f, ...)`."""

    def __init__(self, client: Any, *, synchronous: bool) -> None:
        self.client = client
        self.synchronous = synchronous

    async def do(self, call: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        if self.synchronous and not inspect.iscoroutinefunction(call):
            return await asyncio.to_thread(call, *args, **kwargs)
        answer = call(*args, **kwargs)
        return await answer if inspect.isawaitable(answer) else answer

    async def all(self, *args: Any, **kwargs: Any) -> list[Any]:
        """The whole of `list`."""
        found = self.client.list(*args, **kwargs)
        if self.synchronous:
            return await asyncio.to_thread(list, found)
        return [each async for each in found]


@contextlib.asynccontextmanager
async def sdk_of(engine: EngineProcess, kind: str) -> AsyncGenerator[Sdk]:
    """The SDK on an engine; `kind` is `sync` or `async`."""
    if kind == "async":
        async with AsyncDaytona(engine.config) as client:
            yield Sdk(client, synchronous=False)
    else:
        yield Sdk(Daytona(engine.config), synchronous=True)
