"""Logging in by e-mail address and password, and changing the password (TRUST.md T13, T35 to T37).

Nobody learns from an answer, or from how long it takes, whether an address is known here: the same work is
done for all, and every refusal comes at the same time after the question.
"""

import asyncio
import ipaddress
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from sqlalchemy import ColumnElement, delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from keelway.accounts.accounts import Accounts, Caller, Unauthenticated, new_secret, session_row
from keelway.accounts.limits import Attempts, TooManyRequests
from keelway.accounts.passwords import Passwords, Verdict, kind_of
from keelway.accounts.strength import fit
from keelway.db import models
from keelway.ids import UserId

REFUSAL_SECONDS = 1.0
"""A wrong password is told no sooner: bcrypt hashes of an import take longer than our own."""
RESET = timedelta(minutes=10)
"""So long after a login address was used, a new password may be set without the old one."""
TRIES = 3
"""How often a check is made again because the hash was replaced meanwhile."""


class WrongPassword(Unauthenticated):
    """The password is not this person's, or there is no such person: nobody is told which."""


@dataclass(frozen=True, slots=True)
class _Person:
    id: UserId
    name: str | None
    email: str | None
    stored: str | None


class Logins:
    """Passwords of the people of one server. Close it at the end."""

    def __init__(
        self,
        accounts: Accounts,
        *,
        passwords: Passwords | None = None,
        attempts: Attempts | None = None,
        refusal_seconds: float = REFUSAL_SECONDS,
    ) -> None:
        self.accounts = accounts
        self.database = accounts.database
        self.passwords = passwords or Passwords()
        self.attempts = attempts or Attempts()
        self.refusal_seconds = refusal_seconds

    def close(self) -> None:
        self.passwords.close()

    async def log_in(self, email: str, password: str, address: str) -> str:
        """The new session's cookie. `address` is where the question came from.

        Raises:
            WrongPassword: It is not theirs, or nobody has that e-mail address.
            TooManyRequests: Somebody tried too often.
        """
        begun = time.monotonic()
        email = email.strip().lower()
        tried = (f"login {email}", network(address))
        self.attempts.take(*tried)
        for _ in range(TRIES):
            # PostgreSQL takes no NUL, not even to look for it.
            known = "\0" not in email
            person = await self._find(models.User.email == email) if known else None
            verdict = await self._check(password, person, tried)
            if person is None or not verdict.right:
                break
            token = await self._begin(person, verdict.better)
            if token is not None:
                self.attempts.proven(*tried)
                return token
        await asyncio.sleep(begun + self.refusal_seconds - time.monotonic())
        raise WrongPassword("This e-mail address and this password do not belong together.")

    async def change(self, caller: Caller, current: str | None, new: str, address: str) -> None:
        """Set a new password and end the person's other sessions and unused login addresses.

        `current` may be None where no password is set, and in the first minutes of a session that a login
        address began. API tokens stay.

        Raises:
            WeakPassword: The new one will not do.
            WrongPassword: `current` is not theirs, or is missing.
            TooManyRequests: Somebody tried too often.
        """
        # Not the account that logins count on: a stranger's guesses must not keep its owner from this.
        tried = (f"change {caller.user.id}", network(address))
        fresh: str | None = None
        for _ in range(TRIES):
            person = await self._find(models.User.id == caller.user.id)
            if person is None:
                break
            fitted = fit(new, email=person.email, name=person.name)
            if not await self._may_change(person, caller, current, tried):
                break
            fresh = fresh or await self.passwords.hash(fitted)
            if await self._replace(person, caller, fresh):
                self.accounts.forget(person.id)
                return
        raise WrongPassword("This is not your current password.")

    async def has_password(self, user_id: UserId) -> bool:
        """Whether they can log in by a password; a hash that is not run does not count."""
        person = await self._find(models.User.id == user_id)
        return person is not None and kind_of(person.stored) is not None

    async def _may_change(
        self, person: _Person, caller: Caller, current: str | None, tried: tuple[str, str]
    ) -> bool:
        if current is None:
            return kind_of(person.stored) is None or await self._just_arrived(caller)
        self.attempts.take(*tried)
        verdict = await self._check(current, person, tried)
        if verdict.right:
            self.attempts.proven(*tried)
        return verdict.right

    async def _just_arrived(self, caller: Caller) -> bool:
        """By a login address, minutes ago, and without having set a password since."""
        async with self.database.reading() as session:
            row = await session.get(models.Session, caller.credential)
        return (
            row is not None
            and row.began_with == "link"
            and row.created_at > datetime.now(UTC) - RESET
        )

    async def _check(
        self, password: str, person: _Person | None, tried: tuple[str, str]
    ) -> Verdict:
        try:
            return await self.passwords.check(password, person.stored if person else None)
        except TooManyRequests:
            self.attempts.unused(*tried)
            raise

    async def _find(self, whose: ColumnElement[bool]) -> _Person | None:
        user = models.User
        query = select(user.id, user.name, user.email, user.password_hash).where(whose)
        async with self.database.reading() as session:
            row = (await session.execute(query)).first()
        return _Person(UserId(row[0]), row[1], row[2], row[3]) if row else None

    async def _begin(self, person: _Person, better: str | None) -> str | None:
        """A session's cookie; None when the hash that was checked is no longer theirs."""
        token = new_secret()
        async with self.database.transaction() as tx:
            if not await _swap(tx, person, better or person.stored):
                return None
            tx.add(session_row(token, person.id, datetime.now(UTC), "password"))
        return token

    async def _replace(self, person: _Person, caller: Caller, fresh: str) -> bool:
        """False when the hash that was checked is no longer theirs."""
        session, credential = models.Session, models.Credential
        async with self.database.transaction() as tx:
            if not await _swap(tx, person, fresh):
                return False
            # First: a login address that is being used now has its session written, or finds itself gone.
            await tx.execute(
                delete(credential).where(
                    credential.user_id == person.id, credential.kind == "login"
                )
            )
            await tx.execute(
                delete(session).where(
                    session.user_id == person.id, session.token_hash != caller.credential
                )
            )
            await tx.execute(
                update(session)
                .where(session.token_hash == caller.credential)
                .values(began_with="password")
            )
        return True


async def _swap(tx: AsyncSession, person: _Person, fresh: str | None) -> bool:
    """Replace the hash that was read; the row is ours until the transaction ends."""
    user = models.User
    done = await tx.execute(
        update(user)
        .where(user.id == person.id, user.password_hash.is_not_distinct_from(person.stored))
        .values(password_hash=fresh)
    )
    return cast(Any, done).rowcount == 1


def network(address: str) -> str:
    """What limits are kept on: an IPv4 address, or the /64 of which one household has all addresses."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return f"address {address}"
    if isinstance(found, ipaddress.IPv4Address):
        return f"address {found}"
    if found.ipv4_mapped is not None:
        return f"address {found.ipv4_mapped}"
    return f"address {ipaddress.ip_network((found, 64), strict=False)}"
