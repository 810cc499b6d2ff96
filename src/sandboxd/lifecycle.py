"""The states of a sandbox and what may be asked in each: pure, total, decided here and nowhere else.

A command first leads to a *working* state, written down before anything is done, and from there to
a resting one. After a crash `after_restart` says what to do with whatever state was written last.
"""

from enum import StrEnum
from typing import Final

from sandboxd.errors import BadRequest, Conflict


class State(StrEnum):
    """The wire's words (ENGINE-CONTRACT section 5)."""

    CREATING = "creating"
    STARTING = "starting"
    STARTED = "started"
    STOPPING = "stopping"
    STOPPED = "stopped"
    ARCHIVED = "archived"
    SNAPSHOTTING = "snapshotting"
    FORKING = "forking"
    RESIZING = "resizing"
    ERROR = "error"
    DESTROYING = "destroying"
    DESTROYED = "destroyed"


class Command(StrEnum):
    START = "start"
    STOP = "stop"
    DELETE = "delete"
    ARCHIVE = "archive"
    SNAPSHOT = "snapshot"
    FORK = "fork"
    RESIZE = "resize"
    RECOVER = "recover"


class Replay(StrEnum):
    """What a starting engine does with a sandbox that it finds in some state."""

    KEEP = "keep"  # nothing runs, nothing to do
    ADOPT = "adopt"  # should be running: find its machine, else it has stopped
    STOP = "stop"  # finish stopping
    REAP = "reap"  # finish, or undo, to nothing


class Nothing(StrEnum):
    """The answer to a command that asks for what is already so."""

    NOTHING = "nothing"


NOTHING: Final = Nothing.NOTHING
RESTING: Final = frozenset(
    {State.STARTED, State.STOPPED, State.ARCHIVED, State.ERROR, State.DESTROYED}
)
WORKING: Final = frozenset(State) - RESTING

_TABLE: Final[dict[State, dict[Command, State | Nothing]]] = {
    State.STARTED: {
        Command.STOP: State.STOPPING,
        Command.DELETE: State.DESTROYING,
        Command.SNAPSHOT: State.SNAPSHOTTING,
        Command.FORK: State.FORKING,
        Command.RESIZE: State.RESIZING,
    },
    State.STOPPED: {
        Command.START: State.STARTING,
        Command.STOP: NOTHING,
        Command.DELETE: State.DESTROYING,
        Command.ARCHIVE: State.ARCHIVED,
        Command.SNAPSHOT: State.SNAPSHOTTING,
        Command.FORK: State.FORKING,
        Command.RESIZE: State.RESIZING,
    },
    State.ARCHIVED: {
        Command.START: State.STARTING,
        Command.STOP: NOTHING,
        Command.DELETE: State.DESTROYING,
        Command.ARCHIVE: NOTHING,
    },
    State.ERROR: {
        Command.START: State.STARTING,
        Command.STOP: State.STOPPING,
        Command.DELETE: State.DESTROYING,
        Command.RECOVER: State.STARTING,
    },
    State.DESTROYED: {Command.DELETE: NOTHING},
}


def begin(state: State, command: Command) -> State | Nothing:
    """The working state that `command` leads to, or NOTHING when there is nothing to do.

    Raises `BadRequest` when the command makes no sense in a resting state and `Conflict` when
    another one is still being carried out.
    """
    if state in WORKING:
        if command is Command.DELETE:
            return NOTHING if state is State.DESTROYING else State.DESTROYING
        raise Conflict(f"Sandbox is {state.value}; wait until that is done, then {command.value}")
    following = _TABLE[state].get(command)
    if following is None:
        if state is State.STARTED and command is Command.START:
            raise BadRequest("Sandbox is already started")
        raise BadRequest(f"Sandbox is {state.value}: cannot {command.value}")
    return following


def after_restart(state: State, *, was_running: bool) -> Replay:
    """What to do with a sandbox that an earlier engine left in `state`.

    `was_running` is whether it had a machine before the command that was cut off.
    """
    match state:
        case State.CREATING | State.DESTROYING | State.DESTROYED:
            return Replay.REAP
        case State.STOPPING:
            return Replay.STOP
        case State.STARTED:
            return Replay.ADOPT
        case State.STARTING:
            return Replay.STOP
        case State.SNAPSHOTTING | State.FORKING | State.RESIZING:
            return Replay.ADOPT if was_running else Replay.KEEP
        case State.STOPPED | State.ARCHIVED | State.ERROR:
            return Replay.KEEP
