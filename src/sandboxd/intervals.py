"""When a sandbox is due to be stopped, archived or deleted by itself (ENGINE-CONTRACT 5)."""

from datetime import UTC, datetime

from sandboxd.lifecycle import Command, State
from sandboxd.store import SandboxRecord, parse_time


def due(
    record: SandboxRecord, *, idle: float, minute: float = 60.0, moment: datetime | None = None
) -> Command | None:
    """What the record's intervals ask for now.

    `idle` is the seconds since the last activity, 0 while something runs; `minute` the seconds of
    a minute; `moment` the present.
    """
    present = moment or datetime.now(UTC)
    if record.destroy_at is not None and parse_time(record.destroy_at) <= present:
        return Command.DELETE
    if record.state is State.STARTED:
        return Command.STOP if 0 < record.auto_stop * minute <= idle else None
    if record.state in {State.STOPPED, State.ARCHIVED} and record.stopped_at is not None:
        stopped = (present - parse_time(record.stopped_at)).total_seconds()
        if 0 <= record.auto_delete * minute <= stopped:
            return Command.DELETE
        if record.state is State.STOPPED and 0 < record.auto_archive * minute <= stopped:
            return Command.ARCHIVE
    return None
