from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event
from tests.support.page import Page, opened, person
from tests.support.teams import join, new_team

from keelway.accounts.accounts import User
from keelway.db.session import Database
from keelway.projects.router import title_of


@pytest.fixture
async def page(database: Database, home: Path) -> AsyncIterator[Page]:
    async with opened(database, home) as page:
        yield page


async def test_a_project_begins_with_the_template_as_version_1(page: Page) -> None:
    async with await page.browser() as browser:
        answer = await browser.post("/api/projects", json={"name": "  Daymark "})
        assert answer.status_code == 201
        project = answer.json()
        assert (project["name"], project["template"]) == ("Daymark", "react-vite")
        assert (project["activeVersion"], project["currentBranch"]) == (1, "main")
        assert project["daytonaSandboxId"] is None
        assert project["turn"] is None
        assert len(project["gitCommitHash"]) == 40
        assert (await browser.get(f"/api/projects/{project['id']}")).json() == project
    head = await page.parts.store.get((await page.parts.projects.get(project["id"])).key, "v1")
    assert (head.id, head.kind) == (project["activeFragmentId"], "template")
    assert page.parts.turns.started == []


async def test_a_prompt_names_the_project_and_starts_its_first_turn(page: Page) -> None:
    async with await page.browser() as browser:
        body = {"prompt": "a todo list with tags, please", "model": "demo"}
        project = (await browser.post("/api/projects", json=body)).json()
    assert project["name"] == "A todo list with tags, please"
    assert page.parts.turns.started == [(project["id"], body["prompt"], "demo")]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "NothingToBuild"),
        ({"name": " "}, "Invalid"),
        ({"prompt": ""}, "Invalid"),
        ({"name": "x" * 81}, "Invalid"),
        ({"name": "a\0b"}, "Invalid"),
        ({"name": "two\nlines"}, "Invalid"),
        ({"prompt": "a\0b"}, "Invalid"),
        ({"prompt": "x" * 100_001}, "Invalid"),
        ({"name": "x", "template": "../../etc"}, "UnknownTemplate"),
    ],
)
async def test_what_cannot_be_made_is_refused(page: Page, body: dict[str, str], code: str) -> None:
    async with await page.browser() as browser:
        answer = await browser.post("/api/projects", json=body)
        assert (answer.status_code, answer.json()["code"]) == (422, code)
        assert (await browser.get("/api/projects")).json()["items"] == []


async def test_a_project_is_renamed_and_deleted(page: Page) -> None:
    async with await page.browser() as browser:
        made = (await browser.post("/api/projects", json={"name": "Old"})).json()
        path = f"/api/projects/{made['id']}"
        family = "\U0001f469\u200d\U0001f467 New"  # joined by a character that is not seen
        assert (await browser.patch(path, json={"name": family})).json()["name"] == family
        assert (await browser.delete(path)).status_code == 204
        assert (await browser.get(path)).status_code == 404
        assert (await browser.get("/api/projects")).json() == {"items": [], "nextCursor": None}


async def test_the_list_is_paged_newest_work_first(page: Page) -> None:
    async with await page.browser() as browser:
        for number in range(5):
            await browser.post("/api/projects", json={"name": f"P{number}"})
        seen: list[str] = []
        cursor: str | None = None
        for _ in range(3):
            query = {"limit": "2", **({"cursor": cursor} if cursor else {})}
            listed = (await browser.get("/api/projects", params=query)).json()
            seen += [project["name"] for project in listed["items"]]
            cursor = listed["nextCursor"]
        assert (seen, cursor) == (["P4", "P3", "P2", "P1", "P0"], None)


async def test_a_member_lists_only_their_own(page: Page, database: Database) -> None:
    await page.parts.new_project(await page.accounts.owner(), "Theirs", "react-vite")
    async with await page.program(await person(database, "member")) as client:
        await client.post("/api/projects", json={"name": "Mine"})
        listed = (await client.get("/api/projects")).json()["items"]
    assert [project["name"] for project in listed] == ["Mine"]


def rights(*projects: dict[str, Any]) -> dict[str, tuple[bool, bool]]:
    """Of each project by its name, whether the one who asks may change it, and delete it."""
    return {each["name"]: (each["canEdit"], each["canDelete"]) for each in projects}


async def test_a_project_says_what_the_one_who_asks_may_do_to_it(
    page: Page, database: Database
) -> None:
    maker, mate = await person(database, "member"), await person(database, "member")
    shown = await page.parts.new_project(maker, "Shown", "react-vite")
    shared = await page.parts.new_project(maker, "Shared", "react-vite")
    for project, role in ((shown, "viewer"), (shared, "member")):
        await join(database, await new_team(database, project), mate, role)
    async with await page.browser(mate) as browser:
        items = (await browser.get("/api/projects")).json()["items"]
        assert rights(*items) == {"Shared": (True, False), "Shown": (False, False)}
        for each in items:
            assert (await browser.get(f"/api/projects/{each['id']}")).json() == each
        renamed = await browser.patch(f"/api/projects/{shared.id}", json={"name": "Ours"})
        assert rights(renamed.json()) == {"Ours": (True, False)}
        made = await browser.post("/api/projects", json={"name": "Mine"})
        assert rights(made.json()) == {"Mine": (True, True)}
    async with await page.browser() as owner:
        items = (await owner.get("/api/projects")).json()["items"]
        assert rights(*items) == dict.fromkeys(("Ours", "Shown", "Mine"), (True, True))


async def test_a_list_asks_the_database_as_often_for_thirty_projects_as_for_one(
    page: Page, database: Database
) -> None:
    async def asked(user: User) -> int:
        statements: list[str] = []

        def note(_: object, __: object, statement: str, *___: object) -> None:
            statements.append(statement)

        async with await page.browser(user) as browser:
            event.listen(database.engine.sync_engine, "before_cursor_execute", note)
            assert (await browser.get("/api/projects")).status_code == 200
            event.remove(database.engine.sync_engine, "before_cursor_execute", note)
        return len([each for each in statements if "SELECT" in each])

    one, many = await person(database, "member"), await person(database, "member")
    await page.parts.projects.create(one.id, "Alone", "react-vite")
    made = [await page.parts.projects.create(one.id, str(n), "react-vite") for n in range(30)]
    await join(database, await new_team(database, *made), many, "member")
    assert await asked(many) == await asked(one) <= 4


@pytest.mark.parametrize("cursor", ["", "nothing", "99999999999999999999.a"])
async def test_a_cursor_of_ones_own_making_is_refused(page: Page, cursor: str) -> None:
    async with await page.browser() as browser:
        answer = await browser.get(f"/api/projects?cursor={cursor}")
        assert (answer.status_code, answer.json()["code"]) == (422, "BadCursor")


@pytest.mark.parametrize(
    ("prompt", "name"),
    [
        ("build me a habit tracker that counts streaks", "Build me a habit tracker that"),
        ("todo.\nwith tags", "Todo"),
        ("?!", "New project"),
        ("a \x1b[31mred\x07 page", "A [31mred page"),
        ("\x07", "New project"),
        ("x" * 200, "X" + "x" * 59),
    ],
)
def test_a_title_is_the_first_words_of_what_was_asked(prompt: str, name: str) -> None:
    assert title_of(prompt) == name
