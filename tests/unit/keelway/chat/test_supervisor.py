import asyncio
import logging

import pytest

from keelway.chat.supervisor import Supervisor


async def test_a_failing_task_takes_no_other_with_it(caplog: pytest.LogCaptureFixture) -> None:
    done = asyncio.Event()

    async def fail() -> None:
        raise ValueError("broken")

    async def work() -> None:
        await asyncio.sleep(0.02)
        done.set()

    with caplog.at_level(logging.ERROR):
        async with Supervisor() as tasks:
            tasks.start(fail(), "fails")
            tasks.start(work(), "works")
            assert await tasks.settled(2)
    assert done.is_set()
    assert "task failed" in caplog.text


async def test_what_still_runs_is_cancelled_and_waited_for() -> None:
    ended: list[str] = []

    async def endless() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.01)
            ended.append("cleaned up")

    async with asyncio.timeout(5):
        async with Supervisor() as tasks:
            tasks.start(endless(), "endless")
            await asyncio.sleep(0.01)
            assert not await tasks.settled(0.01)
    assert ended == ["cleaned up"]


async def test_with_nothing_to_do_it_is_settled() -> None:
    async with Supervisor() as tasks:
        assert await tasks.settled(1)
