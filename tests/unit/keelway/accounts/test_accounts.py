from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import delete, select, update

from keelway.accounts.accounts import Accounts, LoginExpired, digest
from keelway.db import models
from keelway.db.session import Database


@pytest.fixture
def accounts(database: Database) -> Accounts:
    return Accounts(database)


async def test_there_is_one_owner_however_often_it_is_asked_for(accounts: Accounts) -> None:
    first = await accounts.owner()
    assert first.role == "owner"
    assert await accounts.owner() == first
    assert await accounts.user(first.id) == first


async def test_a_login_key_opens_one_session_once(accounts: Accounts) -> None:
    owner = await accounts.owner()
    key = await accounts.new_login_key(owner)
    cookie = await accounts.log_in(key)
    caller = await accounts.by_cookie(cookie)
    assert caller is not None
    assert caller.user == owner
    with pytest.raises(LoginExpired):
        await accounts.log_in(key)
    with pytest.raises(LoginExpired):
        await accounts.log_in("never issued")


async def test_a_login_key_is_good_for_ten_minutes(accounts: Accounts) -> None:
    key = await accounts.new_login_key(await accounts.owner())
    async with accounts.database.transaction() as tx:
        await tx.execute(
            update(models.Credential).values(expires_at=datetime.now(UTC) - timedelta(seconds=1))
        )
    with pytest.raises(LoginExpired):
        await accounts.log_in(key)


async def test_the_database_holds_no_secret(accounts: Accounts) -> None:
    owner = await accounts.owner()
    key = await accounts.new_login_key(owner)
    token = await accounts.new_token(owner)
    cookie = await accounts.log_in(key)
    async with accounts.database.reading() as session:
        kept = {*(await session.scalars(select(models.Credential.token_hash)))}
        kept |= {*(await session.scalars(select(models.Session.token_hash)))}
    assert kept == {digest(secret) for secret in (key, token, cookie)}


async def test_each_secret_opens_only_its_own_door(accounts: Accounts) -> None:
    owner = await accounts.owner()
    key = await accounts.new_login_key(owner)
    token = await accounts.new_token(owner)
    assert await accounts.by_cookie(key) is None
    assert await accounts.by_token(key) is None
    cookie = await accounts.log_in(key)
    assert await accounts.by_token(cookie) is None
    assert await accounts.by_cookie(token) is None
    assert await accounts.by_token(token) is not None
    assert await accounts.by_token(digest(token)) is None


async def test_a_session_ends_when_its_owner_says_so(accounts: Accounts) -> None:
    cookie = await accounts.log_in(await accounts.new_login_key(await accounts.owner()))
    caller = await accounts.by_cookie(cookie)
    assert caller is not None
    await accounts.log_out(caller.credential)
    assert await accounts.by_cookie(cookie) is None


@pytest.mark.parametrize("column", ["expires_at", "used_at"])
async def test_a_session_ends_by_age_and_by_idleness(accounts: Accounts, column: str) -> None:
    cookie = await accounts.log_in(await accounts.new_login_key(await accounts.owner()))
    past = datetime.now(UTC) - timedelta(days=8)
    async with accounts.database.transaction() as tx:
        await tx.execute(update(models.Session).values({column: past}))
    assert await accounts.by_cookie(cookie) is None


async def test_using_a_session_is_noted_at_most_once_an_hour(accounts: Accounts) -> None:
    cookie = await accounts.log_in(await accounts.new_login_key(await accounts.owner()))
    used = datetime.now(UTC) - timedelta(hours=2)
    async with accounts.database.transaction() as tx:
        await tx.execute(update(models.Session).values(used_at=used))
    for _ in range(2):
        assert await Accounts(accounts.database).by_cookie(cookie) is not None
    async with accounts.database.reading() as session:
        noted = (await session.scalars(select(models.Session.used_at))).one()
    assert datetime.now(UTC) - noted < timedelta(minutes=1)


async def test_a_nonce_is_used_once(accounts: Accounts) -> None:
    soon = datetime.now(UTC) + timedelta(minutes=1)
    assert await accounts.use_nonce("n", soon)
    assert not await accounts.use_nonce("n", soon)


async def test_nonces_are_forgotten_when_their_ticket_is_over(accounts: Accounts) -> None:
    over = datetime.now(UTC) - timedelta(seconds=1)
    assert await accounts.use_nonce("old", over)
    assert await accounts.use_nonce("new", over + timedelta(minutes=1))
    async with accounts.database.reading() as session:
        kept = (await session.scalars(select(models.Credential.token_hash))).all()
    assert kept == [digest("new")]


async def test_whose_sessions_were_ended_is_asked_about_again_at_once(accounts: Accounts) -> None:
    cookie = await accounts.log_in(await accounts.new_login_key(await accounts.owner()))
    caller = await accounts.by_cookie(cookie)
    assert caller is not None
    async with accounts.database.transaction() as tx:
        await tx.execute(delete(models.Session))
    assert await accounts.by_cookie(cookie), "believed for a few seconds"
    accounts.forget(caller.user.id)
    assert await accounts.by_cookie(cookie) is None


async def test_a_login_key_is_good_as_long_as_is_said(accounts: Accounts) -> None:
    owner = await accounts.owner()
    week = await accounts.new_login_key(owner, timedelta(days=7))
    over = await accounts.new_login_key(owner, timedelta(0))
    assert await accounts.log_in(week)
    with pytest.raises(LoginExpired):
        await accounts.log_in(over)
