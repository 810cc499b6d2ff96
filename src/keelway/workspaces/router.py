"""HTTP: restore a version, bring a workspace back, ask how it is, and where its preview is."""

from typing import Annotated, Protocol, cast

from fastapi import APIRouter, Depends, Response
from fastapi.requests import HTTPConnection

from keelway.accounts.access import CanEdit, CanView, CurrentCaller, CurrentUser
from keelway.accounts.accounts import Caller, User
from keelway.fragments.store import FragmentStore
from keelway.fragments.wire import FragmentOut, Wire, one
from keelway.git.objects import Signature
from keelway.ids import SandboxId
from keelway.projects.projects import Project, Projects
from keelway.workspaces.health import Part
from keelway.workspaces.preview import PreviewStatus
from keelway.workspaces.workspaces import Workspaces

router = APIRouter(tags=["workspaces"])


class PartOut(Wire):
    state: str
    message: str


class HealthOut(Wire):
    machine: PartOut
    files: PartOut
    dev_server: PartOut
    page: PartOut


class PreviewBrief(Wire):
    state: str
    message: str


class RestoredOut(Wire):
    fragment: FragmentOut
    saved: FragmentOut | None
    installed: bool
    preview: PreviewBrief


class RecoveredOut(Wire):
    mode: str
    missed: list[str]
    preview: PreviewBrief


class PreviewOut(Wire):
    url: str | None
    port: int
    state: str
    message: str
    log: str | None


class _Tickets(Protocol):
    def url(self, caller: Caller, sandbox: SandboxId, port: int) -> str: ...


class _Services(Protocol):
    @property
    def projects(self) -> Projects: ...
    @property
    def store(self) -> FragmentStore: ...
    @property
    def workspaces(self) -> Workspaces: ...
    @property
    def tickets(self) -> _Tickets: ...


async def _services(connection: HTTPConnection) -> _Services:
    return cast(_Services, connection.app.state.services)


Wanted = Annotated[_Services, Depends(_services)]


@router.post("/api/projects/{project_id}/fragments/{fid}/restore")
async def restore(fid: str, project: CanEdit, user: CurrentUser, services: Wanted) -> RestoredOut:
    """Make the project equal to that version, as a new version. Nothing in the history goes away."""
    store = services.store
    fragment = await store.get(project.key, fid)
    done = await services.workspaces.restore(project, fragment, author_of(user))
    return RestoredOut(
        fragment=await one(store, done.fragment),
        saved=await one(store, done.saved) if done.saved else None,
        installed=done.installed,
        preview=_brief(done.preview),
    )


@router.get("/api/projects/{project_id}/health")
async def get_health(project: CanView, services: Wanted) -> HealthOut:
    """Machine, files, dev server and page, each answered by itself. Asking changes nothing."""
    health = await services.workspaces.health(project)
    return HealthOut(
        machine=_part(health.machine),
        files=_part(health.files),
        dev_server=_part(health.dev_server),
        page=_part(health.page),
    )


@router.post("/api/projects/{project_id}/recover")
async def recover(project: CanEdit, services: Wanted) -> RecoveredOut:
    """Wake a sandbox that sleeps, bring back one that is gone, restart a dead dev server."""
    done = await services.workspaces.recover(project)
    preview = await _state(services, project)
    return RecoveredOut(mode=done.mode, missed=list(done.missed), preview=_brief(preview))


@router.get("/api/projects/{project_id}/preview")
async def get_preview(project: CanView, caller: CurrentCaller, services: Wanted) -> PreviewOut:
    """What the preview shows; its address, good for one minute and one use, when there is one."""
    status = await services.workspaces.preview_state(project)
    sandbox = project.daytona_sandbox_id
    url = services.tickets.url(caller, sandbox, status.port) if sandbox is not None else None
    return PreviewOut(
        url=url, port=status.port, state=status.state, message=status.message, log=status.log
    )


@router.post("/api/projects/{project_id}/preview/touch", status_code=204)
async def touch_preview(project: CanView, services: Wanted) -> Response:
    """An open page says once a minute that somebody looks, so that the sandbox stays awake."""
    await services.workspaces.touch(project)
    return Response(status_code=204)


async def _state(services: _Services, project: Project) -> PreviewStatus:
    return await services.workspaces.preview_state(await services.projects.get(project.id))


def author_of(user: User) -> Signature:
    """Who a version names as its author."""
    return Signature(user.name or "Somebody", user.email or f"{user.id}@users.keelway.localhost")


def _part(part: Part) -> PartOut:
    return PartOut(state=part.state, message=part.message)


def _brief(status: PreviewStatus) -> PreviewBrief:
    return PreviewBrief(state=status.state, message=status.message)
