"""TRUST.md T35 to T37, without a wire."""

import asyncio
import contextlib
import statistics
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import bcrypt
import pytest
from sqlalchemy import func, select, update

from keelway.accounts.accounts import Accounts, Caller, LoginExpired, User
from keelway.accounts.limits import Attempts, TooManyRequests
from keelway.accounts.logins import Logins, WrongPassword, network
from keelway.accounts.passwords import Passwords, Verdict, kind_of
from keelway.accounts.strength import WeakPassword
from keelway.db import models
from keelway.db.session import Database
from keelway.ids import UserId

OLD = bcrypt.hashpw(b"old password", bcrypt.gensalt(4)).decode()
ENDLESS = OLD.replace("$04$", "$31$")
EMAIL = "maya@example.com"
NEW = "correct horse battery"
FREE = {"account": 10**6, "address": 10**6, "longest": 0}


@pytest.fixture
async def logins(any_database: Database) -> AsyncIterator[Logins]:
    made = Logins(Accounts(any_database), refusal_seconds=0)
    yield made
    made.close()


async def maya(logins: Logins, stored: str | None = OLD) -> User:
    now = datetime.now(UTC)
    async with logins.database.transaction() as tx:
        tx.add(
            models.User(
                id="u1",
                name="Maya",
                email=EMAIL,
                role="member",
                password_hash=stored,
                created_at=now,
                updated_at=now,
            )
        )
    return User(UserId("u1"), "Maya", EMAIL, "member")


async def stored(logins: Logins) -> str | None:
    async with logins.database.reading() as session:
        return await session.scalar(select(models.User.password_hash).where(models.User.id == "u1"))


async def by_link(logins: Logins, user: User) -> Caller:
    cookie = await logins.accounts.log_in(await logins.accounts.new_login_key(user))
    return await caller(logins, cookie)


async def caller(logins: Logins, cookie: str) -> Caller:
    found = await logins.accounts.by_cookie(cookie)
    assert found is not None
    return found


async def sessions(logins: Logins) -> int:
    async with logins.database.reading() as session:
        return await session.scalar(select(func.count()).select_from(models.Session)) or 0


async def test_an_imported_hash_lets_in_and_is_replaced_by_ours(logins: Logins) -> None:
    user = await maya(logins)
    cookie = await logins.log_in(EMAIL, "old password", "home")
    assert (await caller(logins, cookie)).user == user
    assert kind_of(await stored(logins)) == "ours"
    assert await logins.log_in(EMAIL, "old password", "home") != cookie


@pytest.mark.parametrize("typed", ["Maya@Example.com", "  maya@example.com\t", "MAYA@EXAMPLE.COM"])
async def test_case_and_spaces_around_the_address_do_not_matter(logins: Logins, typed: str) -> None:
    await maya(logins)
    assert await logins.log_in(typed, "old password", "home")


@pytest.mark.parametrize("hashed", [OLD, ENDLESS, None, "", "plaintext"])
async def test_nobody_and_somebody_get_the_same_answer(logins: Logins, hashed: str | None) -> None:
    await maya(logins, hashed)
    said: list[str] = []
    for email in (EMAIL, "nobody@example.com", "", "\0", "%", "x" * 320, "' OR 1=1 --", "ü\u0308"):
        with pytest.raises(WrongPassword) as refused:
            await logins.log_in(email, "plaintext", "home")
        said.append(refused.value.message)
    assert len(set(said)) == 1
    assert sum(logins.passwords.ran.values()) == len(said), "a hash was run for each"
    assert await sessions(logins) == 0
    assert await stored(logins) == hashed


@pytest.mark.parametrize("hashed", [OLD, None])
async def test_half_a_pair_of_surrogates_is_wrong_and_no_error(
    logins: Logins, hashed: str | None
) -> None:
    await maya(logins, hashed)
    with pytest.raises(WrongPassword):
        await logins.log_in(EMAIL, "half a pair \ud83c", "home")


async def test_nobody_and_somebody_wait_alike_for_their_answer(database: Database) -> None:
    logins = Logins(Accounts(database), attempts=Attempts(**FREE), refusal_seconds=0.4)
    await maya(logins, bcrypt.hashpw(b"x", bcrypt.gensalt(10)).decode())
    took: dict[str, list[float]] = {EMAIL: [], "nobody@example.com": []}
    for _ in range(3):
        for email, times in took.items():
            begun = time.monotonic()
            with pytest.raises(WrongPassword):
                await logins.log_in(email, "wrong", "home")
            times.append(time.monotonic() - begun)
    logins.close()
    known, unknown = (statistics.median(times) for times in took.values())
    assert abs(known - unknown) < 0.2
    assert min(known, unknown) >= 0.39


