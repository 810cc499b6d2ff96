"""HTTP: going back to a version, health, waking up, and where the preview is."""

from typing import Annotated, Protocol, cast

from fastapi import APIRouter, Depends, Response
from fastapi.requests import HTTPConnection

from keelway.accounts.access import CanEdit, CanView, CurrentCaller, CurrentUser
from keelway.accounts.accounts import Caller, User
from keelway.fragments.store import FragmentStore
from keelway.fragments.wire import FragmentOut, Wire, one
from keelway.git.objects import Signature
from keelway.ids import SandboxId
from keelway.projects.projects import Projects
from keelway.workspaces.health import Condition, Part
from keelway.workspaces.preview import SHOWABLE, PreviewState, PreviewStatus
from keelway.workspaces.recovery import RecoveryMode
from keelway.workspaces.workspaces import Workspaces

router = APIRouter(tags=["workspaces"])


class PartOut(Wire):
    state: Condition
    message: str


class WorkspaceHealthOut(Wire):
    machine: PartOut
    files: PartOut
    dev_server: PartOut
    page: PartOut


class StateOut(Wire):
    state: PreviewState
    message: str


class PreviewOut(Wire):
    url: str | None
    port: int
    state: PreviewState
    message: str
    log: str | None


class RestoredOut(Wire):
    fragment: FragmentOut
    saved: FragmentOut | None
    installed: bool
    preview: StateOut


class RecoveredOut(Wire):
    mode: RecoveryMode
    missed: list[str]
    preview: StateOut


class PreviewUrls(Protocol):
    """Makes the address under which a browser may open a preview."""

    def url(self, caller: Caller, sandbox: SandboxId, port: int) -> str: ...


class _Services(Protocol):
    @property
    def projects(self) -> Projects: ...
    @property
    def store(self) -> FragmentStore: ...
    @property
    def workspaces(self) -> Workspaces: ...
    @property
    def tickets(self) -> PreviewUrls: ...


async def _services(connection: HTTPConnection) -> _Services:
    return cast(_Services, connection.app.state.services)


Wanted = Annotated[_Services, Depends(_services)]


@router.post("/api/projects/{project_id}/fragments/{fid}/restore")
async def restore(fid: str, project: CanEdit, user: CurrentUser, services: Wanted) -> RestoredOut:
    """Make a version the newest one again, in the history and in the sandbox. Nothing is lost."""
    wanted = await services.store.get(project.key, fid)
    done = await services.workspaces.restore(project, wanted, author_of(user))
    return RestoredOut(
        fragment=await one(services.store, done.fragment),
        saved=await one(services.store, done.saved) if done.saved else None,
        installed=done.installed,
        preview=_state(done.preview),
    )


@router.get("/api/projects/{project_id}/health")
async def get_workspace_health(project: CanView, services: Wanted) -> WorkspaceHealthOut:
    """Machine, files, dev server, page. Asking changes nothing and keeps nothing awake."""
    health = await services.workspaces.health(project)
    return WorkspaceHealthOut(
        machine=_part(health.machine),
        files=_part(health.files),
        dev_server=_part(health.dev_server),
        page=_part(health.page),
    )


@router.post("/api/projects/{project_id}/recover")
async def recover(project: CanEdit, services: Wanted) -> RecoveredOut:
    """Wake the sandbox, or make a new one; restart what does not run. Answers when it is done."""
    recovered = await services.workspaces.recover(project)
    project = await services.projects.get(project.id)
    status = await services.workspaces.preview_state(project)
    return RecoveredOut(mode=recovered.mode, missed=list(recovered.missed), preview=_state(status))


@router.get("/api/projects/{project_id}/preview")
async def get_preview(project: CanView, caller: CurrentCaller, services: Wanted) -> PreviewOut:
    """Where the running app is, for this browser and the next minute; and what the pane shows."""
    status = await services.workspaces.preview_state(project)
    sandbox = project.daytona_sandbox_id
    url = (
        services.tickets.url(caller, sandbox, status.port)
        if sandbox is not None and status.state in SHOWABLE
        else None
    )
    return PreviewOut(
        url=url, port=status.port, state=status.state, message=status.message, log=status.log
    )


@router.post("/api/projects/{project_id}/preview/touch", status_code=204, response_class=Response)
async def touch_preview(project: CanView, services: Wanted) -> None:
    """Somebody looks at the preview: its sandbox stays awake."""
    await services.workspaces.touch(project)


def author_of(user: User) -> Signature:
    """Whoever asks, not the project's own user: somebody of a team may do it."""
    email = user.email or f"{user.id}@keelway.localhost"
    return Signature(user.name or email, email)


def _part(part: Part) -> PartOut:
    return PartOut(state=part.state, message=part.message)


def _state(status: PreviewStatus) -> StateOut:
    return StateOut(state=status.state, message=status.message)
