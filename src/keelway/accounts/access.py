"""Who may do what. Nothing else decides.

The gate found out who is asking and left a `Caller` in the ASGI scope; these dependencies turn it, and the
path's `{project_id}`, into values that a route may use. A project that is not theirs does not exist.
"""

from typing import Annotated, Protocol, cast

from fastapi import Depends
from fastapi.requests import HTTPConnection

from keelway.accounts.accounts import Caller, Unauthenticated, User
from keelway.errors import Forbidden
from keelway.ids import ProjectId
from keelway.projects.projects import Project, ProjectNotFound, Projects

CALLER = "keelway.caller"
"""Key of the ASGI scope under which the gate leaves the `Caller`, or None."""


class NotAllowed(Forbidden):
    """They may look, not change."""


class _Services(Protocol):
    @property
    def projects(self) -> Projects: ...


async def current_caller(connection: HTTPConnection) -> Caller:
    """Who is asking. Raises Unauthenticated."""
    caller = connection.scope.get(CALLER)
    if caller is None:
        raise Unauthenticated("Log in first. Run `keelway link` for a login address.")
    return cast(Caller, caller)


CurrentCaller = Annotated[Caller, Depends(current_caller)]


async def current_user(caller: CurrentCaller) -> User:
    """The person behind the request. Raises Unauthenticated."""
    return caller.user


CurrentUser = Annotated[User, Depends(current_user)]


def may_view(user: User, project: Project) -> bool:
    return project.user_id == user.id or user.role in ("owner", "admin")


def may_edit(user: User, project: Project) -> bool:
    return may_view(user, project) and user.role != "viewer"


def may_create(user: User) -> bool:
    return user.role != "viewer"


async def can_view(project_id: str, user: CurrentUser, connection: HTTPConnection) -> Project:
    """The path's project. Raises ProjectNotFound, also where it is somebody else's."""
    services = cast(_Services, connection.app.state.services)
    project = await services.projects.get(ProjectId(project_id))
    if not may_view(user, project):
        raise ProjectNotFound("There is no such project.", project=project_id)
    return project


CanView = Annotated[Project, Depends(can_view)]


async def can_edit(user: CurrentUser, project: CanView) -> Project:
    """The path's project, to be changed. Raises ProjectNotFound, NotAllowed."""
    if not may_edit(user, project):
        raise NotAllowed("You can look, compare and copy, not change.")
    return project


CanEdit = Annotated[Project, Depends(can_edit)]


async def can_create(user: CurrentUser) -> User:
    """Somebody who may make projects. Raises NotAllowed."""
    if not may_create(user):
        raise NotAllowed("You can look, compare and copy, not change.")
    return user


CanCreate = Annotated[User, Depends(can_create)]
