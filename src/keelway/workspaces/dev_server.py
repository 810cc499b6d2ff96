"""Keep the app's dev server running: one session, `dev`, with one command in it.

Its log is read on demand: following it would count as activity and the sandbox would never sleep.
"""

import re
import time
from dataclasses import dataclass
from typing import Literal

from keelway.sandboxes.errors import SandboxTaken, SessionLost
from keelway.sandboxes.sandbox import Sandbox
from keelway.workspaces import preview
from keelway.workspaces.manifest import ROOT
from keelway.workspaces.preview import Answer

SESSION = "dev"
PORT = 5173

FLAGS = f"--host --port {PORT} --strictPort"
ENVIRONMENT = f"PORT={PORT} HOST=0.0.0.0 BROWSER=none NO_COLOR=1"

COMMAND = f"""cd {ROOT} && export {ENVIRONMENT} && \
if grep -Eq '"dev": *"vite *"' package.json && test -x node_modules/.bin/vite; \
then exec node_modules/.bin/vite {FLAGS}; else exec npm run dev -- {FLAGS}; fi </dev/null"""
"""The template's own script is run without npm in between: a quarter of a second less."""

_COLOURS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_PADDING = re.compile(r"[\s\u2500-\u257f]+$")

Process = Literal["running", "ended", "absent"]


@dataclass(frozen=True, slots=True)
class DevServer:
    """What the session says: does the command run, and if not, how did it end."""

    process: Process
    exit_code: int | None = None
    command: str | None = None


async def status(sandbox: Sandbox) -> DevServer:
    """Ask the toolbox (which counts as activity)."""
    try:
        commands = await sandbox.commands(SESSION)
    except SessionLost:
        return DevServer("absent")
    if not commands:
        return DevServer("absent")
    command, code = commands[-1]
    return DevServer("running" if code is None else "ended", code, command)


async def log(sandbox: Sandbox, limit: int = 4000) -> str:
    """The end of what it has said; empty when it said nothing or is absent."""
    server = await status(sandbox)
    if server.command is None:
        return ""
    try:
        said = await sandbox.logs(SESSION, server.command)
    except SessionLost:
        return ""
    return plain(said)[-limit:]


def plain(said: str) -> str:
    """Without colours, and without the frames and padding that tools draw for wide terminals."""
    lines = (_PADDING.sub("", line) for line in _COLOURS.sub("", said).splitlines())
    return "\n".join(line for line in lines if line)


async def ensure(sandbox: Sandbox) -> bool:
    """Start it unless it runs. Whether it had to be started."""
    if (await status(sandbox)).process == "running":
        return False
    await restart(sandbox)
    return True


async def restart(sandbox: Sandbox) -> None:
    await stop(sandbox)
    try:
        await sandbox.start_session(SESSION)
    except SandboxTaken:
        await sandbox.end_session(SESSION)
        await sandbox.start_session(SESSION)
    # A subshell: `exec` must not replace the session's own shell.
    await sandbox.launch(SESSION, f"( {COMMAND} )")


async def answered(sandbox: Sandbox, *, seconds: float) -> Answer:
    """Ask the page until it answers well, the server has ended, or the time is over."""
    link = await sandbox.preview_link(PORT)
    deadline = time.monotonic() + seconds
    while True:
        answer = await preview.wait(link, seconds=min(1.5, deadline - time.monotonic()))
        if answer.ok or time.monotonic() >= deadline:
            return answer
        if (await status(sandbox)).process != "running":
            return answer


async def stop(sandbox: Sandbox) -> None:
    await sandbox.end_session(SESSION)
