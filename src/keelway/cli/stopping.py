"""Ctrl-C and SIGTERM while something long runs: it ends at once, in order, and says how it stands."""

import asyncio
import os
import signal
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stopped(BaseException):
    """Somebody wants this to end. `status` is the exit status that says so."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.status = 128 + number


@contextmanager
def stoppable() -> Generator[None]:
    """The first signal raises Stopped here; a second one ends the process where it stands.

    The running task may be deep in parsing and not yield for long, so that it is interrupted between
    two instructions; while it waits, it is cancelled.
    """
    task, loop = asyncio.current_task(), asyncio.get_running_loop()
    assert task is not None
    wanted: list[int] = []

    def stop(number: int, _: FrameType | None) -> None:
        if wanted:
            os._exit(128 + number)
        wanted.append(number)
        if asyncio.current_task(loop) is task:
            raise Stopped(number)
        loop.call_soon_threadsafe(task.cancel)

    before = [(number, signal.signal(number, stop)) for number in SIGNALS]
    try:
        yield
    except BaseException as error:
        if not wanted:
            raise
        if isinstance(error, asyncio.CancelledError):
            task.uncancel()
        raise Stopped(wanted[0]) from None  # whatever the interruption became on its way here
    finally:
        for number, handler in before:
            signal.signal(number, handler)
