"""Users and teams: brought over with their roles; hashes of passwords are kept and never shown."""

from datetime import UTC, datetime

from sqlalchemy import insert, or_, select, update

from keelway.db import models
from keelway.db.session import Database
from keelway.errors import Invalid
from keelway.fragments.build import plain
from keelway.legacy import values
from keelway.legacy.source import Problems, Row, Source


class OwnerUnknown(Invalid):
    """`--owner` names nobody here."""


class People:
    """Who is who: old user ids to ids here."""

    def __init__(self, database: Database, source: Source, owner: str | None) -> None:
        self.database = database
        self.source = source
        self.wanted = owner
        self.problems = Problems()
        self.missing = 0
        """People, teams and memberships that were looked for here and not found."""
        self._users: dict[str, str] = {}
        self._emails: dict[str, str] = {}
        """Old e-mail addresses to old ids; what `--owner` may name before anybody is here."""
        self._teams: set[str] = set()
        self._owner = ""

    async def bring(self, *, write: bool) -> None:
        """Read all of them; `write` False only looks. Raises OwnerUnknown."""
        for row in self.source.rows("users"):
            await self._user(row, write=write)
        await self._find_owner()
        for row in self.source.rows("teams"):
            await self._team(row, write=write)
        for row in self.source.rows("team_members"):
            await self._member(row, write=write)

    def owner_of(self, project: Row) -> str:
        """The project's own user or, where there is none, the one named by `--owner`."""
        return self._users.get(project.get("userId") or "", self._owner)

    def team_of(self, project: Row) -> str | None:
        team = project.get("teamId")
        return team if team in self._teams else None

    async def _user(self, row: Row, *, write: bool) -> None:
        old = row.get("id") or ""
        if not values.storable(old):
            self.problems.append("users: a row has no id that can be kept.")
            return
        user = models.User
        email = plain(row.get("email") or "").strip().lower() or None
        same = or_(user.id == old, user.email == email) if email else user.id == old
        async with self.database.reading() as session:
            found = (await session.scalars(select(user).where(same).limit(2))).all()
        self._emails.setdefault(email or "", old)
        if found:
            known = next((one for one in found if one.id == old), found[0])
            self._users[old] = known.id
            return
        self._users[old] = old
        self.missing += 1
        if row.get("password") and values.password_hash(row.get("password")) is None:
            self.problems.append(
                f"users: the password of {old} is no bcrypt or argon2 hash; dropped."
            )
        if write:
            async with self.database.transaction() as tx:
                await tx.execute(insert(user).values(**_user_values(old, email, row)))

    async def _find_owner(self) -> None:
        user = models.User
        async with self.database.reading() as session:
            if self.wanted is not None:
                wanted = self.wanted.strip()
                found = await session.scalar(
                    select(user.id).where(or_(user.id == wanted, user.email == wanted.lower()))
                )
                old = self._emails.get(wanted.lower(), wanted)
                self._owner = found or self._users.get(old, "")
                if not self._owner or not wanted:
                    raise OwnerUnknown(f"There is no user {wanted} here or in the old system.")
            else:
                self._owner = (
                    await session.scalar(select(user.id).where(user.role == "owner")) or ""
                )

    async def _team(self, row: Row, *, write: bool) -> None:
        old, team = row.get("id") or "", models.Team
        if not values.storable(old):
            self.problems.append("teams: a row has no id that can be kept.")
            return
        self._teams.add(old)
        given = {
            "name": plain(row.get("name") or "Team"),
            "slug": plain(row.get("slug") or "") or None,
            "personal": row.get("isPersonal") in ("t", "true"),
        }
        async with self.database.reading() as session:
            known = await session.get(team, old)
        self.missing += known is None
        if write and known is None:
            async with self.database.transaction() as tx:
                tx.add(team(id=old, **given))

    async def _member(self, row: Row, *, write: bool) -> None:
        user, team = self._users.get(row.get("userId") or ""), row.get("teamId") or ""
        if user is None or team not in self._teams:
            self.problems.append("team_members: a row names a user or a team that is not there.")
            return
        member = models.TeamMember
        role = values.team_role(row.get("role"))
        async with self.database.reading() as session:
            known = await session.get(member, (team, user))
        self.missing += known is None
        if not write or (known is not None and known.role == role):
            return
        async with self.database.transaction() as tx:
            if known is None:
                tx.add(member(team_id=team, user_id=user, role=role))
            else:
                await tx.execute(
                    update(member)
                    .where(member.team_id == team, member.user_id == user)
                    .values(role=role)
                )


def _user_values(old: str, email: str | None, row: Row) -> dict[str, object]:
    now = datetime.now(UTC)
    created = values.when(row.get("createdAt"))
    return {
        "id": old,
        "name": plain(row.get("name") or "") or None,
        "email": email,
        "role": values.role(row.get("role")),
        "password_hash": values.password_hash(row.get("password")),
        "daytona_active_sandbox_id": None,
        "created_at": created,
        "updated_at": max(created, min(now, values.when(row.get("updatedAt")))),
    }
