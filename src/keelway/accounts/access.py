"""Who may do what. Nothing else decides.

The gate found out who is asking and left a `Caller` in the ASGI scope; these dependencies turn it, and the
path's `{project_id}`, into values that a route may use. A project that is not theirs does not exist.
"""

from collections.abc import Mapping
from typing import Annotated, Literal, Protocol, cast

from fastapi import Depends
from fastapi.requests import HTTPConnection

from keelway.accounts.accounts import Accounts, Caller, Unauthenticated, User
from keelway.accounts.watch import Still
from keelway.errors import Forbidden
from keelway.ids import ProjectId
from keelway.projects.projects import Project, ProjectNotFound, Projects, Standing

CALLER = "keelway.caller"
"""Key of the ASGI scope under which the gate leaves the `Caller`, or None."""


Right = Literal["view", "edit", "delete"]
Rights = frozenset[Right]

NONE: Rights = frozenset()
LOOK: Rights = frozenset({"view"})
WORK: Rights = frozenset({"view", "edit"})
ALL: Rights = frozenset({"view", "edit", "delete"})

OWN = ALL
"""What somebody may do to the project that they made."""
BY_TEAM_ROLE: Mapping[str, Rights] = {"owner": ALL, "admin": ALL, "member": WORK, "viewer": LOOK}
"""What somebody may do to a project of a team that they are in, personal teams like all others.

Everything a member does can be taken back by restoring a version; deleting cannot, so it is left to those
who answer for the project.
"""
BY_SERVER_ROLE: Mapping[str, Rights] = {"owner": ALL, "admin": ALL}
"""What somebody may do to anybody's project."""
AT_MOST: Mapping[str, Rights] = {"viewer": LOOK}
"""What a server role leaves of all the above."""


class NotAllowed(Forbidden):
    """They may look, not change."""


class _Services(Protocol):
    @property
    def accounts(self) -> Accounts: ...
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


def rights(user: User, standing: Standing) -> Rights:
    """What the person may do to the project: all that any of the four tables gives them."""
    given = BY_SERVER_ROLE.get(user.role, NONE)
    if standing.project.user_id == user.id:
        given |= OWN
    if standing.team_role is not None:
        given |= BY_TEAM_ROLE.get(standing.team_role, NONE)
    return given & AT_MOST.get(user.role, ALL)


def may_view(user: User, standing: Standing) -> bool:
    return "view" in rights(user, standing)


def may_edit(user: User, standing: Standing) -> bool:
    return "edit" in rights(user, standing)


def may_delete(user: User, standing: Standing) -> bool:
    return "delete" in rights(user, standing)


def may_view_all(user: User) -> bool:
    """Whether they see every project there is."""
    return "view" in BY_SERVER_ROLE.get(user.role, NONE)


def may_create(user: User) -> bool:
    return user.role != "viewer"


async def their_standing(
    project_id: str, user: CurrentUser, connection: HTTPConnection
) -> Standing:
    """The path's project and how they stand to it. Raises ProjectNotFound, as for a foreign one."""
    services = cast(_Services, connection.app.state.services)
    standing = await services.projects.standing(user.id, ProjectId(project_id))
    if not may_view(user, standing):
        raise ProjectNotFound("There is no such project.", project=project_id)
    return standing


TheirStanding = Annotated[Standing, Depends(their_standing)]


async def can_view(standing: TheirStanding) -> Project:
    """The path's project. Raises ProjectNotFound, also where it is somebody else's."""
    return standing.project


CanView = Annotated[Project, Depends(can_view)]


async def still_viewing(
    project: CanView, caller: CurrentCaller, connection: HTTPConnection
) -> Still:
    """Whether, from now on, their session lives and they may still view the path's project."""
    services = cast(_Services, connection.app.state.services)

    async def still() -> bool:
        now = await services.accounts.by_credential(caller.credential)
        if now is None:
            return False
        try:
            return may_view(now.user, await services.projects.standing(now.user.id, project.id))
        except ProjectNotFound:
            return False

    return still


WhileViewing = Annotated[Still, Depends(still_viewing)]


async def can_edit(user: CurrentUser, standing: TheirStanding) -> Project:
    """The path's project, to be changed. Raises ProjectNotFound, NotAllowed."""
    if not may_edit(user, standing):
        raise NotAllowed("You can look, compare and copy, not change.")
    return standing.project


CanEdit = Annotated[Project, Depends(can_edit)]


async def can_delete(standing: TheirStanding, user: CurrentUser) -> Project:
    """The path's project, to be deleted. Raises ProjectNotFound, NotAllowed."""
    if not may_delete(user, standing):
        raise NotAllowed("Its owner, an admin of its team or of this server can delete it.")
    return standing.project


CanDelete = Annotated[Project, Depends(can_delete)]


async def can_create(user: CurrentUser) -> User:
    """Somebody who may make projects. Raises NotAllowed."""
    if not may_create(user):
        raise NotAllowed("You can look, compare and copy, not change.")
    return user


CanCreate = Annotated[User, Depends(can_create)]
