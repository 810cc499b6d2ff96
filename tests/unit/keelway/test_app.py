import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from fastapi.routing import APIRoute
from tests.support.page import ORIGIN, Page, opened

from keelway import app
from keelway.db.session import Database
from keelway.settings import Settings


@pytest.fixture
async def page(
    database: Database, home: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Page]:
    static = home / "static"
    (static / "assets").mkdir(parents=True)
    (static / "index.html").write_text("<title>Keelway</title>")
    (static / "mark.svg").write_text("<svg/>")
    (static / "assets" / "index-abc.js").write_text("1")
    (home / "secret.key").write_text("secret")
    monkeypatch.setattr(app, "STATIC", static)
    async with opened(database, home) as page:
        yield page


async def test_the_page_answers_at_every_address_it_knows(page: Page) -> None:
    async with page.client() as browser:
        for path in ("/", "/login", "/p/1?panel=history", "/p/1/v/9/files/src/App.tsx"):
            answer = await browser.get(path)
            assert answer.text == "<title>Keelway</title>", path
            assert answer.headers["cache-control"] == "no-cache"


async def test_files_named_by_their_content_are_kept_for_ever(page: Page) -> None:
    async with page.client() as browser:
        script = await browser.get("/assets/index-abc.js")
        assert script.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert "javascript" in script.headers["content-type"]
        assert (await browser.get("/mark.svg")).headers["cache-control"] == "no-cache"
        assert (await browser.get("/assets/index-old.js")).status_code == 404


@pytest.mark.parametrize(
    "path", ["/../secret.key", "/%2e%2e/secret.key", "/..%2fsecret.key", "/assets/../../secret.key"]
)
async def test_nothing_outside_the_page_is_a_file(page: Page, path: str) -> None:
    async with page.client() as browser:
        request = browser.build_request("GET", ORIGIN)
        request.url = request.url.copy_with(raw_path=path.encode())
        answer = await browser.send(request)
    assert "secret" not in answer.text


async def test_a_page_that_is_not_built_says_so(
    page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "STATIC", Path("/nonexistent"))
    async with page.client() as browser:
        answer = await browser.get("/")
    assert answer.status_code == 503
    assert "script/bootstrap" in answer.text


async def test_an_unknown_address_of_the_api_is_a_problem(page: Page) -> None:
    async with await page.browser() as browser:
        for path in ("/api/nothing", "/docs/../api/nothing"):
            answer = await browser.get(path)
            assert answer.status_code == 404
            assert answer.headers["content-type"] == "application/problem+json"
        assert (await browser.put("/api/projects")).status_code == 405


async def test_what_nobody_foresaw_shows_no_traceback(
    page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object, **__: object) -> None:
        raise RuntimeError("the password is hunter2")

    monkeypatch.setattr(page.parts.projects, "page", broken)
    async with await page.browser() as browser:
        answer = await browser.get("/api/projects")
    assert answer.status_code == 500
    assert answer.json()["code"] == "InternalError"
    assert "hunter2" not in answer.text
    assert "Traceback" not in answer.text


async def test_what_was_sent_wrong_is_named_and_not_repeated(page: Page) -> None:
    async with await page.browser() as browser:
        answer = await browser.post("/api/login", json={"key": {"nested": "my-secret"}})
    assert answer.json()["fields"][0]["field"] == "key"
    assert "my-secret" not in answer.text


async def test_what_this_machine_can_do_is_told(page: Page) -> None:
    async with await page.browser() as browser:
        checks = (await browser.get("/api/machine")).json()["checks"]
    assert {"git", "disk"} <= {check["name"] for check in checks}
    assert {frozenset(check) for check in checks} == {
        frozenset({"name", "ok", "message", "action"})
    }


def test_every_operation_has_a_name_of_its_own() -> None:
    schema = json.loads(app.openapi_text())
    names = [
        operation["operationId"] for path in schema["paths"].values() for operation in path.values()
    ]
    assert len(names) == len(set(names))
    assert "create_project" in names


def test_there_is_no_debug_surface() -> None:
    paths = {
        route.path for route in app.create_app(Settings()).routes if isinstance(route, APIRoute)
    }
    assert not paths & {"/docs", "/redoc", "/openapi.json"}
