import asyncio

import pytest
from starlette.types import Message

from keelway.accounts.arrival import Refused
from keelway.accounts.limits import BodyTooLarge, Count, Ending, Rate, counted


def test_a_rate_is_kept_for_each_name_alone() -> None:
    rate = Rate(2, seconds=60)
    rate.take("maya")
    rate.take("maya")
    with pytest.raises(Refused) as refused:
        rate.take("maya")
    assert (refused.value.status, refused.value.code) == (429, "TooManyRequests")
    assert 0 < int(refused.value.headers["retry-after"]) <= 61
    rate.take("jonas")


async def test_a_rate_lets_in_again_when_its_time_is_over() -> None:
    rate = Rate(1, seconds=0.02)
    rate.take("maya")
    await asyncio.sleep(0.03)
    rate.take("maya")


def test_a_count_is_given_back_however_the_work_ends() -> None:
    count = Count(1)
    for _ in range(2):
        with pytest.raises(ValueError, match="boom"), count.one("maya"):
            raise ValueError("boom")
    with count.one("maya"), count.one("jonas"), pytest.raises(Refused), count.one("maya"):
        pass


async def test_a_body_is_counted_whatever_its_header_said() -> None:
    async def receive() -> Message:
        return {"type": "http.request", "body": b"x" * 40, "more_body": True}

    receiving = counted(receive, 100)
    await receiving()
    await receiving()
    with pytest.raises(BodyTooLarge):
        await receiving()


async def test_what_would_go_on_for_ever_ends_with_the_server() -> None:
    ending = Ending()
    begun = asyncio.Event()

    async def for_ever() -> None:
        begun.set()
        await asyncio.Event().wait()

    async with asyncio.TaskGroup() as tasks, asyncio.timeout(2):
        tasks.create_task(ending.unless(for_ever()))
        await begun.wait()
        ending.set()


async def test_what_ends_by_itself_needs_no_ending() -> None:
    async with asyncio.timeout(2):
        await Ending().unless(asyncio.sleep(0))
