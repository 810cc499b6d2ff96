"""TRUST.md T01 to T03 and B1: each attack is first shown to work with its defence taken away."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from tests.support.page import HOST, ORIGIN, PORT, Page, opened

from keelway import app
from keelway.accounts.gate import Gate, Names
from keelway.db.session import Database


@pytest.fixture
async def page(database: Database, home: Path) -> AsyncIterator[Page]:
    async with opened(database, home) as page:
        yield page


def ungated(page: Page, **checks: bool) -> Page:
    gate = page.asgi
    assert isinstance(gate, Gate)
    return Page(Gate(gate.app, gate.knows, **checks), page.parts, page.settings)


HOSTILE_HOSTS = [
    "evil.example",
    f"evil.example:{PORT}",
    f"keelway.localhost.evil.example:{PORT}",
    "keelway.localhost",
    "keelway.localhost:1",
    f"5173-0123456789abcdef0123.localhost:{PORT}",
    f"169.254.169.254:{PORT}",
]


async def test_a_rebound_name_gets_nothing(page: Page) -> None:
    for host in HOSTILE_HOSTS:
        for path in ("/api/health", "/api/me", "/login", "/assets/x.js", "/"):
            async with page.client(host=host) as evil:
                answer = await evil.get(path)
            assert (answer.status_code, answer.json()["code"]) == (421, "UnknownHost"), (host, path)


async def test_without_the_host_list_a_rebound_name_reads_json(page: Page) -> None:
    async with ungated(page, check_host=False).client(host="evil.example") as evil:
        assert (await evil.get("/api/health")).json()["status"] == "ok"


async def test_an_address_with_a_nul_is_refused_before_a_database_sees_it(page: Page) -> None:
    async with await page.program() as owner:
        for path in ("/api/projects/a%00b", "/api/projects?cursor=%00", "/%00"):
            answer = await owner.get(path)
            assert (answer.status_code, answer.json()["code"]) == (400, "BadRequest"), path


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://localhost:3000"])
async def test_a_form_of_another_site_changes_nothing(page: Page, origin: str) -> None:
    async with await page.browser(sec_fetch_site="cross-site", origin=origin) as browser:
        answer = await browser.post("/api/projects", json={"name": "Planted"})
        assert (answer.status_code, answer.json()["code"]) == (403, "ForeignOrigin")
    async with await page.program() as owner:
        assert (await owner.get("/api/projects")).json()["items"] == []


async def test_a_program_that_knows_only_the_cookie_changes_nothing(page: Page) -> None:
    """Neither Origin nor Sec-Fetch-Site: no browser vouches for the page, so only a bearer counts."""
    async with await page.browser() as browser:
        del browser.headers["sec-fetch-site"]
        assert (await browser.get("/api/me")).status_code == 200
        assert (await browser.post("/api/projects", json={"name": "x"})).status_code == 401


async def test_the_cookie_counts_on_the_canonical_host_only(page: Page) -> None:
    for host in ("127.0.0.1", "localhost"):
        async with await page.browser(host=f"{host}:{PORT}") as browser:
            assert (await browser.get("/api/me")).status_code == 401
        async with await page.program() as program:
            program.headers["host"] = f"{host}:{PORT}"
            assert (await program.get("/api/me")).status_code == 200


@pytest.mark.parametrize(
    "path", ["/", "/login", "/p/1?panel=history", "//evil.example/x", "/\\evil"]
)
async def test_other_names_lead_to_the_canonical_one(page: Page, path: str) -> None:
    async with page.client(host=f"127.0.0.1:{PORT}") as browser:
        answer = await browser.get(httpx.URL(ORIGIN).copy_with(raw_path=path.encode()))
    assert answer.status_code == 307
    assert answer.headers["location"].startswith(f"{ORIGIN}/")
    assert not answer.headers["location"].startswith(f"{ORIGIN}//")


async def test_nobody_comes_in_without_a_key(page: Page) -> None:
    async with page.client() as anybody:
        for path in ("/api/me", "/api/projects", "/api/openapi.json", "/api/machine", "/api/x"):
            answer = await anybody.get(path)
            assert (answer.status_code, answer.json()["code"]) == (401, "Unauthenticated"), path
        assert (await anybody.get("/api/health")).status_code == 200
    for header in ("Bearer nonsense", "Basic b3duZXI6", "Bearer"):
        async with page.client(authorization=header) as guess:
            assert (await guess.get("/api/me")).status_code == 401


async def test_a_cross_site_page_may_not_read(page: Page) -> None:
    async with await page.browser(sec_fetch_site="cross-site", sec_fetch_mode="no-cors") as evil:
        assert (await evil.get("/api/projects")).status_code == 403
        assert (await evil.get("/")).status_code == 403


async def test_only_json_is_taken(page: Page) -> None:
    async with await page.browser() as browser:
        for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
            answer = await browser.post(
                "/api/projects", content=b'{"name":"x"}', headers={"content-type": kind}
            )
            assert (answer.status_code, answer.json()["code"]) == (415, "NotJson")


async def test_a_body_has_a_limit_announced_or_not(database: Database, home: Path) -> None:
    async with opened(database, home, body_bytes=1000) as page, await page.program() as client:
        big = b'{"name":"' + b"x" * 2000 + b'"}'
        headers = {"content-type": "application/json"}
        announced = await client.post("/api/projects", content=big, headers=headers)
        assert (announced.status_code, announced.json()["code"]) == (413, "BodyTooLarge")

        async def pieces() -> AsyncIterator[bytes]:
            for at in range(0, len(big), 100):
                yield big[at : at + 100]

        streamed = await client.post("/api/projects", content=pieces(), headers=headers)
        assert (streamed.status_code, streamed.json()["code"]) == (413, "BodyTooLarge")


async def test_changes_have_a_rate(database: Database, home: Path) -> None:
    async with opened(database, home, unsafe_per_minute=2) as page, await page.program() as client:
        for _ in range(2):
            assert (await client.post("/api/projects", json={"name": "x"})).status_code == 201
        answer = await client.post("/api/projects", json={"name": "x"})
        assert (answer.status_code, answer.json()["code"]) == (429, "TooManyRequests")
        assert (await client.get("/api/projects")).status_code == 200


async def test_every_answer_has_the_pages_headers(page: Page) -> None:
    async with await page.browser() as browser:
        for path in ("/", "/api/me", "/api/nothing", "/assets/nothing.js"):
            headers = (await browser.get(path)).headers
            assert headers["content-security-policy"] == (
                "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
                "img-src 'self' data: blob:; font-src 'self'; "
                f"connect-src 'self' ws://{HOST}; frame-src http://*.localhost:8421; "
                "worker-src 'self' blob:; base-uri 'none'; form-action 'self'; "
                "frame-ancestors 'none'; object-src 'none'"
            )
            assert headers["cross-origin-opener-policy"] == "same-origin"
            assert headers["cross-origin-resource-policy"] == "same-origin"
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["referrer-policy"] == "no-referrer"
            assert "access-control-allow-origin" not in headers
            assert "server" not in headers
        assert (await browser.get("/api/me")).headers["cache-control"] == "no-store"


def test_on_port_80_no_number_is_shown() -> None:
    names = Names.of("keelway.example", 80)
    assert names.know("keelway.example")
    assert not names.know("keelway.example:80")
    assert names.address == "http://keelway.example"


def test_the_gate_stands_before_everything(page: Page) -> None:
    assert isinstance(page.asgi, Gate)
    assert isinstance(page.asgi.app, app.PageDoor)


LOGINS = [
    ("/api/login", {"key": "never issued"}),
    ("/api/login/password", {"email": "maya@example.com", "password": "wrong"}),
]


@pytest.mark.parametrize(("path", "body"), LOGINS)
async def test_a_login_comes_from_our_own_page_or_not_at_all(
    page: Page, path: str, body: dict[str, str]
) -> None:
    """TRUST.md T13: to log somebody in as somebody else is an attack, too."""
    ours: list[dict[str, str]] = [{"origin": ORIGIN}, {"sec_fetch_site": "same-origin"}]
    foreign: list[dict[str, str]] = [
        {},  # neither says anything: for programs there is the token
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": f"http://localhost:{PORT}"},
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site", "origin": ORIGIN},
        {"sec_fetch_site": "none"},
    ]
    for headers in ours:
        async with page.client(**headers) as browser:
            assert (await browser.post(path, json=body)).status_code == 401, headers
    for headers in foreign:
        async with page.client(**headers) as evil:
            answer = await evil.post(path, json=body)
        assert (answer.status_code, answer.json()["code"]) == (403, "ForeignOrigin"), headers
    async with await page.program() as program:
        assert (await program.post(path, json=body)).status_code == 401


@pytest.mark.parametrize(("path", "body"), LOGINS)
async def test_without_that_rule_a_login_comes_from_anywhere(
    database: Database, home: Path, path: str, body: dict[str, str]
) -> None:
    """The control, and that the first rule stops what has an Origin."""
    async with opened(database, home, check_login=False) as page, page.client() as anybody:
        assert (await anybody.post(path, json=body)).status_code == 401
    async with (
        opened(database, home, check_login=False) as page,
        ungated(page, check_origin=False).client(origin="http://evil.example") as evil,
    ):
        assert (await evil.post(path, json=body)).status_code == 401


@pytest.mark.parametrize(("path", "body"), LOGINS)
async def test_a_login_on_another_name_is_refused(
    page: Page, path: str, body: dict[str, str]
) -> None:
    """Its cookie would go to every server on 127.0.0.1, whatever the port."""
    for name in ("127.0.0.1", "localhost", "[::1]"):
        async with page.client(host=f"{name}:{PORT}", origin=f"http://{name}:{PORT}") as browser:
            answer = await browser.post(path, json=body)
        assert (answer.status_code, answer.json()["code"]) == (421, "UnknownHost")
        assert "set-cookie" not in answer.headers


async def test_a_form_cannot_log_in(page: Page) -> None:
    async with page.client(origin=ORIGIN) as browser:
        for kind in ("application/x-www-form-urlencoded", "text/plain", "multipart/form-data"):
            answer = await browser.post(
                "/api/login/password",
                content=b'{"email":"a","password":"b"}',
                headers={"content-type": kind},
            )
            assert (answer.status_code, answer.json()["code"]) == (415, "NotJson")
