"""The states of a machine that a caller can tell apart."""

from enum import StrEnum


class SandboxState(StrEnum):
    """What a sandbox is, from the point of view of somebody who wants to work in it."""

    RUNNING = "running"
    CHANGING = "changing"
    """On its way to another state: wait."""
    STOPPED = "stopped"
    """Its files are kept; starting it takes about a second (longer from the archive)."""
    BROKEN = "broken"
    """The engine gave it up: it is replaced."""
    GONE = "gone"
    """Destroyed, or on the way to it."""


_KNOWN = {
    "started": SandboxState.RUNNING,
    "stopped": SandboxState.STOPPED,
    "paused": SandboxState.STOPPED,
    "archived": SandboxState.STOPPED,
    "error": SandboxState.BROKEN,
    "build_failed": SandboxState.BROKEN,
    "destroying": SandboxState.GONE,
    "destroyed": SandboxState.GONE,
}


def of(wire: str | None) -> SandboxState:
    """The state for the engine's word; anything else is a change under way."""
    return _KNOWN.get(wire or "", SandboxState.CHANGING)
