"""People and the secrets that stand for them: login keys, sessions, API tokens.

A secret is 256 random bits, shown once; the database holds its SHA-256 only.
"""

import hashlib
import secrets
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, cast

from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError

from keelway.db import models
from keelway.db.session import Database
from keelway.errors import KeelwayError
from keelway.ids import UserId, new_id

Role = Literal["owner", "admin", "member", "viewer"]

LOGIN_KEY = timedelta(minutes=10)
SESSION_IDLE = timedelta(days=7)
SESSION_TOTAL = timedelta(days=30)
USED_AT_STEP = timedelta(hours=1)
"""`used_at` is written at most this often, so that reading a page does not write."""
UNNAMED = "You"
"""What the one who runs this server is called until they say their name: no name to anybody else."""
REMEMBER = 5.0
"""Seconds for which a checked secret is believed without asking the database again."""


class Unauthenticated(KeelwayError):
    """Nobody we know is asking."""

    status = 401


class LoginExpired(Unauthenticated):
    """The key was used already, is too old, or never was."""


@dataclass(frozen=True, slots=True)
class User:
    """A user row as a value."""

    id: UserId
    name: str | None
    email: str | None
    role: Role


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is asking, and by what: `credential` is the hash of the cookie or token they showed."""

    user: User
    credential: str
    kind: Literal["session", "api"]


def _value(row: models.User) -> User:
    return User(UserId(row.id), row.name, row.email, cast(Role, row.role))


def digest(secret: str) -> str:
    """What the database keeps of a secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


def new_secret() -> str:
    """256 random bits as text that is safe in a header, a cookie and a fragment."""
    return secrets.token_urlsafe(32)


def session_row(
    token: str, user_id: UserId, now: datetime, began_with: Literal["link", "password"]
) -> models.Session:
    """The row of a session that begins now with this cookie."""
    return models.Session(
        token_hash=digest(token),
        user_id=user_id,
        created_at=now,
        used_at=now,
        expires_at=now + SESSION_TOTAL,
        began_with=began_with,
    )


class Accounts:
    """Users, sessions and credentials of one database."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._known: dict[str, tuple[float, Caller]] = {}

    async def owner(self) -> User:
        """The one who runs this server; made at the first call."""
        query = select(models.User).where(models.User.role == "owner").limit(1)
        async with self.database.transaction() as tx:
            row = (await tx.scalars(query)).first()
            if row is None:
                now = datetime.now(UTC)
                row = models.User(
                    id=new_id(), name=UNNAMED, role="owner", created_at=now, updated_at=now
                )
                tx.add(row)
            return _value(row)

    async def user(self, user_id: UserId) -> User | None:
        async with self.database.reading() as session:
            row = await session.get(models.User, user_id)
            return _value(row) if row else None

    async def new_login_key(self, user: User, good_for: timedelta = LOGIN_KEY) -> str:
        """A key for one login within ten minutes, or as long as is said."""
        return await self._new_credential("login", user, datetime.now(UTC) + good_for)

    async def new_token(self, user: User) -> str:
        """A bearer token for programs; valid until it is revoked."""
        return await self._new_credential("api", user, None)

    async def log_in(self, key: str) -> str:
        """Use a login key up; the new session's cookie. Raises LoginExpired."""
        now = datetime.now(UTC)
        token = new_secret()
        async with self.database.transaction() as tx:
            used = cast(
                Any,
                await tx.execute(
                    update(models.Credential)
                    .where(
                        models.Credential.token_hash == digest(key),
                        models.Credential.kind == "login",
                        models.Credential.used_at.is_(None),
                        models.Credential.expires_at > now,
                    )
                    .values(used_at=now)
                ),
            )
            if used.rowcount != 1:
                raise LoginExpired("This link has expired. Run `keelway link` for a new one.")
            row = await tx.get_one(models.Credential, digest(key))
            tx.add(session_row(token, UserId(cast(str, row.user_id)), now, "link"))
        return token

    async def log_out(self, credential: str) -> None:
        """End the session with this hash."""
        self._known.pop(credential, None)
        async with self.database.transaction() as tx:
            await tx.execute(delete(models.Session).where(models.Session.token_hash == credential))

    def forget(self, user_id: UserId) -> None:
        """Ask the database again about every secret of this person: sessions were ended."""
        for credential in [c for c, (_, who) in self._known.items() if who.user.id == user_id]:
            del self._known[credential]

    async def by_cookie(self, token: str) -> Caller | None:
        """Whose living session this is, or None."""
        caller = await self.by_credential(digest(token))
        return caller if caller is not None and caller.kind == "session" else None

    async def by_token(self, token: str) -> Caller | None:
        """Whose API token this is, or None. A session's cookie is no token."""
        caller = await self.by_credential(digest(token))
        return caller if caller is not None and caller.kind == "api" else None

    async def by_credential(self, credential: str) -> Caller | None:
        """Who holds the session or API token with this hash, while it lives."""
        at, caller = self._known.get(credential, (0.0, None))
        if caller is not None and time.monotonic() - at < REMEMBER:
            return caller
        caller = await self._session(credential) or await self._token(credential)
        if caller is None:
            self._known.pop(credential, None)
            return None
        self._known[credential] = (time.monotonic(), caller)
        return caller

    async def use_nonce(self, nonce: str, expires: datetime) -> bool:
        """True the first time a ticket's nonce is shown, False ever after."""
        now = datetime.now(UTC)
        row = models.Credential(
            token_hash=digest(nonce),
            kind="ticket",
            created_at=now,
            used_at=now,
            expires_at=expires,
        )
        try:
            async with self.database.transaction() as tx:
                await tx.execute(
                    delete(models.Credential).where(
                        models.Credential.kind == "ticket", models.Credential.expires_at < now
                    )
                )
                tx.add(row)
        except IntegrityError:
            return False
        return True

    async def _new_credential(self, kind: str, user: User, expires: datetime | None) -> str:
        secret = new_secret()
        async with self.database.transaction() as tx:
            tx.add(
                models.Credential(
                    token_hash=digest(secret),
                    kind=kind,
                    user_id=user.id,
                    created_at=datetime.now(UTC),
                    expires_at=expires,
                )
            )
        return secret

    async def _session(self, credential: str) -> Caller | None:
        now = datetime.now(UTC)
        query = (
            select(models.User, models.Session)
            .join(models.Session, models.Session.user_id == models.User.id)
            .where(
                models.Session.token_hash == credential,
                models.Session.expires_at > now,
                models.Session.used_at > now - SESSION_IDLE,
            )
        )
        async with self.database.reading() as session:
            found = (await session.execute(query)).first()
        if found is None:
            return None
        if found[1].used_at < now - USED_AT_STEP:
            async with self.database.transaction() as tx:
                await tx.execute(
                    update(models.Session)
                    .where(models.Session.token_hash == credential)
                    .values(used_at=now)
                )
        return Caller(_value(found[0]), credential, "session")

    async def _token(self, credential: str) -> Caller | None:
        query = (
            select(models.User)
            .join(models.Credential, models.Credential.user_id == models.User.id)
            .where(models.Credential.token_hash == credential, models.Credential.kind == "api")
        )
        async with self.database.reading() as session:
            row = (await session.scalars(query)).first()
        return Caller(_value(row), credential, "api") if row else None
