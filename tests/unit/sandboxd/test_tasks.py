import asyncio
import logging

import pytest

from sandboxd.tasks import Supervisor, cancel


async def test_a_failing_task_is_logged_and_the_others_go_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def fail() -> None:
        raise ValueError("no")

    done = asyncio.Event()

    async def work() -> None:
        await asyncio.sleep(0.02)
        done.set()

    with caplog.at_level(logging.ERROR):
        async with Supervisor() as tasks:
            tasks.spawn(fail(), "failing")
            tasks.spawn(work(), "working")
            await done.wait()
    assert "failing" in caplog.text


async def test_what_still_runs_at_the_end_is_cancelled() -> None:
    ended = False

    async def work() -> None:
        nonlocal ended
        try:
            await asyncio.sleep(100)
        finally:
            ended = True

    async with Supervisor() as tasks:
        tasks.spawn(work(), "long")
        await asyncio.sleep(0)
    assert ended


async def test_cancel_waits_for_the_end_and_takes_nothing_for_an_answer() -> None:
    async def slow_to_go() -> None:
        try:
            await asyncio.sleep(100)
        finally:
            await asyncio.sleep(0.01)

    async with Supervisor() as tasks:
        task = tasks.spawn(slow_to_go(), "slow")
        await asyncio.sleep(0)
        await cancel(task)
        assert task.done()
        await cancel(None)
