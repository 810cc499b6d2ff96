"""Commands that are watched while they run: a session each, named after turn and tool call.

The name is what makes a command run at most once: the next owner of a project finds the session of a
server that died, saves what it said, and kills it.
"""

import asyncio
import hashlib
import logging
import re
import shlex
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from keelway import faults
from keelway.sandboxes.errors import SandboxError, SessionLost
from keelway.sandboxes.sandbox import Sandbox
from keelway.workspaces.manifest import ROOT
from keelway.workspaces.values import Step

log = logging.getLogger(__name__)

PREFIX = "run-"
LONGEST_SECONDS = 600
KEPT_BYTES = 10 * 1024 * 1024
SHOWN_BYTES = 64 * 1024

OnOutput = Callable[[str], Awaitable[None]]


def session_name(step: Step) -> str:
    """The session of one tool call of one turn: readable, and never that of another."""
    ids = (step.turn_id or "hand", step.tool_call_id or "")
    readable = re.sub(r"[^A-Za-z0-9-]+", "-", "-".join(ids))[:60].strip("-")
    return f"{PREFIX}{readable}-{hashlib.sha256(repr(ids).encode()).hexdigest()[:10]}"


class Output:
    """What a command says: handed on at once, kept up to a limit, its middle left out."""

    def __init__(self, hand_on: OnOutput, *, kept: int = KEPT_BYTES) -> None:
        self.hand_on = hand_on
        self._half = kept // 2
        self._head: list[str] = []
        self._tail: deque[str] = deque()
        self._head_size = 0
        self._tail_size = 0
        self._dropped = 0

    async def add(self, text: str) -> None:
        if self._head_size < self._half:
            self._head.append(text)
            self._head_size += len(text)
        else:
            self._tail.append(text)
            self._tail_size += len(text)
            while self._tail_size > self._half:
                gone = self._tail.popleft()
                self._tail_size -= len(gone)
                self._dropped += len(gone)
        await self.hand_on(text)

    def text(self) -> str:
        gap = f"\n[… {self._dropped} characters left out …]\n" if self._dropped else ""
        return "".join(self._head) + gap + "".join(self._tail)


def shown(text: str, limit: int = SHOWN_BYTES) -> str:
    """At most `limit` bytes: the beginning, and three times as much of the end."""
    raw = text.encode(errors="replace")
    if len(raw) <= limit:
        return text
    head = raw[: limit // 4].decode(errors="ignore")
    end = raw[-(limit * 3 // 4) :].decode(errors="ignore")
    return f"{head}\n[… {len(raw) - limit} bytes left out …]\n{end}"


@dataclass(frozen=True, slots=True)
class Ended:
    """Exit code (None: killed), everything said, and whether the time limit ended it."""

    exit_code: int | None
    output: str
    timed_out: bool


async def run(
    sandbox: Sandbox, name: str, command: str, *, seconds: float, output: OnOutput
) -> Ended:
    """Run a command in the project's root to its end; nothing of it lives on afterwards.

    Cancelling kills it at once.

    Raises:
        SandboxTaken: this very call was started before.
    """
    await sandbox.start_session(name)
    heard = Output(output)
    code: int | None = None
    timed_out = False
    try:
        async with asyncio.timeout(seconds):
            line = f"cd {ROOT} && bash -c {shlex.quote(command)} </dev/null"
            started = await sandbox.launch(name, line)
            faults.point("workspace.command_started")
            code = await sandbox.follow(name, started, heard.add)
    except TimeoutError:
        timed_out = True
    except SandboxError as error:
        # It may have run, so it must not be tried again: that is an answer, not an error.
        await heard.add(f"\n[The sandbox was lost meanwhile: {error.message}]")
    finally:
        await asyncio.shield(_end(sandbox, name))
    faults.point("workspace.command_ended")
    return Ended(code, heard.text(), timed_out)


async def _end(sandbox: Sandbox, name: str) -> None:
    try:
        await sandbox.end_session(name)
    except SandboxError:
        log.info("session not ended", extra={"sandbox": sandbox.id}, exc_info=True)


async def salvage(sandbox: Sandbox, name: str) -> str:
    """What the session of a dead server's command has said so far; the session ends."""
    try:
        said = [await sandbox.logs(name, command) for command, _ in await sandbox.commands(name)]
    except SessionLost:
        return ""
    await sandbox.end_session(name)
    return "".join(said)


async def kill_all(sandbox: Sandbox) -> int:
    """End every command session of the sandbox; how many there were."""
    names = [name for name in await sandbox.sessions() if name.startswith(PREFIX)]
    async with asyncio.TaskGroup() as group:
        for name in names:
            group.create_task(sandbox.end_session(name))
    return len(names)
