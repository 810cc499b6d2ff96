import itertools

import pytest

from sandboxd.errors import BadRequest, Conflict
from sandboxd.lifecycle import (
    NOTHING,
    RESTING,
    WORKING,
    Command,
    Replay,
    State,
    after_restart,
    begin,
)

EXPECTED = {
    (State.STARTED, Command.STOP): State.STOPPING,
    (State.STARTED, Command.DELETE): State.DESTROYING,
    (State.STARTED, Command.SNAPSHOT): State.SNAPSHOTTING,
    (State.STARTED, Command.FORK): State.FORKING,
    (State.STARTED, Command.RESIZE): State.RESIZING,
    (State.STOPPED, Command.START): State.STARTING,
    (State.STOPPED, Command.STOP): NOTHING,
    (State.STOPPED, Command.DELETE): State.DESTROYING,
    (State.STOPPED, Command.ARCHIVE): State.ARCHIVED,
    (State.STOPPED, Command.SNAPSHOT): State.SNAPSHOTTING,
    (State.STOPPED, Command.FORK): State.FORKING,
    (State.STOPPED, Command.RESIZE): State.RESIZING,
    (State.ARCHIVED, Command.START): State.STARTING,
    (State.ARCHIVED, Command.STOP): NOTHING,
    (State.ARCHIVED, Command.DELETE): State.DESTROYING,
    (State.ARCHIVED, Command.ARCHIVE): NOTHING,
    (State.ERROR, Command.START): State.STARTING,
    (State.ERROR, Command.STOP): State.STOPPING,
    (State.ERROR, Command.DELETE): State.DESTROYING,
    (State.ERROR, Command.RECOVER): State.STARTING,
    (State.DESTROYED, Command.DELETE): NOTHING,
}


@pytest.mark.parametrize(("state", "command"), [*itertools.product(RESTING, Command)])
def test_every_command_in_every_resting_state_has_one_answer(
    state: State, command: Command
) -> None:
    if (state, command) in EXPECTED:
        assert begin(state, command) == EXPECTED[state, command]
    else:
        with pytest.raises(BadRequest):
            begin(state, command)


@pytest.mark.parametrize(("state", "command"), [*itertools.product(WORKING, Command)])
def test_a_sandbox_that_is_being_worked_on_takes_no_command_but_delete(
    state: State, command: Command
) -> None:
    if command is not Command.DELETE:
        with pytest.raises(Conflict):
            begin(state, command)
    elif state is State.DESTROYING:
        assert begin(state, command) is NOTHING
    else:
        assert begin(state, command) is State.DESTROYING


@pytest.mark.parametrize("was_running", [True, False])
@pytest.mark.parametrize("state", list(State))
def test_every_state_can_be_taken_up_after_a_restart(state: State, was_running: bool) -> None:
    replay = after_restart(state, was_running=was_running)
    assert isinstance(replay, Replay)
    if state in {State.CREATING, State.DESTROYING}:
        assert replay is Replay.REAP  # nobody was told of it, or all were told it is going
    if state is State.STARTED:
        assert replay is Replay.ADOPT
    if state in {State.STOPPED, State.ARCHIVED, State.ERROR}:
        assert replay is Replay.KEEP
    if state is State.SNAPSHOTTING:
        assert replay is (Replay.ADOPT if was_running else Replay.KEEP)
