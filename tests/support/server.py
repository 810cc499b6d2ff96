"""Keelway as a person runs it: `keelway up` as a process, driven over HTTP with the owner's token."""

import asyncio
import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.support.zygote import Child, Zygote

UP = (sys.executable, "-m", "keelway", "up")


def free_port() -> int:
    """A port that is free together with the next one."""
    while True:
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            port = first.getsockname()[1]
            with contextlib.suppress(OSError):
                second.bind(("127.0.0.1", port + 1))
                return port


@dataclass
class Answer:
    """What a turn showed: every chunk of its stream, in order."""

    chunks: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])

    def of(self, kind: str) -> list[Any]:
        return [chunk.get("data", chunk) for chunk in self.chunks if chunk["type"] == kind]

    @property
    def text(self) -> str:
        return "".join(c["delta"] for c in self.chunks if c["type"] == "text-delta")

    @property
    def fragments(self) -> list[dict[str, Any]]:
        return self.of("data-fragment")

    @property
    def version(self) -> dict[str, Any] | None:
        return (self.of("data-version") or [None])[-1]


class Server:
    """One `keelway up` on one home, which may be killed and started again."""

    def __init__(
        self,
        home: Path,
        *,
        env: Mapping[str, str] | None = None,
        command: Sequence[str] = UP,
        zygote: Zygote | None = None,
    ) -> None:
        self.home = home
        self.port = free_port()
        self.command = command
        self.env = {"KEELWAY_HOME": str(home), **(env or {})}
        self.zygote = zygote
        self.process: subprocess.Popen[bytes] | Child | None = None
        self.log = home.with_name(home.name + ".log")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def page(self) -> str:
        return f"http://keelway.localhost:{self.port}"

    async def start(self, seconds: float = 180) -> str:
        """Start and wait until it answers; returns the login address that it printed."""
        env = {k: v for k, v in os.environ.items() if not k.startswith(("KEELWAY", "DAYTONA"))}
        self.log.touch()
        begin = self.log.stat().st_size
        self.process = self._spawn(env | self.env)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            said = self.log.read_bytes()[begin:].decode(errors="replace")
            found = re.search(r"http://\S+/login#k=\S+", said)
            if found:
                return found[0]
            if self.process.poll() is not None:
                raise AssertionError(f"keelway ended with {self.process.poll()}:\n{said}")
            await asyncio.sleep(0.05)
        raise AssertionError(f"keelway did not come up:\n{self.log.read_text()[-4000:]}")

    def _spawn(self, env: Mapping[str, str]) -> "subprocess.Popen[bytes] | Child":
        options = ["--no-browser", "--home", str(self.home), "--port", str(self.port)]
        if self.zygote is not None:
            return self.zygote(["up", *options], env, self.log)
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [*self.command, *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=env,
                start_new_session=True,
            )

    async def wait_dead(self, seconds: float = 60) -> bool:
        """Whether the process ended by itself within that time."""
        assert self.process is not None
        deadline = time.monotonic() + seconds
        while self.process.poll() is None:
            if time.monotonic() > deadline:
                return False
            await asyncio.sleep(0.01)
        return True

    def kill(self) -> None:
        """Kill -9 of the app's server; the engine lives on, as it would."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(10)

    async def stop(self) -> int:
        """Ctrl-C, then its exit status."""
        assert self.process is not None
        self.process.send_signal(signal.SIGINT)
        return await asyncio.to_thread(self.process.wait, 60)

    def end_engine(self) -> None:
        """Stop an engine that a killed server left behind."""
        endpoint = self.home / "sandboxd" / "endpoint.json"
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            pid = json.loads(endpoint.read_text())["pid"]
            os.kill(pid, signal.SIGINT)
            for _ in range(300):
                os.kill(pid, 0)
                time.sleep(0.1)

    @contextlib.asynccontextmanager
    async def client(self) -> AsyncGenerator[httpx.AsyncClient]:
        token = (self.home / "api-token").read_text().strip()
        headers = {"Authorization": f"Bearer {token}"}
        async with httpx.AsyncClient(base_url=self.url, headers=headers, timeout=120) as client:
            yield client


async def say(client: httpx.AsyncClient, project: str, text: str) -> Answer:
    """One turn, from the message to the end of its stream; raises when the connection breaks."""
    answer = Answer()
    await say_into(answer, client, project, text)
    return answer


async def say_into(answer: Answer, client: httpx.AsyncClient, project: str, text: str) -> None:
    """As `say`, but what was shown before a failure is kept in `answer`."""
    message = {
        "id": f"m{time.time_ns()}",
        "role": "user",
        "parts": [{"type": "text", "text": text}],
    }
    body = {"id": project, "trigger": "submit-message", "messages": [message]}
    async with client.stream("POST", f"/api/projects/{project}/chat", json=body) as response:
        if response.status_code != 200:
            raise AssertionError((response.status_code, await response.aread()))
        await read_stream(response, answer)


async def read_stream(response: httpx.Response, answer: Answer) -> None:
    async for line in response.aiter_lines():
        if line.startswith("data: ") and line != "data: [DONE]":
            answer.chunks.append(json.loads(line[6:]))


async def wait_idle(client: httpx.AsyncClient, project: str, seconds: float = 90) -> dict[str, Any]:
    """Wait until no turn runs; returns the messages' answer."""
    deadline = time.monotonic() + seconds
    while True:
        answer = (await client.get(f"/api/projects/{project}/messages")).json()
        turn = answer["turn"]
        if turn is None or turn["status"] not in {"working", "stopping"}:
            return answer
        assert time.monotonic() < deadline, f"turn still {turn}"
        await asyncio.sleep(0.1)