async def test_a_sixth_guess_is_not_even_looked_at_right_or_wrong(logins: Logins) -> None:
    await maya(logins)
    for _ in range(5):
        with pytest.raises(WrongPassword):
            await logins.log_in(EMAIL, "wrong", "home")
    ran = logins.passwords.ran.total()
    for email in (EMAIL, "Maya@example.com "):
        with pytest.raises(TooManyRequests):
            await logins.log_in(email, "old password", "elsewhere")
    assert logins.passwords.ran.total() == ran
    assert await by_link(logins, User(UserId("u1"), None, None, "member")), "nobody is locked out"


async def test_without_limits_the_guesses_come_to_the_right_one(database: Database) -> None:
    """The control."""
    logins = Logins(Accounts(database), attempts=Attempts(**FREE), refusal_seconds=0)
    await maya(logins)
    for guess in (*(f"guess {n}" for n in range(40)), "old password"):
        try:
            assert await logins.log_in(EMAIL, guess, "home")
        except WrongPassword:
            assert guess != "old password"
    logins.close()


async def test_those_who_find_the_server_busy_have_not_used_up_a_try(database: Database) -> None:
    logins = Logins(Accounts(database), passwords=Passwords(waiting=-2), refusal_seconds=0)
    await maya(logins)
    for _ in range(10):
        with pytest.raises(TooManyRequests):
            await logins.log_in(EMAIL, "old password", "home")
    logins.passwords = Passwords()
    assert await logins.log_in(EMAIL, "old password", "home")
    logins.close()


async def test_many_right_logins_at_once_all_get_in_and_leave_one_hash(logins: Logins) -> None:
    await maya(logins)
    cookies: list[str] = []

    async def one() -> None:
        cookies.append(await logins.log_in(EMAIL, "old password", "home"))

    async with asyncio.TaskGroup() as tasks:
        for _ in range(5):
            tasks.create_task(one())
    assert len(set(cookies)) == 5
    assert await sessions(logins) == 5
    assert kind_of(await stored(logins)) == "ours"


async def test_a_login_that_was_checked_against_a_replaced_hash_does_not_get_in(
    logins: Logins,
) -> None:
    """The password is changed between the check and the session."""
    user = await maya(logins)
    session = await by_link(logins, user)

    class Overtaken(Passwords):
        async def check(self, password: str, stored: str | None) -> Verdict:
            verdict = await super().check(password, stored)
            if verdict.right:
                await logins.change(session, None, NEW, "home")
            return verdict

    logins.close()
    logins.passwords = Overtaken()
    with pytest.raises(WrongPassword):
        await logins.log_in(EMAIL, "old password", "home")
    assert await sessions(logins) == 1


async def test_a_change_ends_the_others_and_keeps_this_session_and_the_tokens(
    logins: Logins,
) -> None:
    user, accounts = await maya(logins), logins.accounts
    mine = await logins.log_in(EMAIL, "old password", "home")
    others = [await logins.log_in(EMAIL, "old password", "home") for _ in range(2)]
    token = await accounts.new_token(user)
    pending = await accounts.new_login_key(user)
    for cookie in (mine, *others):
        assert await accounts.by_cookie(cookie)  # remembered from here on

    await logins.change(await caller(logins, mine), "old password", NEW, "home")

    assert await accounts.by_cookie(mine)
    assert [await accounts.by_cookie(cookie) for cookie in others] == [None, None]
    assert await accounts.by_token(token)
    with pytest.raises(LoginExpired):
        await accounts.log_in(pending)
    with pytest.raises(WrongPassword):
        await logins.log_in(EMAIL, "old password", "home")
    assert await logins.log_in(EMAIL, NEW, "home")


async def test_somebody_elses_sessions_live_on(logins: Logins) -> None:
    await maya(logins)
    owner = await by_link(logins, await logins.accounts.owner())
    mine = await caller(logins, await logins.log_in(EMAIL, "old password", "home"))
    await logins.change(mine, "old password", NEW, "home")
    assert await logins.accounts.by_credential(owner.credential)


