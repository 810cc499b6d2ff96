from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.support.page import Page, opened, person

from keelway.accounts.access import may_create, may_edit, may_view
from keelway.accounts.accounts import User
from keelway.db.session import Database


@pytest.fixture
async def page(database: Database, home: Path) -> AsyncIterator[Page]:
    async with opened(database, home) as page:
        yield page


@pytest.mark.parametrize(
    ("role", "own", "view", "edit", "create"),
    [
        ("owner", False, True, True, True),
        ("admin", False, True, True, True),
        ("member", True, True, True, True),
        ("member", False, False, False, True),
        ("viewer", True, True, False, False),
        ("viewer", False, False, False, False),
    ],
)
async def test_what_each_role_may_do(
    page: Page, database: Database, role: str, own: bool, view: bool, edit: bool, create: bool
) -> None:
    user = await person(database, role)
    maker: User = user if own else await page.accounts.owner()
    project = await page.parts.new_project(maker, "Todo", "react-vite")
    standing = await page.parts.projects.standing(user.id, project.id)
    assert may_view(user, standing) is view
    assert may_edit(user, standing) is edit
    assert may_create(user) is create


async def test_a_project_of_somebody_else_does_not_exist(page: Page, database: Database) -> None:
    project = await page.parts.new_project(await page.accounts.owner(), "Todo", "react-vite")
    async with await page.program(await person(database, "member")) as stranger:
        for method, path in (("GET", ""), ("PATCH", ""), ("DELETE", "")):
            answer = await stranger.request(
                method, f"/api/projects/{project.id}{path}", json={"name": "Mine now"}
            )
            assert answer.status_code == 404
            assert answer.json()["code"] == "ProjectNotFound"
        missing = await stranger.get("/api/projects/nothing")
        assert missing.json() == (await stranger.get(f"/api/projects/{project.id}")).json()
    async with await page.program() as owner:
        assert (await owner.get(f"/api/projects/{project.id}")).json()["name"] == "Todo"


async def test_who_may_only_look_is_told_so(page: Page, database: Database) -> None:
    viewer = await person(database, "viewer")
    project = await page.parts.new_project(viewer, "Todo", "react-vite")
    async with await page.program(viewer) as client:
        assert (await client.get(f"/api/projects/{project.id}")).status_code == 200
        refused = await client.patch(f"/api/projects/{project.id}", json={"name": "No"})
        assert (refused.status_code, refused.json()["code"]) == (403, "NotAllowed")
        assert (await client.post("/api/projects", json={"name": "No"})).status_code == 403
