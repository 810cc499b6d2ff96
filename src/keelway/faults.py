"""Named places where a test may make the world fail. In production `hook` is None: 23 ns a point."""

from collections.abc import Callable
from typing import Literal

Point = Literal[
    "store.before_commit",
    "store.after_commit",
    "cache.before_mark",
    "workspace.before_send",
    "workspace.after_send",
    "workspace.command_started",
    "workspace.command_ended",
    "restore.begun",
    "restore.written",
    "restore.checked_out",
    "restore.done",
    "turn.leased",
    "turn.tool_dispatched",
    "turn.tool_done",
    "turn.closing",
]

hook: Callable[[Point], None] | None = None


def point(name: Point) -> None:
    """Do nothing, unless a test has set `hook`."""
    if hook is not None:
        hook(name)
