"""Hashes that others made are an attacker's data: TRUST.md T36."""

import asyncio
import threading
import time
from collections.abc import Iterator

import pytest
from argon2.low_level import Type, hash_secret
from hypothesis import given, settings
from hypothesis import strategies as st

from keelway.accounts.limits import TooManyRequests
from keelway.accounts.passwords import THREADS, Passwords, kind_of

# Made with npm's bcryptjs 3.0.3, as the old system did.
BCRYPTJS = {
    "correct horse": "$2a$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e",
    "Grüße aus Köln": "$2b$04$abcdefghijklmnopqrstuu8CUm8kgrZsnboz/WhY60Zf2APZzRatm",
    "sunny☀️🌻day": "$2a$04$abcdefghijklmnopqrstuuXfPvhtiPptmPUFTHSbeZlp2kZZBfZZi",
    "a\0b": "$2b$04$abcdefghijklmnopqrstuusjHI0zQHpOe3SFDK1IriYv6N79Gzr32",
    "x" * 80: "$2a$04$abcdefghijklmnopqrstuubzadhGtS2zEF.gu0yd0opP6cVzb.e0i",
    "y" * 71 + "étail": "$2a$04$abcdefghijklmnopqrstuumyseKbToZcMrAyAV1.PIMYLtfGLTBtC",
    "Gru\u0308n": "$2b$04$abcdefghijklmnopqrstuui/9VOB0jyLKUzd.sMDjg6FwpZRTimKq",
    "": "$2a$04$abcdefghijklmnopqrstuubyCG3zY1GIXMyxfivm.ClDiInHzxjiq",
}
ENDLESS = "$2b$31$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e"
"""Would run for days."""


@pytest.fixture
def passwords() -> Iterator[Passwords]:
    made = Passwords()
    yield made
    made.close()


def argon2(kind: Type, *, memory: int = 64, passes: int = 2, lanes: int = 1) -> str:
    """A hash of "correct horse" with other settings than ours."""
    return hash_secret(b"correct horse", b"s" * 16, passes, memory, lanes, 32, kind).decode()


async def test_our_own_hash_is_argon2id_and_no_two_are_alike(passwords: Passwords) -> None:
    one, two = await passwords.hash("correct horse"), await passwords.hash("correct horse")
    assert one.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert one != two
    assert kind_of(one) == "ours"
    assert (await passwords.check("correct horse", one)).right
    assert (await passwords.check("correct horse", one)).better is None
    assert not (await passwords.check("correct horsf", one)).right


@pytest.mark.parametrize("typed", BCRYPTJS)
async def test_what_bcryptjs_hashed_is_right_here_and_hashed_anew(
    passwords: Passwords, typed: str
) -> None:
    stored = BCRYPTJS[typed]
    for spelling in ("2a", "2b", "2y"):
        verdict = await passwords.check(typed, f"${spelling}{stored[3:]}")
        assert verdict.right, spelling
        assert kind_of(verdict.better) == "ours"
        assert (await passwords.check(typed, verdict.better)).right
        assert not (await passwords.check("!" + typed, f"${spelling}{stored[3:]}")).right


async def test_bcrypt_reads_72_bytes_and_our_own_hash_all(passwords: Passwords) -> None:
    """The old system let in whoever knew the first 72 bytes; the first who comes so is hashed whole."""
    stored = BCRYPTJS["x" * 80]
    verdict = await passwords.check("x" * 72 + "anything", stored)
    assert verdict.right
    assert not (await passwords.check("x" * 80, verdict.better)).right
    assert not (await passwords.check("x" * 71, stored)).right


async def test_one_word_typed_on_two_machines_is_one(passwords: Passwords) -> None:
    composed, decomposed = "Gr\u00fcn und blau", "Gru\u0308n und blau"
    assert (await passwords.check(decomposed, await passwords.hash(composed))).right
    assert (await passwords.check(composed, await passwords.hash(decomposed))).right
    # An imported hash was made of what was typed.
    assert not (await passwords.check("Gr\u00fcn", BCRYPTJS["Gru\u0308n"])).right


@pytest.mark.parametrize("kind", [Type.I, Type.D, Type.ID])
async def test_other_argon2_hashes_are_right_here_and_hashed_anew(
    passwords: Passwords, kind: Type
) -> None:
    stored = argon2(kind, lanes=4)
    assert kind_of(stored) == "argon2"
    verdict = await passwords.check("correct horse", stored)
    assert verdict.right
    assert kind_of(verdict.better) == "ours"
    assert not (await passwords.check("wrong horse", stored)).right


REFUSED = [
    ENDLESS,
    "$2b$15$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e",
    "$2b$99$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e",
    "$2b$03$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e",
    "$2$04$abcdefghijklmnopqrstuu62xRgOHofvUD80kqN4W7fhcF5w16HZO",
    "$2b$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e\n",
    "$argon2id$v=19$m=4194304,t=1,p=1$" + "A" * 22 + "$" + "A" * 43,
    "$argon2id$v=19$m=262144,t=5,p=1$" + "A" * 22 + "$" + "A" * 43,
    "$argon2id$v=19$m=64,t=9999,p=16$" + "A" * 22 + "$" + "A" * 43,
    "$argon2id$v=19$m=8192,t=129,p=1$" + "A" * 22 + "$" + "A" * 43,
    "$argon2id$v=19$m=8,t=1,p=2$" + "A" * 22 + "$" + "A" * 43,
    "$argon2id$v=19$m=64,t=0,p=1$" + "A" * 22 + "$" + "A" * 43,
    "$argon2id$v=19$m=64,t=1,p=0$" + "A" * 22 + "$" + "A" * 43,
    "$argon2id$v=19$m=64,t=1,p=1$" + "A" * 22 + "$" + "A" * 6,
    "$argon2id$v=19$m=64,t=1,p=1,keyid=AA$" + "A" * 22 + "$" + "A" * 43,
    "$2b$1\u0664$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e",
    "$argon2id$v=19$m=6\u0664,t=1,p=1$" + "A" * 22 + "$" + "A" * 43,
    "$argon2xx$" + "A" * 80,
    "plaintext",
    "",
]


