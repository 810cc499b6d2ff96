"""Which of UI.md's pictures the preview shows, from what was asked and what is remembered."""

from keelway.fragments.fragment import Fragment
from keelway.projects.projects import Project
from keelway.sandboxes.errors import (
    SandboxError,
    SandboxQuotaExceeded,
    SandboxTimeout,
    SandboxUnreachable,
)
from keelway.sandboxes.manager import SandboxManager
from keelway.sandboxes.state import SandboxState
from keelway.workspaces import dev_server
from keelway.workspaces.dev_server import PORT
from keelway.workspaces.health import Facts
from keelway.workspaces.memory import Memory
from keelway.workspaces.preview import PreviewState, PreviewStatus
from keelway.workspaces.restore import Done

LOG = 2000
"""Characters of the dev server's log that a picture shows."""


def of(found: Facts, memory: Memory, project: Project, idle_minutes: int) -> PreviewStatus:
    """The picture when nobody is opening or restoring the project right now."""
    if found.trouble is not None:
        return _trouble(found.trouble)
    if found.machine is SandboxState.RUNNING:
        return _running(found, memory)
    if memory.outcome is not None and memory.outcome.state == "files-only":
        return memory.outcome
    if found.machine is None:
        if project.active_number == 1:
            return _status("empty", "Nothing here yet. Say what you want to build.")
        return _status("asleep", "No machine runs. Waking it takes a few seconds.")
    state, words = MACHINE[found.machine]
    return _status(state, words.format(minutes=idle_minutes))


MACHINE: dict[SandboxState, tuple[PreviewState, str]] = {
    SandboxState.CHANGING: ("waking", "The machine is starting."),
    SandboxState.STOPPED: ("asleep", "Nobody used it for {minutes} minutes, so it stopped."),
    SandboxState.BROKEN: (
        "asleep",
        "The machine is broken. Your versions are kept outside it; waking makes a new one.",
    ),
    SandboxState.GONE: (
        "asleep",
        "The sandbox is gone. Your versions are kept outside it; waking makes a new one.",
    ),
}


def _running(found: Facts, memory: Memory) -> PreviewStatus:
    if found.answer is not None and found.answer.ok:
        memory.outcome = None
        return _status("ready", f"Page {found.answer.status}")
    if memory.outcome is not None:
        return memory.outcome
    if found.answer is not None and found.answer.status is not None:
        return _status("error", f"The app answers with HTTP {found.answer.status}.")
    return _status("port-silent", f"The dev server runs, but no page comes back on port {PORT}.")


async def silent(sandboxes: SandboxManager, project: Project) -> PreviewStatus:
    """Nothing answers: has the app ended, or does it listen somewhere else? Asks the sandbox."""
    try:
        sandbox = await sandboxes.find(project)
        if sandbox is None:
            return _status("asleep", "No machine runs.")
        server = await dev_server.status(sandbox)
        said = (await dev_server.log(sandbox))[-LOG:]
    except SandboxError as error:
        return _trouble(error)
    if server.process == "running":
        words = f"The dev server runs, but no page comes back on port {PORT}."
        return PreviewStatus("port-silent", words, PORT, said)
    if server.process == "absent":
        return PreviewStatus("app-crashed", "The dev server does not run.", PORT, said)
    words = f"The dev server ended with exit code {server.exit_code}."
    return PreviewStatus("app-crashed", words, PORT, said)


def after_restore(done: Done, wanted: Fragment, *, machine: bool) -> PreviewStatus | None:
    """What a restore leaves to be told; None when the page answers."""
    if done.trouble is None:
        return None
    name = f"v{wanted.number}" if wanted.number else "The version"
    if not machine:
        return _status("files-only", f"{name} is restored. {done.trouble} The app cannot run.")
    words = f"{name} is restored, but does not run. It may never have worked."
    return PreviewStatus("restored", words, PORT, done.trouble)


def _trouble(error: SandboxError) -> PreviewStatus:
    if isinstance(error, SandboxUnreachable | SandboxTimeout):
        return _status(
            "provider-unreachable",
            "The sandbox engine does not answer. Your sandbox may be fine, so it is left alone.",
        )
    if isinstance(error, SandboxQuotaExceeded):
        return _status("quota", error.message)
    return _status("error", error.message)


def _status(state: PreviewState, message: str) -> PreviewStatus:
    return PreviewStatus(state, message, PORT)
