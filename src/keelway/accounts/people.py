"""Who is on this server, for the one who runs it."""

from dataclasses import dataclass
from typing import Literal, cast

from sqlalchemy import func, or_, select

from keelway.accounts.accounts import Role, User
from keelway.accounts.passwords import kind_of
from keelway.db import models
from keelway.db.session import Database
from keelway.errors import NotFound
from keelway.ids import UserId

Password = Literal["yes", "old", "no"]
"""old: brought over, and not used here yet. no: none, or one that is not run; they need a login address."""


class PersonNotFound(NotFound):
    """Nobody here has that id or e-mail address."""


@dataclass(frozen=True, slots=True)
class Known:
    """A person and what an operator asks about them."""

    user: User
    password: Password
    teams: tuple[str, ...]


async def find(database: Database, who: str) -> User:
    """By id or e-mail address, whatever its case. Raises PersonNotFound."""
    user = models.User
    query = select(user).where(or_(user.id == who, user.email == who.strip().lower()))
    async with database.reading() as session:
        found = (await session.scalars(query)).all()
    if not found:
        raise PersonNotFound(f"There is nobody called {who} here. See `keelway people`.")
    return _value(next((one for one in found if one.id == who), found[0]))


async def everybody(database: Database) -> list[Known]:
    """All of them, the longest known first."""
    user, member, team = models.User, models.TeamMember, models.Team
    async with database.reading() as session:
        rows = (await session.scalars(select(user).order_by(user.created_at, user.id))).all()
        joined = await session.execute(
            select(member.user_id, team.name)
            .join(team, team.id == member.team_id)
            .where(team.personal.is_(False))
            .order_by(func.lower(team.name))
        )
        teams: dict[str, list[str]] = {}
        for user_id, name in joined:
            teams.setdefault(user_id, []).append(name)
    return [
        Known(_value(row), _password(row.password_hash), tuple(teams.get(row.id, ())))
        for row in rows
    ]


def _password(stored: str | None) -> Password:
    match kind_of(stored):
        case "ours":
            return "yes"
        case None:
            return "no"
        case _:
            return "old"


def _value(row: models.User) -> User:
    return User(UserId(row.id), row.name, row.email, cast(Role, row.role))
