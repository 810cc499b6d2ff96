"""Teams as an import leaves them: rows, which people then belong to and projects are shared with."""

from sqlalchemy import delete, insert

from keelway.accounts.accounts import User
from keelway.db import models
from keelway.db.session import Database
from keelway.ids import new_id
from keelway.projects.projects import Project


async def new_team(database: Database, *projects: Project, personal: bool = False) -> str:
    """A team that has these projects; its id."""
    team = new_id()
    async with database.transaction() as tx:
        tx.add(models.Team(id=team, name="Harbour", slug=None, personal=personal))
        await tx.flush()
        rows = [{"project": project.key, "team_id": team} for project in projects]
        if rows:
            await tx.execute(insert(models.TeamProject), rows)
    return team


async def join(database: Database, team: str, user: User, role: str) -> None:
    async with database.transaction() as tx:
        tx.add(models.TeamMember(team_id=team, user_id=user.id, role=role))


async def leave(database: Database, team: str, user: User) -> None:
    """Taken out, as an operator does it."""
    member = models.TeamMember
    query = delete(member).where(member.team_id == team, member.user_id == user.id)
    async with database.transaction() as tx:
        await tx.execute(query)
