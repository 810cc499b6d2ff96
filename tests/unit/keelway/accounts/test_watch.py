import asyncio
from collections.abc import AsyncGenerator

import pytest
from starlette.types import Message, Scope

from keelway.accounts import watch
from keelway.accounts.watch import WatchedStream, while_allowed


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "RECHECK_SECONDS", 0.01)


class Answers:
    """Yes so many times, then no."""

    def __init__(self, yes: int) -> None:
        self.left = yes
        self.asked = 0

    async def __call__(self) -> bool:
        self.asked += 1
        return self.asked <= self.left


async def test_work_that_stays_allowed_runs_to_its_end() -> None:
    still, done = Answers(1000), False

    async def work() -> None:
        nonlocal done
        await asyncio.sleep(0.1)
        done = True

    await while_allowed(work(), still)
    assert done
    asked = still.asked
    assert asked > 1
    await asyncio.sleep(0.05)
    assert still.asked == asked


async def test_work_that_is_no_longer_allowed_is_cancelled() -> None:
    still, ended = Answers(2), asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.set()

    async with asyncio.timeout(5):
        await while_allowed(work(), still)
    assert ended.is_set()
    assert still.asked == 3


async def test_who_cannot_be_asked_about_is_shut_out() -> None:
    async def still() -> bool:
        raise OSError("the database is away")

    async with asyncio.timeout(5):
        with pytest.raises(ExceptionGroup) as caught:
            await while_allowed(asyncio.sleep(60), still)
    assert caught.group_contains(OSError)


async def test_a_watched_stream_breaks_off_without_an_end() -> None:
    closed = asyncio.Event()
    sent: list[Message] = []

    async def lines() -> AsyncGenerator[str]:
        try:
            yield "data: 1\n\n"
            await asyncio.sleep(60)
        finally:
            closed.set()

    async def receive() -> Message:
        await asyncio.sleep(60)
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    scope: Scope = {"type": "http", "asgi": {"spec_version": "2.3"}}
    stream = WatchedStream(lines(), Answers(1), headers={"x-said": "1"})
    async with asyncio.timeout(5):
        await stream(scope, receive, send)
    assert [message.get("body") for message in sent] == [None, b"data: 1\n\n"]
    assert sent[-1]["more_body"] is True
    assert (b"content-type", b"text/event-stream; charset=utf-8") in sent[0]["headers"]
    assert closed.is_set()
