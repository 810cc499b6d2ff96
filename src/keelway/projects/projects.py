"""Projects as values, and the verbs on them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import delete, select, tuple_, update
from sqlalchemy.orm import aliased

from keelway.db import models
from keelway.db.session import Database
from keelway.errors import NotFound
from keelway.ids import CommitSha, FragmentId, ProjectId, SandboxId, TurnId, UserId, new_id

STAGED = "import:"
"""How the id of a project begins while its history is still being written beside the real one."""


class ProjectNotFound(NotFound):
    """No such project, or not one of this person's."""


@dataclass(frozen=True, slots=True)
class Project:
    """A project row as a value; `key` is the internal number all other tables refer to."""

    key: int
    id: ProjectId
    name: str
    user_id: UserId
    template: str
    created_at: datetime
    updated_at: datetime
    daytona_sandbox_id: SandboxId | None
    git_repository_url: str | None
    current_branch: str
    active_fragment_id: FragmentId | None
    active_number: int | None
    git_commit_hash: CommitSha | None


@dataclass(frozen=True, slots=True)
class ActiveTurn:
    """The turn that works on a project right now."""

    id: TurnId
    status: str


def _value(row: models.Project, head: models.Fragment | None) -> Project:
    return Project(
        key=row.key,
        id=ProjectId(row.id),
        name=row.name,
        user_id=UserId(row.user_id),
        template=row.template,
        created_at=row.created_at,
        updated_at=row.updated_at,
        daytona_sandbox_id=SandboxId(row.daytona_sandbox_id) if row.daytona_sandbox_id else None,
        git_repository_url=row.git_repository_url,
        current_branch=row.current_branch,
        active_fragment_id=FragmentId(head.id) if head else None,
        active_number=head.number if head else None,
        git_commit_hash=CommitSha(head.sha) if head else None,
    )


def _query():
    return (
        select(models.Project, models.Fragment)
        .outerjoin(
            models.Branch,
            (models.Branch.project == models.Project.key)
            & (models.Branch.name == models.Project.current_branch),
        )
        .outerjoin(
            models.Fragment,
            (models.Fragment.project == models.Project.key)
            & (models.Fragment.sha == models.Branch.head),
        )
    )


class Projects:
    """Create, list, find, rename and delete; who may do so is `accounts.access`'s business."""

    def __init__(self, database: Database) -> None:
        self.database = database

    async def create(self, user: UserId, name: str, template: str) -> Project:
        now = datetime.now(UTC)
        row = models.Project(
            id=new_id(),
            name=name,
            user_id=user,
            template=template,
            created_at=now,
            updated_at=now,
            current_branch="main",
        )
        async with self.database.transaction() as tx:
            tx.add(row)
            await tx.flush()
            project_id = ProjectId(row.id)
        return await self.get(project_id)

    async def get(self, project_id: ProjectId) -> Project:
        """Raises ProjectNotFound."""
        async with self.database.reading() as session:
            found = (await session.execute(_query().where(models.Project.id == project_id))).first()
        if found is None:
            raise ProjectNotFound("There is no such project.", project=project_id)
        return _value(found[0], found[1])

    async def find_by_sandbox(self, sandbox: SandboxId) -> Project | None:
        """Whose sandbox this is, or None."""
        query = _query().where(models.Project.daytona_sandbox_id == sandbox)
        async with self.database.reading() as session:
            found = (await session.execute(query)).first()
        return _value(found[0], found[1]) if found else None

    async def list(self, user: UserId | None = None, *, limit: int = 200) -> Sequence[Project]:
        """Newest work first; of one user, or of all."""
        return await self.page(user, before=None, limit=limit)

    async def page(
        self, user: UserId | None, *, before: str | None, limit: int
    ) -> Sequence[Project]:
        """Newest work first, from behind the project with the id `before`."""
        query = (
            _query()
            .where(models.Project.id.not_like(f"{STAGED}%"))
            .order_by(models.Project.updated_at.desc(), models.Project.key.desc())
        )
        if user is not None:
            query = query.where(models.Project.user_id == user)
        if before is not None:
            last = aliased(models.Project)
            query = query.join(last, last.id == before).where(
                tuple_(models.Project.updated_at, models.Project.key)
                < tuple_(last.updated_at, last.key)
            )
        async with self.database.reading() as session:
            rows = (await session.execute(query.limit(limit))).all()
        return [_value(row, head) for row, head in rows]

    async def active_turns(self, projects: Sequence[Project]) -> dict[int, ActiveTurn]:
        """What runs, by project key."""
        query = select(models.Turn.project, models.Turn.id, models.Turn.status).where(
            models.Turn.project.in_([project.key for project in projects]),
            models.Turn.status.in_(("working", "stopping")),
        )
        async with self.database.reading() as session:
            rows = (await session.execute(query)).all()
        return {key: ActiveTurn(TurnId(turn), status) for key, turn, status in rows}

    async def rename(self, project: Project, name: str) -> Project:
        async with self.database.transaction() as tx:
            await tx.execute(
                update(models.Project)
                .where(models.Project.key == project.key)
                .values(name=name, updated_at=datetime.now(UTC))
            )
        return await self.get(project.id)

    async def set_sandbox(
        self, project: Project, sandbox: SandboxId | None, *, instead_of: SandboxId | None
    ) -> bool:
        """Point the project at a sandbox by compare-and-swap; False when somebody was first."""
        async with self.database.transaction() as tx:
            result = await tx.execute(
                update(models.Project)
                .where(
                    models.Project.key == project.key,
                    models.Project.daytona_sandbox_id.is_not_distinct_from(instead_of),
                )
                .values(daytona_sandbox_id=sandbox)
            )
            return result.rowcount == 1  # pyright: ignore[reportAttributeAccessIssue, reportUnknownVariableType]

    async def delete(self, project: Project) -> None:
        """The row and, by cascade, everything that belongs to it."""
        async with self.database.transaction() as tx:
            await tx.execute(delete(models.Project).where(models.Project.key == project.key))
