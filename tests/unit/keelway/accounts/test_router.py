from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.support.page import ORIGIN, Page, opened, person

from keelway.accounts.router import NewPassword, PasswordLogin
from keelway.db.session import Database


@pytest.fixture
async def page(database: Database, home: Path) -> AsyncIterator[Page]:
    async with opened(database, home) as page:
        yield page


async def test_a_login_gives_the_cookie_that_opens_the_page(page: Page) -> None:
    key = await page.accounts.new_login_key(await page.accounts.owner())
    async with page.client(origin=ORIGIN) as browser:
        answer = await browser.post("/api/login", json={"key": key})
        assert answer.status_code == 204
        cookie = answer.headers["set-cookie"]
        assert cookie.startswith("__Host-keelway=")
        attributes = {part.strip().lower() for part in cookie.split(";")[1:]}
        assert attributes == {
            "path=/",
            "secure",
            "httponly",
            "samesite=strict",
            "max-age=2592000",
        }
        again = await browser.post("/api/login", json={"key": key})
        assert (again.status_code, again.json()["code"]) == (401, "LoginExpired")
    async with page.client(cookie=cookie.partition(";")[0]) as browser:
        assert (await browser.get("/api/me")).json()["user"]["role"] == "owner"


async def test_every_login_begins_a_session_of_its_own(page: Page) -> None:
    owner = await page.accounts.owner()
    planted = "__Host-keelway=" + await page.accounts.log_in(
        await page.accounts.new_login_key(owner)
    )
    key = await page.accounts.new_login_key(owner)
    async with page.client(origin=ORIGIN, cookie=planted) as browser:
        answer = await browser.post("/api/login", json={"key": key})
    assert not answer.headers["set-cookie"].startswith(planted)


async def test_a_login_from_another_site_is_refused(page: Page) -> None:
    key = await page.accounts.new_login_key(await page.accounts.owner())
    async with page.client(origin="http://evil.example") as evil:
        assert (await evil.post("/api/login", json={"key": key})).status_code == 403
    async with page.client(origin=ORIGIN) as browser:
        assert (await browser.post("/api/login", json={"key": key})).status_code == 204


async def test_logging_out_ends_the_session(page: Page) -> None:
    async with await page.browser() as browser:
        assert (await browser.post("/api/logout")).status_code == 204
        assert (await browser.get("/api/me")).status_code == 401


async def test_me_says_who_looks_and_what_the_server_can_do(page: Page) -> None:
    async with await page.browser() as browser:
        me = (await browser.get("/api/me")).json()
    assert me["user"]["name"] == "You"
    assert me["model"] == {"name": "demo", "demo": True}
    assert me["models"] == [{"id": "demo", "name": "demo"}]
    assert me["templates"] == [{"id": "react-vite", "name": "React vite"}]


async def test_whoever_has_set_a_password_comes_in_by_it(page: Page, database: Database) -> None:
    jonas = await person(database, "member", email="jonas@example.com")
    async with await page.browser(jonas) as browser:
        assert (await browser.get("/api/me")).json()["user"]["hasPassword"] is False
        body = {"current": None, "password": "correct horse battery"}
        assert (await browser.put("/api/me/password", json=body)).status_code == 204
        assert (await browser.get("/api/me")).json()["user"]["hasPassword"] is True
        again = await browser.put("/api/me/password", json=body)
        assert (again.status_code, again.json()["code"]) == (401, "WrongPassword")
        weak = {"current": "correct horse battery", "password": "password1"}
        refused = await browser.put("/api/me/password", json=weak)
        assert (refused.status_code, refused.json()["code"]) == (422, "WeakPassword")
    login = {"email": "Jonas@example.com ", "password": "correct horse battery"}
    async with page.client(origin=ORIGIN) as browser:
        answer = await browser.post("/api/login/password", json=login)
        assert answer.status_code == 204
        cookie = answer.headers["set-cookie"]
        assert cookie.startswith("__Host-keelway=")
        attributes = {part.strip().lower() for part in cookie.split(";")[1:]}
        assert attributes == {
            "path=/",
            "secure",
            "httponly",
            "samesite=strict",
            "max-age=2592000",
        }
        wrong = await browser.post("/api/login/password", json=login | {"password": "wrong"})
        nobody = await browser.post("/api/login/password", json=login | {"email": "no@body.org"})
    assert wrong.json() == nobody.json()
    assert (wrong.status_code, wrong.json()["code"]) == (401, "WrongPassword")
    async with page.client(cookie=cookie.partition(";")[0]) as browser:
        assert (await browser.get("/api/me")).json()["user"]["id"] == jonas.id


async def test_a_program_with_a_token_sets_a_first_password_and_no_second_without_it(
    page: Page,
) -> None:
    async with await page.program() as program:
        body = {"current": None, "password": "correct horse battery"}
        assert (await program.put("/api/me/password", json=body)).status_code == 204
        assert (await program.put("/api/me/password", json=body)).status_code == 401
        assert (await program.get("/api/me")).status_code == 200


async def test_nobody_sets_a_password_without_having_logged_in(page: Page) -> None:
    async with page.client(origin=ORIGIN) as stranger:
        body = {"current": None, "password": "correct horse battery"}
        answer = await stranger.put("/api/me/password", json=body)
    assert (answer.status_code, answer.json()["code"]) == (401, "Unauthenticated")


def test_what_was_typed_is_shown_by_no_repr() -> None:
    login = PasswordLogin.model_validate({"email": "a@b.c", "password": "hunter2"})
    wanted = NewPassword.model_validate({"current": "hunter2", "password": "hunter2"})
    for model in (login, wanted):
        assert "hunter2" not in f"{model!r} {model} {model.model_dump()} {model.model_dump_json()}"
