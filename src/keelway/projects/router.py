"""HTTP: the projects of a person. Making one may start its first turn at once."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Protocol, cast
from unicodedata import category

from fastapi import APIRouter, Depends, Response
from fastapi.requests import HTTPConnection
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel

from keelway.accounts.access import (
    CanCreate,
    CanDelete,
    CanEdit,
    CurrentUser,
    TheirStanding,
    may_delete,
    may_edit,
    may_view,
    may_view_all,
)
from keelway.accounts.accounts import User
from keelway.errors import Invalid
from keelway.ids import ProjectId
from keelway.projects.projects import ActiveTurn, Position, Project, Projects, Standing

router = APIRouter(tags=["projects"])

NAME_WORDS = 6
"""A project made from a prompt is named by its first words until the agent finds a better name."""
PAGE = 50


def _one_line(text: str) -> str:
    if any(category(char) == "Cc" for char in text):
        raise ValueError("A name is one line, without control characters.")
    return text


def _storable(text: str) -> str:
    if "\0" in text:
        raise ValueError("A NUL cannot be stored.")  # PostgreSQL
    return text


Name = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=80),
    AfterValidator(_one_line),
]
Prompt = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=100_000),
    AfterValidator(_storable),
]


class UnknownTemplate(Invalid):
    """There is no starter app of that name."""


class _Turns(Protocol):
    async def start(
        self, project: Project, user: User, text: str, *, model: str | None = None
    ) -> object: ...


class _Services(Protocol):
    @property
    def projects(self) -> Projects: ...
    @property
    def turns(self) -> _Turns: ...
    @property
    def templates(self) -> Sequence[str]: ...
    async def new_project(self, user: User, name: str, template: str) -> Project:
        """A project whose version 1 is the template."""
        ...

    async def delete_project(self, project: Project) -> None:
        """Its sandbox, its cache, its rows."""
        ...


async def _services(connection: HTTPConnection) -> _Services:
    return cast(_Services, connection.app.state.services)


Wanted = Annotated[_Services, Depends(_services)]


class Wire(BaseModel):
    """camelCase outside, snake_case inside."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)


class TurnOut(Wire):
    id: str
    status: str


class ProjectOut(Wire):
    id: str
    name: str
    created_at: datetime
    updated_at: datetime
    daytona_sandbox_id: str | None
    git_repository_url: str | None
    current_branch: str
    git_commit_hash: str | None
    active_fragment_id: str | None
    active_version: int | None
    template: str
    turn: TurnOut | None
    can_edit: bool
    """Whether the one who asks may change it."""
    can_delete: bool
    """Whether they may delete it."""


class ProjectList(Wire):
    items: list[ProjectOut]
    next_cursor: str | None


class NewProject(Wire):
    prompt: Prompt | None = None
    name: Name | None = None
    template: str | None = None
    model: Annotated[str, Field(max_length=200)] | None = None


class Renaming(Wire):
    name: Name


@router.get("/api/projects")
async def list_projects(
    user: CurrentUser, services: Wanted, cursor: str | None = None, limit: int = PAGE
) -> ProjectList:
    """Their own projects and those of their teams, newest work first."""
    limit = min(max(limit, 1), 200)
    behind = Position.read(cursor) if cursor is not None else None
    found = await services.projects.page(
        user.id, everybodys=may_view_all(user), behind=behind, limit=limit + 1
    )
    shown = found[:limit]
    turns = await services.projects.active_turns([each.project for each in shown])
    last = shown[-1].project if len(found) > limit else None
    return ProjectList(
        items=[
            wire(user, each, turns.get(each.project.key)) for each in shown if may_view(user, each)
        ],
        next_cursor=str(Position(last.updated_at, last.id)) if last else None,
    )


@router.post("/api/projects", status_code=201)
async def create_project(new: NewProject, user: CanCreate, services: Wanted) -> ProjectOut:
    """Make a project from a name, or from a prompt, which starts its first turn."""
    template = new.template or services.templates[0]
    if template not in services.templates:
        raise UnknownTemplate(f"There is no template {template!r}.")
    if new.name is None and new.prompt is None:
        raise Invalid("Say what to build, or give the project a name.", code="NothingToBuild")
    name = new.name or title_of(new.prompt or "")
    project = await services.new_project(user, name, template)
    if new.prompt is not None:
        await services.turns.start(project, user, new.prompt, model=new.model)
    return await _shown(services, user, project.id)


@router.get("/api/projects/{project_id}")
async def get_project(standing: TheirStanding, user: CurrentUser, services: Wanted) -> ProjectOut:
    project = standing.project
    turns = await services.projects.active_turns([project])
    return wire(user, standing, turns.get(project.key))


@router.patch("/api/projects/{project_id}")
async def rename_project(
    renaming: Renaming, project: CanEdit, user: CurrentUser, services: Wanted
) -> ProjectOut:
    await services.projects.rename(project, renaming.name)
    return await _shown(services, user, project.id)


@router.delete("/api/projects/{project_id}", status_code=204)
async def delete_project(project: CanDelete, services: Wanted) -> Response:
    """The project, its versions and its sandbox. This is the one thing that cannot be undone."""
    await services.delete_project(project)
    return Response(status_code=204)


async def _shown(services: _Services, user: User, project_id: ProjectId) -> ProjectOut:
    """To somebody who just changed it."""
    standing = await services.projects.standing(user.id, project_id)
    turns = await services.projects.active_turns([standing.project])
    return wire(user, standing, turns.get(standing.project.key))


def wire(user: User, standing: Standing, turn: ActiveTurn | None) -> ProjectOut:
    """The project as the user sees it."""
    project = standing.project
    return ProjectOut(
        id=project.id,
        name=project.name,
        created_at=project.created_at,
        updated_at=project.updated_at,
        daytona_sandbox_id=project.daytona_sandbox_id,
        git_repository_url=project.git_repository_url,
        current_branch=project.current_branch,
        git_commit_hash=project.git_commit_hash,
        active_fragment_id=project.active_fragment_id,
        active_version=project.active_number,
        template=project.template,
        turn=TurnOut(id=turn.id, status=turn.status) if turn else None,
        can_edit=may_edit(user, standing),
        can_delete=may_delete(user, standing),
    )


def title_of(prompt: str) -> str:
    """The first words of what was asked, as a name."""
    line = prompt.strip().splitlines()[0]
    words = line.split()
    name = " ".join(words[:NAME_WORDS])[:60].rstrip(" .,:;!?")
    name = "".join(char for char in name if category(char) != "Cc")
    return (name[:1].upper() + name[1:]) or "New project"