async def test_no_change_without_the_current_password(logins: Logins) -> None:
    await maya(logins)
    mine = await caller(logins, await logins.log_in(EMAIL, "old password", "home"))
    before = await stored(logins)
    for current in (None, "wrong", "", NEW):
        with pytest.raises(WrongPassword):
            await logins.change(mine, current, NEW, "home")
    assert await stored(logins) == before


async def test_guessing_the_current_one_is_slowed_and_a_stranger_cannot_slow_it(
    logins: Logins,
) -> None:
    await maya(logins)
    mine = await caller(logins, await logins.log_in(EMAIL, "old password", "home"))
    for _ in range(5):
        with pytest.raises(WrongPassword):
            await logins.log_in(EMAIL, "wrong", "a stranger's")
    await logins.change(mine, "old password", NEW, "home")
    for _ in range(5):
        with pytest.raises(WrongPassword):
            await logins.change(mine, "wrong", NEW + "!", "home")
    with pytest.raises(TooManyRequests):
        await logins.change(mine, NEW, NEW + "!", "home")


async def test_a_login_address_sets_a_forgotten_password_once_within_ten_minutes(
    logins: Logins,
) -> None:
    user = await maya(logins)
    late = await by_link(logins, user)
    async with logins.database.transaction() as tx:
        past = datetime.now(UTC) - timedelta(minutes=10, seconds=1)
        await tx.execute(update(models.Session).values(created_at=past))
    with pytest.raises(WrongPassword):
        await logins.change(late, None, NEW, "home")

    fresh = await by_link(logins, user)
    await logins.change(fresh, None, NEW, "home")
    assert await logins.accounts.by_credential(late.credential) is None
    with pytest.raises(WrongPassword):
        await logins.change(fresh, None, NEW + "!", "home")
    await logins.change(fresh, NEW, NEW + "!", "home")


@pytest.mark.parametrize("hashed", [None, ENDLESS])
async def test_where_no_password_can_be_used_one_may_be_set(
    logins: Logins, hashed: str | None
) -> None:
    user = await maya(logins, hashed)
    assert not await logins.has_password(user.id)
    session = await by_link(logins, user)
    async with logins.database.transaction() as tx:
        past = datetime.now(UTC) - timedelta(hours=1)
        await tx.execute(update(models.Session).values(created_at=past))
    with pytest.raises(WeakPassword):
        await logins.change(session, None, EMAIL, "home")
    await logins.change(session, None, NEW, "home")
    assert await logins.has_password(user.id)
    assert not await logins.has_password(UserId("nobody"))


async def test_two_changes_at_once_leave_one_of_them(logins: Logins) -> None:
    await maya(logins)
    one = await caller(logins, await logins.log_in(EMAIL, "old password", "home"))
    two = await caller(logins, await logins.log_in(EMAIL, "old password", "home"))
    said: list[str] = []

    async def change(who: Caller, new: str) -> None:
        try:
            await logins.change(who, "old password", new, "home")
            said.append(new)
        except WrongPassword:
            pass

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(change(one, NEW + " one"))
        tasks.create_task(change(two, NEW + " two"))
    assert len(said) == 1
    assert await logins.log_in(EMAIL, said[0], "home")
    assert await sessions(logins) == 2  # the one who changed it, and this login


async def test_a_login_address_used_while_the_password_changes_leaves_no_session(
    logins: Logins,
) -> None:
    user = await maya(logins)
    mine = await caller(logins, await logins.log_in(EMAIL, "old password", "home"))
    current = "old password"

    async def use(key: str) -> None:
        with contextlib.suppress(LoginExpired):
            await logins.accounts.log_in(key)

    for turn in range(6):
        new = f"{NEW} {turn}"
        keys = [await logins.accounts.new_login_key(user) for _ in range(3)]
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(use(keys[0]))
            tasks.create_task(logins.change(mine, current, new, "home"))
            await asyncio.sleep(0.04 + turn * 0.012)  # two hashes are run before the change
            for key in keys[1:]:
                tasks.create_task(use(key))
        assert await sessions(logins) == 1
        assert await logins.accounts.by_credential(mine.credential)
        current = new


@pytest.mark.parametrize(
    ("address", "kept"),
    [
        ("127.0.0.1", "address 127.0.0.1"),
        ("::ffff:10.1.2.3", "address 10.1.2.3"),
        ("2001:db8:1:2:3:4:5:6", "address 2001:db8:1:2::/64"),
        ("fe80::1%eth0", "address fe80::/64"),
        ("unknown", "address unknown"),
    ],
)
def test_a_household_is_one_address(address: str, kept: str) -> None:
    assert network(address) == kept
