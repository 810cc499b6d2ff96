import asyncio

import pytest
from starlette.types import Message

from keelway.accounts import limits
from keelway.accounts.arrival import Refused
from keelway.accounts.limits import (
    Attempts,
    BodyTooLarge,
    Count,
    Ending,
    Rate,
    TooManyRequests,
    counted,
)


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


def test_a_rate_forgets_the_longest_unused_name_before_it_grows_without_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "NAMES", 3)
    rate = Rate(1, seconds=60)
    for name in ("a", "b", "c", "d"):
        rate.take(name)
    assert rate.wait("d")
    assert not rate.wait("a")


def test_what_was_given_back_may_be_taken_again() -> None:
    rate = Rate(1, seconds=60)
    rate.take("maya")
    rate.give_back("maya")
    rate.give_back("nobody")
    rate.take("maya")


def test_five_tries_a_minute_for_an_account_whoever_asks() -> None:
    attempts = Attempts()
    for number in range(5):
        attempts.take("maya", f"10.0.0.{number}")
    with pytest.raises(TooManyRequests) as refused:
        attempts.take("maya", "10.0.0.9")
    assert refused.value.headers is not None
    assert 50 <= int(refused.value.headers["Retry-After"]) <= 61
    attempts.take("jonas", "10.0.0.9")


def test_twenty_tries_a_minute_for_an_address_whomever_it_asks_for() -> None:
    attempts = Attempts()
    for number in range(20):
        attempts.take(f"person {number}", "10.0.0.1")
    with pytest.raises(TooManyRequests):
        attempts.take("person 21", "10.0.0.1")
    attempts.take("person 21", "10.0.0.2")


def test_each_failure_doubles_the_wait_up_to_its_bound_and_an_hour_forgives(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 1000.0
    monkeypatch.setattr("keelway.accounts.limits.time.monotonic", lambda: now)
    attempts = Attempts(account=10**6, address=10**6)

    def told_to_wait() -> int:
        try:
            attempts.take("maya", "home")
        except TooManyRequests as refused:
            return int((refused.headers or {})["Retry-After"])
        return 0

    said: list[int] = []
    for _ in range(30):
        said.append(told_to_wait())
        now += said[-1]
    assert said[:5] == [0] * 5
    assert [wait for wait in said if wait][:10] == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300]
    assert max(said) == 300, "nobody is locked out"
    now += 3600
    assert [told_to_wait() for _ in range(6)] == [0, 0, 0, 0, 0, 1]


def test_without_limits_guessing_goes_on_and_on() -> None:
    """The control: what the limits keep from happening."""
    attempts = Attempts(account=10**6, address=10**6, longest=0)
    for _ in range(1000):
        attempts.take("maya", "10.0.0.1")


def test_who_proves_it_begins_anew_and_does_not_buy_the_address_guesses() -> None:
    attempts = Attempts()
    for _ in range(4):
        attempts.take("maya", "home")
    for _ in range(30):
        attempts.take("maya", "home")
        attempts.proven("maya", "home")
    for number in range(16):
        attempts.take(f"person {number}", "home")
    with pytest.raises(TooManyRequests):
        attempts.take("one more", "home")


def test_a_try_at_which_nothing_was_checked_is_none() -> None:
    attempts = Attempts()
    for _ in range(30):
        attempts.take("maya", "home")
        attempts.unused("maya", "home")
