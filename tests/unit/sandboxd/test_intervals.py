from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sandboxd.intervals import due
from sandboxd.lifecycle import Command, State
from sandboxd.store import SandboxRecord, now, stamp

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def record(state: State, **values: Any) -> SandboxRecord:
    made = SandboxRecord(
        id="i",
        name="n",
        state=state,
        snapshot="base",
        layers=[],
        created_at=now(),
        updated_at=now(),
        last_activity_at=now(),
        preview_token="p",
        signing_key="s",
    )
    for key, value in values.items():
        setattr(made, key, value)
    return made


def ago(**span: float) -> str:
    return stamp(NOW - timedelta(**span))


@pytest.mark.parametrize(
    ("made", "idle", "expected"),
    [
        (record(State.STARTED), 14 * 60, None),
        (record(State.STARTED), 15 * 60, Command.STOP),
        (record(State.STARTED, auto_stop=0), 1e9, None),
        (record(State.STARTED, auto_stop=0.5), 31, Command.STOP),
        (record(State.STOPPED, stopped_at=ago(days=6)), 0, None),
        (record(State.STOPPED, stopped_at=ago(days=8)), 0, Command.ARCHIVE),
        (record(State.STOPPED, stopped_at=ago(days=8), auto_archive=0), 0, None),
        (record(State.ARCHIVED, stopped_at=ago(days=8)), 0, None),
        (record(State.ARCHIVED, stopped_at=ago(days=8), auto_delete=60), 0, Command.DELETE),
        (record(State.STOPPED, stopped_at=ago(minutes=61), auto_delete=60), 0, Command.DELETE),
        (record(State.STOPPED, stopped_at=ago(minutes=59), auto_delete=60), 0, None),
        (record(State.STOPPED, stopped_at=ago(seconds=0), auto_delete=0), 0, Command.DELETE),
        (record(State.STOPPED, stopped_at=None, auto_delete=0), 0, None),
        (record(State.STARTED, destroy_at=ago(seconds=1)), 0, Command.DELETE),
        (record(State.STARTED, destroy_at=stamp(NOW + timedelta(seconds=1))), 0, None),
        (record(State.ERROR, stopped_at=ago(days=99), auto_delete=1), 0, None),
        (record(State.SNAPSHOTTING), 1e9, None),
    ],
)
def test_what_is_due(made: SandboxRecord, idle: float, expected: Command | None) -> None:
    assert due(made, idle=idle, moment=NOW) is expected


def test_a_shorter_minute_makes_everything_due_sooner() -> None:
    assert due(record(State.STARTED, auto_stop=10), idle=1, minute=0.1) is Command.STOP
