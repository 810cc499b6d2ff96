"""What a tool may touch, and on whose behalf."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from pydantic_ai import RunContext

from keelway.agent.calls import Calls
from keelway.agent.events import FragmentMade, fragment_data
from keelway.fragments.fragment import Fragment, FragmentKind
from keelway.ids import TurnId
from keelway.projects.projects import Project
from keelway.workspaces.values import Step
from keelway.workspaces.workspace import Workspace

MODEL_BYTES = 64 * 1024
"""The most that a tool tells the model, bytes."""


@dataclass
class Deps:
    """One turn's hands. The project comes from the person's request, never from the model."""

    project: Project
    turn: TurnId
    workspace: Callable[[], Awaitable[Workspace]]
    """Opened beside the first model request; waits until it is there, or raises why it is not."""
    made: Callable[[str], Awaitable[Fragment | None]]
    """The fragment that a call of this turn made before its server was killed."""
    started: Callable[[str], Awaitable[None]]
    """Make durable that a command starts now, before it does."""
    calls: Calls = field(default_factory=Calls)
    command_seconds: int = 120
    title: str | None = None
    """What `finish` named the version."""
    command: Step | None = None
    """The command that runs now. It stays here when the turn is stopped meanwhile."""

    def step(self, ctx: "RunContext[Deps]", kind: FragmentKind, title: str) -> Step:
        """What the change of the call that runs now says of itself."""
        return Step(
            kind=kind,
            title=title,
            turn_id=self.turn,
            tool_call_id=self.calls.name(ctx.tool_call_id),
        )


async def announce(ctx: RunContext[Deps], fragment: Fragment | None) -> None:
    """Tell the page of a step; a call that changed nothing made none."""
    if fragment is not None:
        await ctx.emit(FragmentMade(shown=fragment_data(fragment)))


def clip(text: str, limit: int = MODEL_BYTES) -> str:
    """At most `limit` bytes: the beginning and, three times as much of it, the end."""
    raw = text.encode()
    if len(raw) <= limit:
        return text
    head = raw[: limit // 4].decode(errors="ignore")
    rest = raw[-(limit * 3 // 4) :].decode(errors="ignore")
    return f"{head}\n[… {len(raw) - limit} bytes left out …]\n{rest}"