@pytest.mark.parametrize("stored", REFUSED)
async def test_a_hash_that_costs_too_much_or_is_odd_is_never_run(
    passwords: Passwords, stored: str
) -> None:
    assert kind_of(stored) is None
    begun = time.monotonic()
    assert not (await passwords.check("correct horse", stored)).right
    assert time.monotonic() - begun < 5
    assert passwords.ran == {"ours": 1}, "the work of a check all the same"


SHAPES = st.one_of(
    st.from_regex(r"\$2[abxy]?\$[0-9]{1,3}\$[./A-Za-z0-9]{50,55}", fullmatch=True),
    st.from_regex(
        r"\$argon2(id|i|d|x)(\$v=[0-9]{1,3})?\$m=[0-9]{1,10},t=[0-9]{1,6},p=[0-9]{1,4}"
        r"\$[A-Za-z0-9+/=]{0,90}\$[A-Za-z0-9+/=]{0,90}",
        fullmatch=True,
    ),
    st.text(),
)


@given(SHAPES)
@settings(max_examples=300, deadline=None)
def test_no_hash_that_would_be_run_is_beyond_the_bounds(stored: str) -> None:
    """Parsed here by other means than there."""
    if kind_of(stored) is None:
        return
    parts = stored.split("$")
    if parts[1].startswith("2"):
        assert 4 <= int(parts[2]) <= 14
        return
    cost = {name: int(value) for name, value in (one.split("=") for one in parts[-3].split(","))}
    assert cost["m"] <= 256 * 1024
    assert 1 <= cost["t"] * cost["m"] <= 1024 * 1024
    assert 1 <= cost["p"] <= 8


@pytest.mark.parametrize(
    "stored",
    [
        "$2b$04$" + "." * 21 + "z" + "a" * 31,  # looks like one: its salt has bits too many
        "$argon2id$v=19$m=64,t=1,p=1$" + "A" * 21 + "B$" + "A" * 43,
    ],
)
async def test_what_only_looks_like_a_hash_is_wrong_and_no_error(
    passwords: Passwords, stored: str
) -> None:
    assert kind_of(stored) is not None
    assert not (await passwords.check("correct horse", stored)).right


async def test_the_dearest_that_are_allowed_end_in_time(passwords: Passwords) -> None:
    for stored in (
        "$2b$14$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e",
        "$argon2id$v=19$m=262144,t=4,p=1$" + "A" * 22 + "$" + "A" * 43,
    ):
        begun = time.monotonic()
        assert kind_of(stored) is not None
        assert not (await passwords.check("x", stored)).right
        assert time.monotonic() - begun < 30  # 1.1 and 1.5 s on a quiet machine


async def test_the_loop_goes_on_while_hashes_run(passwords: Passwords) -> None:
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0.001)
            ticks += 1

    async with asyncio.TaskGroup() as tasks:
        ticking = tasks.create_task(tick())
        for _ in range(5):
            await passwords.hash("correct horse")
        ticking.cancel()
    assert ticks > 20


async def test_more_than_fit_are_sent_away_and_leave_room_when_they_are_done() -> None:
    passwords = Passwords(waiting=1)
    try:
        for _ in range(2):
            done = await at_once(passwords, THREADS + 5)
            assert sorted(done) == ["busy"] * 4 + ["done"] * (THREADS + 1)
        assert threads_of("password") <= THREADS
    finally:
        passwords.close()


async def test_without_a_bound_all_of_them_wait() -> None:
    """The control: memory and waiting time grow with whatever comes."""
    passwords = Passwords(waiting=10_000)
    try:
        assert await at_once(passwords, 20) == ["done"] * 20
    finally:
        passwords.close()


async def test_who_stops_waiting_takes_no_room_away_for_ever() -> None:
    passwords = Passwords(waiting=2)
    try:
        async with asyncio.TaskGroup() as tasks:
            for each in [tasks.create_task(passwords.hash("x")) for _ in range(4)]:
                await asyncio.sleep(0)
                each.cancel()
        passwords.close()  # what ran has ended
        assert passwords._room.acquire(blocking=False)  # pyright: ignore[reportPrivateUsage]
    finally:
        passwords.close()


async def test_what_could_not_be_started_takes_no_room_away_for_ever() -> None:
    passwords = Passwords(waiting=0)
    passwords.close()
    for _ in range(THREADS + 1):
        with pytest.raises(RuntimeError):
            await passwords.hash("x")


async def at_once(passwords: Passwords, count: int) -> list[str]:
    said: list[str] = []

    async def one() -> None:
        try:
            await passwords.check("wrong", None)
            said.append("done")
        except TooManyRequests:
            said.append("busy")

    async with asyncio.TaskGroup() as tasks:
        for _ in range(count):
            tasks.create_task(one())
    return said


def threads_of(prefix: str) -> int:
    return sum(thread.name.startswith(prefix) for thread in threading.enumerate())
