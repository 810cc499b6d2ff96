"""An imported project over HTTP: list, history with dates and marks, old ids, diff, files, chat."""

from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest
from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send
from tests.support.legacy import SAMPLE, import_from

from keelway.accounts.access import CALLER
from keelway.accounts.accounts import Accounts, Caller
from keelway.db.session import Database, database_url
from keelway.fragments import router as fragments
from keelway.fragments.store import FragmentStore
from keelway.projects import router as projects
from keelway.projects.projects import Projects

AT = "/api/projects/5b0f2b6e-3c1d-4a77-9a0e-2f6d1f0c9a11"
SECOND = "0d3c1c52-7b1e-4f4e-8a51-6f1b1d0a0002"


class As:
    """The gate's part: who is asking."""

    def __init__(self, app: ASGIApp, caller: Caller) -> None:
        self.app = app
        self.caller = caller

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app({**scope, CALLER: self.caller}, receive, send)


@pytest.fixture
async def page(home: Path) -> AsyncIterator[httpx.AsyncClient]:
    await import_from(SAMPLE, home, base="react-vite")
    async with Database(database_url(home, None)) as database:
        store = FragmentStore(database, home / "repositories")
        app = FastAPI()
        app.include_router(fragments.router)
        app.include_router(projects.router)
        app.state.services = SimpleNamespace(projects=Projects(database), store=store)
        caller = Caller(await Accounts(database).owner(), "credential", "session")
        transport = httpx.ASGITransport(As(app, caller))
        async with httpx.AsyncClient(transport=transport, base_url="http://keelway") as client:
            yield client
        store.close()


async def test_an_imported_project_opens_with_its_old_versions_and_their_dates(
    page: httpx.AsyncClient,
) -> None:
    (project,) = (await page.get("/api/projects")).json()["items"]
    assert project["name"] == "habit-garden"
    assert project["activeVersion"] == 5
    assert project["createdAt"] == "2025-08-24T09:11:50Z"
    items = (await page.get(f"{AT}/fragments")).json()["items"]
    assert [item["createdAt"][:10] for item in items] == [
        "2025-09-13", "2025-09-12", "2025-09-12", "2025-08-24", "2025-08-24",
    ]  # fmt: skip
    assert [item["damagedFiles"] for item in items] == [2, 2, 2, 0, 0]


async def test_old_ids_lead_to_versions_that_compare_and_read(page: httpx.AsyncClient) -> None:
    for name in (SECOND, "7c1f0a9e-1111-4c3a-9f5f-000000000001", "v3"):
        found = (await page.get(f"{AT}/fragments/{name}")).json()
        assert (found["id"], found["title"]) == (SECOND, "Added streak statistics panel")
    diff = (await page.get(f"{AT}/fragments/{SECOND}/diff")).json()
    assert "src/components/Stats.tsx" in {file["path"] for file in diff["files"]}
    logo = await page.get(f"{AT}/fragments/{SECOND}/files/public/logo.png")
    assert logo.content.startswith(b"\x89PNG")


async def test_a_file_that_is_not_whole_carries_a_mark_that_explains_itself(
    page: httpx.AsyncClient,
) -> None:
    rows = (await page.get(f"{AT}/fragments/{SECOND}/files")).json()["items"]
    marks = {row["path"]: row["mark"] for row in rows if row["mark"]}
    assert marks == {
        "public/images/garden.png": {
            "outcome": "placeholder",
            "note": "The bytes of this picture were never in the old database.",
        },
        "src/components/Stats.tsx": {
            "outcome": "damaged",
            "note": "It was cut, and no original was found.",
        },
    }


async def test_no_answer_shows_a_password(page: httpx.AsyncClient) -> None:
    for path in ("/api/projects", AT, f"{AT}/fragments"):
        assert "$2b$" not in (await page.get(path)).text
