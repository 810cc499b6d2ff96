"""Projects as values, and the verbs on them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Select, delete, literal, select, tuple_, union, update
from sqlalchemy.orm import aliased

from keelway.db import models
from keelway.db.session import Database
from keelway.errors import Invalid, NotFound
from keelway.ids import CommitSha, FragmentId, ProjectId, SandboxId, TurnId, UserId, new_id

STAGED = "import:"
"""How the id of a project begins while its history is still being written beside the real one."""
WHOLE = models.Project.id.not_like(f"{STAGED}%")
NEWEST = (models.Project.updated_at.desc(), models.Project.key.desc())
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


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
class Standing:
    """How a person stands to a project; what follows from it is `accounts.access`'s business.

    `team_role` is their role in the project's team, None where it has none or they are not in it.
    """

    project: Project
    team_role: str | None


@dataclass(frozen=True, slots=True)
class Position:
    """A place in the list: behind the project that had this id and was last worked on then."""

    at: datetime
    id: ProjectId

    def __str__(self) -> str:
        """As a cursor: microseconds since 1970, a dot, the id."""
        return f"{(self.at - EPOCH) // timedelta(microseconds=1)}.{self.id}"

    @classmethod
    def read(cls, cursor: str) -> "Position":
        """Raises Invalid."""
        found = re.fullmatch(r"(-?[0-9]{1,17})\.([!-~]{1,64})", cursor, re.ASCII)
        try:
            if found is not None:
                at = EPOCH + timedelta(microseconds=int(found[1]))
                return cls(at, ProjectId(found[2]))
        except OverflowError:
            pass  # before the year 1
        said = "Use the `nextCursor` of an earlier answer as `cursor`."
        raise Invalid(said, code="BadCursor")


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


def _standings(user: UserId) -> Select[models.Project, models.Fragment, str]:
    """`_query` and, of each project, the person's role in its team."""
    return (
        _query()
        .outerjoin(models.TeamProject, models.TeamProject.project == models.Project.key)
        .outerjoin(
            models.TeamMember,
            (models.TeamMember.team_id == models.TeamProject.team_id)
            & (models.TeamMember.user_id == user),
        )
        .add_columns(models.TeamMember.role)
    )


def _keys(user: UserId):
    """What a person's list may hold: their own projects and their teams', each once."""
    own = select(models.Project.key).where(models.Project.user_id == user)
    shared = (
        select(models.TeamProject.project)
        .join(models.TeamMember, models.TeamMember.team_id == models.TeamProject.team_id)
        .where(models.TeamMember.user_id == user)
    )
    return union(own, shared).subquery()


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

    async def standing(self, user: UserId, project_id: ProjectId) -> Standing:
        """The project and how the person stands to it, in one query. Raises ProjectNotFound."""
        query = _standings(user).where(models.Project.id == project_id)
        found = None
        if project_id.isprintable():  # PostgreSQL takes no NUL even in a question
            async with self.database.reading() as session:
                found = (await session.execute(query)).first()
        if found is None:
            raise ProjectNotFound("There is no such project.", project=project_id)
        return Standing(_value(found[0], found[1]), found[2])

    async def find_by_sandbox(self, user: UserId, sandbox: SandboxId) -> Standing | None:
        """Whose sandbox this is, and how the person stands to that project; or None."""
        query = _standings(user).where(models.Project.daytona_sandbox_id == sandbox)
        async with self.database.reading() as session:
            found = (await session.execute(query)).first()
        return Standing(_value(found[0], found[1]), found[2]) if found else None

    async def list(self, *, limit: int = 200) -> Sequence[Project]:
        """Newest work first, of everybody."""
        query = _query().where(WHOLE).order_by(*NEWEST).limit(limit)
        async with self.database.reading() as session:
            rows = (await session.execute(query)).all()
        return [_value(row, head) for row, head in rows]

    async def page(
        self, user: UserId, *, everybodys: bool, behind: Position | None, limit: int
    ) -> Sequence[Standing]:
        """Newest work first: the person's own and their teams' projects, or `everybodys`."""
        chosen = select(models.Project.key).where(WHOLE).order_by(*NEWEST).limit(limit)
        if not everybodys:
            keys = _keys(user)
            chosen = chosen.join(keys, keys.c.key == models.Project.key)
        if behind is not None:
            # NULL where that project is gone: then only what is older by time is behind it.
            last = aliased(models.Project)
            key = select(last.key).where(last.id == behind.id)
            chosen = chosen.where(
                tuple_(models.Project.updated_at, models.Project.key)
                < tuple_(literal(behind.at, models.Utc), key.scalar_subquery())
            )
        page = chosen.subquery()  # all else is looked up for these only
        query = _standings(user).join(page, page.c.key == models.Project.key).order_by(*NEWEST)
        async with self.database.reading() as session:
            rows = (await session.execute(query)).all()
        return [Standing(_value(row, head), role) for row, head, role in rows]

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
