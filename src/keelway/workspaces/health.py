"""Four separate answers about a project: machine, files, dev server, page. Asking changes nothing.

The machine is asked of the control plane, the page over its preview link; neither counts as activity
of the sandbox. Files and server are what this server remembers and what the page's answer implies,
because asking the sandbox itself would keep it awake.
"""

from dataclasses import dataclass
from typing import Literal

from keelway.projects.projects import Project
from keelway.sandboxes.errors import SandboxError, SandboxGone
from keelway.sandboxes.manager import SandboxManager
from keelway.sandboxes.sandbox import Sandbox
from keelway.sandboxes.state import SandboxState
from keelway.workspaces import preview
from keelway.workspaces.dev_server import PORT
from keelway.workspaces.memory import Memory
from keelway.workspaces.preview import Answer

Condition = Literal["fine", "now", "broken", "unknown"]


@dataclass(frozen=True, slots=True)
class Part:
    """One answer. `now`: it is being worked on. `unknown`: it cannot be said without waking it."""

    state: Condition
    message: str


@dataclass(frozen=True, slots=True)
class Health:
    machine: Part
    files: Part
    dev_server: Part
    page: Part


@dataclass(frozen=True, slots=True)
class Facts:
    """What was asked. `machine` None: the project has none; `trouble`: why it could not be asked."""

    machine: SandboxState | None
    answer: Answer | None = None
    trouble: SandboxError | None = None


async def facts(sandboxes: SandboxManager, project: Project) -> Facts:
    """One look at control plane and page, without side effects."""
    try:
        sandbox = await sandboxes.find(project)
        if sandbox is None:
            return Facts(None)
        if sandbox.state is not SandboxState.RUNNING:
            return Facts(sandbox.state)
        return Facts(sandbox.state, await _page(sandbox))
    except SandboxGone:
        return Facts(SandboxState.GONE)
    except SandboxError as error:
        return Facts(None, trouble=error)


async def _page(sandbox: Sandbox) -> Answer:
    return await preview.ask(await sandbox.preview_link(PORT))


def judge(found: Facts, memory: Memory, head: str | None, version: str) -> Health:
    """Put the facts into four sentences. `head`: the newest tree; `version`: what people call it."""
    machine = _machine(found)
    if memory.progress is not None:
        words = memory.progress[1]
        return Health(machine, Part("now", words), Part("now", words), Part("now", words))
    files = _files(found, memory, head, version)
    if found.machine is not SandboxState.RUNNING or found.answer is None:
        asleep = Part("unknown", machine.message)
        return Health(machine, files, asleep, asleep)
    return Health(machine, files, _server(found.answer), _answered(found.answer))


MACHINE: dict[SandboxState, Part] = {
    SandboxState.RUNNING: Part("fine", "The machine runs."),
    SandboxState.CHANGING: Part("now", "The machine is starting or stopping."),
    SandboxState.STOPPED: Part("unknown", "The machine is asleep."),
    SandboxState.BROKEN: Part(
        "broken", "The machine is broken; opening the project makes a new one."
    ),
    SandboxState.GONE: Part("broken", "The machine is gone; opening the project makes a new one."),
}


def _machine(found: Facts) -> Part:
    if found.trouble is not None:
        return Part("unknown", found.trouble.message)
    if found.machine is None:
        return Part("unknown", "The project has no machine yet.")
    return MACHINE[found.machine]


def _files(found: Facts, memory: Memory, head: str | None, version: str) -> Part:
    if found.machine in {None, SandboxState.GONE, SandboxState.BROKEN}:
        return Part("fine", f"{version} is kept outside the machine.")
    if memory.stale:
        return Part("broken", f"The machine's files lag behind {version}.")
    if memory.equal_to is not None and memory.equal_to == head:
        return Part("fine", f"The machine's files were equal to {version} when last compared.")
    return Part("unknown", "Not compared since this server started.")


def _server(answer: Answer) -> Part:
    if answer.status is None:
        return Part("broken", f"Nothing answers on port {PORT}.")
    return Part("fine", f"Answers on port {PORT}.")


def _answered(answer: Answer) -> Part:
    if answer.status is None:
        return Part("broken", "The page does not answer.")
    state: Condition = "fine" if answer.ok else "broken"
    return Part(state, f"Page {answer.status}")
