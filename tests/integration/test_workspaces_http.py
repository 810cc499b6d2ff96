"""Restore, health, recovery and preview as the page calls them."""

from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlsplit

import httpx
import pytest
from fastapi import FastAPI, Request
from fastapi.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send
from tests.support.engine import Engine
from tests.support.page import person
from tests.support.teams import join, new_team
from tests.support.workspaces import OWNER, Bench, bench, step

from keelway.accounts.access import CALLER
from keelway.accounts.accounts import Accounts, Caller, User
from keelway.accounts.problems import problem
from keelway.db.session import Database
from keelway.errors import KeelwayError
from keelway.fragments.build import Write
from keelway.fragments.fragment import Describe
from keelway.workspaces import router
from keelway.workspaces.tickets import Tickets

MAYA = User(OWNER, "Maya", "maya@example.org", "owner")


class As:
    """The gate's part: who is asking."""

    def __init__(self, app: ASGIApp, who: list[User]) -> None:
        self.app = app
        self.who = who

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        caller = Caller(self.who[-1], "credential", "session")
        await self.app({**scope, CALLER: caller}, receive, send)


@pytest.fixture
async def here(engine: Engine, database: Database, home: Path) -> AsyncIterator[Bench]:
    async with bench(engine, database, home) as made:
        yield made


@pytest.fixture
def who() -> list[User]:
    """The last of them asks."""
    return [MAYA]


@pytest.fixture
async def page(here: Bench, who: list[User]) -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI()
    app.include_router(router.router)
    app.state.services = SimpleNamespace(
        projects=here.projects,
        store=here.store,
        workspaces=here.workspaces,
        tickets=Tickets(b"key", Accounts(here.database), 8421),
    )

    @app.exception_handler(KeelwayError)
    async def render(_: Request, error: KeelwayError) -> Response:  # pyright: ignore[reportUnusedFunction]
        return problem(error.status, error.code, error.message)

    transport = httpx.ASGITransport(As(app, who))  # pyright: ignore[reportArgumentType]
    async with httpx.AsyncClient(transport=transport, base_url="http://keelway") as client:
        yield client


async def test_from_empty_to_awake_and_back_to_an_older_version(
    here: Bench, page: httpx.AsyncClient, who: list[User]
) -> None:
    project = await here.new_project()
    path = f"/api/projects/{project.id}"

    empty = (await page.get(f"{path}/preview")).json()
    assert (empty["state"], empty["url"], empty["port"], empty["log"]) == (
        "empty",
        None,
        5173,
        None,
    )
    health = (await page.get(f"{path}/health")).json()
    assert list(health) == ["machine", "files", "devServer", "page"]
    assert health["machine"] == {"state": "unknown", "message": "The project has no machine yet."}

    woken = await page.post(f"{path}/recover")
    assert woken.status_code == 200
    assert woken.json() == {
        "mode": "full_restore",
        "missed": [],
        "preview": {"state": "ready", "message": "Page 200"},
    }
    ready = (await page.get(f"{path}/preview")).json()
    site = urlsplit(str(ready["url"]))
    sandbox = (await here.again(project)).daytona_sandbox_id
    assert site.netloc == f"5173-{sandbox}.localhost:8421"
    assert (await page.post(f"{path}/preview/touch")).status_code == 204

    async with here.opened(project) as workspace:
        await workspace.apply([Write("src/App.tsx", b"export const App = () => 'x'\n")], step("c"))
        described = Describe("agent", "Second", version=True)
        fence = workspace.lease.fence
        tree = workspace.head.tree
        await here.store.append_tree(project.key, "main", tree, described, fence=fence)
        busy = await page.post(f"{path}/fragments/v1/restore")
        assert (busy.status_code, busy.json()["code"]) == (409, "TurnRunning")

    who.append(await person(here.database, "member", "Jonas"))
    team = await new_team(here.database, project)
    await join(here.database, team, who[-1], "member")
    answer = await page.post(f"{path}/fragments/v1/restore")
    assert answer.status_code == 200
    restored = answer.json()
    assert restored["fragment"]["number"] == 3
    assert restored["fragment"]["kind"] == "restore"
    assert restored["fragment"]["authorName"] == "Jonas"
    assert restored["fragment"]["restoredFrom"]["number"] == 1
    assert (restored["saved"], restored["installed"]) == (None, False)
    assert restored["preview"] == {"state": "ready", "message": "Page 200"}


async def test_what_is_not_there_is_404(here: Bench, page: httpx.AsyncClient) -> None:
    project = await here.new_project()
    answer = await page.post(f"/api/projects/{project.id}/fragments/v99/restore")
    assert (answer.status_code, answer.json()["code"]) == (404, "FragmentNotFound")
    assert (await page.get("/api/projects/nope/health")).status_code == 404
