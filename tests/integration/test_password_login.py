"""Logging in by password over the real port: TRUST.md T13, T35 to T37 and P9. Attacks come from this machine."""

import asyncio
import json
import logging
import sqlite3
import sys
import time
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import bcrypt
import httpx
import pytest
from sqlalchemy import select
from sqlalchemy.engine import URL
from tests.support.legacy import import_from, project, write_json_lines
from tests.support.page import Page, opened

from keelway import app, telemetry
from keelway.accounts.accounts import Accounts
from keelway.accounts.gate import COOKIE, Gate
from keelway.accounts.limits import Attempts
from keelway.accounts.logins import Logins
from keelway.accounts.passwords import Passwords, kind_of
from keelway.accounts.people import everybody
from keelway.cli.servers import Site, listen, serving
from keelway.db import models
from keelway.db.session import Database, database_url

OLD = "swordfish of 2019"
NEW = "correct horse battery"
HASH = bcrypt.hashpw(OLD.encode(), bcrypt.gensalt(10)).decode()
ENDLESS = HASH.replace("$10$", "$31$")
EMAIL = "maya@example.com"
PATH = "/api/login/password"
FREE = {"account": 10**6, "address": 10**6, "longest": 0}


@dataclass
class Served:
    page: Page
    port: int

    @property
    def origin(self) -> str:
        return f"http://keelway.localhost:{self.port}"

    def browser(self, cookie: str | None = None) -> httpx.AsyncClient:
        """Our own page in a browser."""
        headers = {"host": self.origin.removeprefix("http://"), "origin": self.origin}
        if cookie is not None:
            headers["cookie"] = cookie
        url = f"http://127.0.0.1:{self.port}"
        return httpx.AsyncClient(base_url=url, headers=headers, timeout=60, trust_env=False)

    async def log_in(self, password: str, email: str = EMAIL) -> httpx.Response:
        async with self.browser() as browser:
            return await browser.post(PATH, json={"email": email, "password": password})

    async def me(self, cookie: str) -> httpx.Response:
        async with self.browser(cookie) as browser:
            return await browser.get("/api/me")

    async def stored(self) -> str | None:
        async with self.page.parts.accounts.database.reading() as session:
            query = select(models.User.password_hash).where(models.User.email == EMAIL)
            return await session.scalar(query)


async def add_maya(database: Database, stored: str | None) -> None:
    now = datetime.now(UTC)
    row = models.User(
        id="maya",
        name="Maya",
        email=EMAIL,
        role="member",
        password_hash=stored,
        created_at=now,
        updated_at=now,
    )
    async with database.transaction() as tx:
        tx.add(row)


@asynccontextmanager
async def served_on(
    database: Database,
    home: Path,
    *,
    stored: str | None = HASH,
    imported: bool = False,
    attempts: Attempts | None = None,
    passwords: Passwords | None = None,
    changes_a_minute: int = 10**6,
) -> AsyncGenerator[Served]:
    """The page's port, with Maya as an import left her; the rest takes limits away."""
    if not imported:
        await add_maya(database, stored)
    logins = Logins(
        Accounts(database), attempts=attempts, passwords=passwords, refusal_seconds=0.05
    )
    async with opened(database, home, logins=logins) as page:
        listener = listen("127.0.0.1", 0)
        port = listener.getsockname()[1]
        assert isinstance(page.asgi, Gate)
        assert isinstance(page.asgi.app, app.PageDoor)
        door = app.PageDoor(
            page.asgi.app.app,
            page.accounts,
            app.Names.of("keelway.localhost", port),
            unsafe_per_minute=changes_a_minute,
        )
        async with serving([Site(app.guarded(door), listener)]):
            yield Served(page, port)


@pytest.fixture
async def served(database: Database, home: Path) -> AsyncIterator[Served]:
    async with served_on(database, home) as served:
        yield served


def cookie_of(answer: httpx.Response) -> str:
    assert answer.status_code == 204, answer.text
    cookie = answer.headers["set-cookie"].partition(";")[0]
    assert cookie.startswith(f"{COOKIE}=")
    return cookie


async def test_an_imported_person_comes_in_with_the_old_password_and_is_hashed_anew(
    any_url: URL, home: Path
) -> None:
    async with Database(any_url) as database, served_on(database, home) as served:
        assert (await served.log_in("not it")).status_code == 401
        assert await served.stored() == HASH
        cookie = cookie_of(await served.log_in(OLD))
        assert kind_of(await served.stored()) == "ours"
        assert cookie_of(await served.log_in(OLD, " Maya@EXAMPLE.com ")) != cookie
        user = (await served.me(cookie)).json()["user"]
        assert (user["email"], user["hasPassword"]) == (EMAIL, True)
        assert "$" not in (await served.me(cookie)).text


async def test_from_the_old_database_to_the_page_with_the_old_password(home: Path) -> None:
    people = [
        {"id": "maya", "name": "Maya", "email": " Maya@Example.com", "password": HASH},
        {"id": "jonas", "name": "Jonas", "email": "jonas@example.com", "password": ENDLESS},
        {"id": "lea", "name": "Lea", "email": "lea@example.com", "password": "plain words"},
    ]
    source = write_json_lines(home / "old", {"users": people, "Project": [project(userId="maya")]})
    status, report = await import_from(source, home / "data")
    assert HASH not in json.dumps(report)
    assert "plain words" not in json.dumps(report)
    async with (
        Database(database_url(home / "data", None)) as database,
        served_on(database, home / "data", imported=True) as served,
    ):
        cookie = cookie_of(await served.log_in(OLD))
        async with served.browser(cookie) as browser:
            items = (await browser.get("/api/projects")).json()["items"]
        assert [item["id"] for item in items] == ["p1"], status
        for email, typed in (("jonas", OLD), ("lea", "plain words"), ("lea", "")):
            assert (await served.log_in(typed, f"{email}@example.com")).status_code == 401
        password = {str(one.user.id): one.password for one in await everybody(database)}
        assert (password["maya"], password["jonas"], password["lea"]) == ("yes", "no", "no")


async def test_a_hash_that_would_run_for_days_is_refused_like_a_wrong_password(
    database: Database, home: Path
) -> None:
    async with served_on(database, home, stored=ENDLESS) as served:
        begun = time.monotonic()
        answer = await served.log_in(OLD)
        assert time.monotonic() - begun < 5
        assert answer.json() == (await served.log_in(OLD, "nobody@example.com")).json()
        assert answer.status_code == 401


async def test_a_session_planted_before_the_login_is_not_the_one_after_it(served: Served) -> None:
    planted = cookie_of(await served.log_in(OLD))
    async with served.browser(planted) as browser:
        fresh = cookie_of(await browser.post(PATH, json={"email": EMAIL, "password": OLD}))
    assert fresh != planted


async def test_a_new_password_ends_the_other_browsers_at_once(served: Served) -> None:
    mine, other = cookie_of(await served.log_in(OLD)), cookie_of(await served.log_in(OLD))
    assert (await served.me(other)).status_code == 200
    async with served.browser(mine) as browser:
        for current, new, status, code in (
            (None, NEW, 401, "WrongPassword"),
            ("wrong", NEW, 401, "WrongPassword"),
            (OLD, "password", 422, "WeakPassword"),
            (OLD, EMAIL, 422, "WeakPassword"),
        ):
            body = {"current": current, "password": new}
            answer = await browser.put("/api/me/password", json=body)
            assert (answer.status_code, answer.json()["code"]) == (status, code)
        body = {"current": OLD, "password": NEW}
        assert (await browser.put("/api/me/password", json=body)).status_code == 204
    assert (await served.me(mine)).status_code == 200
    assert (await served.me(other)).status_code == 401
    assert (await served.log_in(OLD)).status_code == 401
    assert cookie_of(await served.log_in(NEW))


async def test_the_old_and_the_new_password_raced_leave_one_way_in(served: Served) -> None:
    """Logins with the old one while it is changed: none of their sessions lives afterwards."""
    mine = cookie_of(await served.log_in(OLD))
    answers: list[httpx.Response] = []

    async def old() -> None:
        answers.append(await served.log_in(OLD))

    async def change() -> None:
        async with served.browser(mine) as browser:
            body = {"current": OLD, "password": NEW}
            assert (await browser.put("/api/me/password", json=body)).status_code == 204

    async with asyncio.TaskGroup() as tasks:
        for number in range(4):
            tasks.create_task(old())
            if number == 1:
                tasks.create_task(change())
    for answer in answers:
        if answer.status_code == 204:
            assert (await served.me(cookie_of(answer))).status_code == 401
    assert (await served.me(mine)).status_code == 200
    assert (await served.log_in(OLD)).status_code in (401, 429)


async def test_guesses_are_slowed_to_five_a_minute(served: Served) -> None:
    said = [await served.log_in(f"guess {n}") for n in range(6)] + [await served.log_in(OLD)]
    assert [answer.status_code for answer in said] == [401] * 5 + [429] * 2
    assert said[5].json()["code"] == "TooManyRequests"
    assert 1 <= int(said[5].headers["retry-after"]) <= 61


async def test_one_address_tries_twenty_accounts_a_minute(served: Served) -> None:
    said = [await served.log_in("spray", f"person{n}@example.com") for n in range(21)]
    assert Counter(answer.status_code for answer in said) == {401: 20, 429: 1}


async def test_without_the_limits_guessing_finds_it(database: Database, home: Path) -> None:
    """The control."""
    async with served_on(database, home, attempts=Attempts(**FREE)) as served:
        guesses = [f"swordfish of {year}" for year in range(2005, 2020)]
        said = [(await served.log_in(guess)).status_code for guess in guesses]
        assert said == [401] * 14 + [204]


FLOOD = """
import asyncio, json, sys
from collections import Counter

port, count, origin = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
said, room = Counter(), asyncio.Semaphore(250)

async def one(number):
    body = json.dumps({"email": f"person{number}@example.com", "password": "wrong"}).encode()
    head = (f"POST /api/login/password HTTP/1.1\\r\\nHost: {origin[7:]}\\r\\nOrigin: {origin}\\r\\n"
            f"Content-Type: application/json\\r\\nContent-Length: {len(body)}\\r\\nConnection: close\\r\\n\\r\\n")
    async with room:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(head.encode() + body)
        answer = await reader.read()
        writer.close()
    said[answer.split(b" ", 2)[1].decode()] += 1

async def main():
    async with asyncio.TaskGroup() as tasks:
        for number in range(count):
            tasks.create_task(one(number))

asyncio.run(main())
print(json.dumps(said))
"""


async def flood(served: Served, count: int) -> tuple[Counter[str], float]:
    """So many wrong logins from another process, 250 at once; their answers, and health's longest meanwhile."""
    attacker = await asyncio.create_subprocess_exec(
        sys.executable, "-c", FLOOD, str(served.port), str(count), served.origin,
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    ended, longest = asyncio.Event(), 0.0

    async def watch() -> None:
        nonlocal longest
        async with served.browser() as browser:
            while not ended.is_set():
                begun = time.monotonic()
                assert (await browser.get("/api/health")).status_code == 200
                longest = max(longest, time.monotonic() - begun)
                await asyncio.sleep(0.02)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(watch())
        out, _ = await attacker.communicate()
        ended.set()
    return Counter(json.loads(out)), longest


async def test_health_answers_within_a_second_under_a_thousand_wrong_logins(
    database: Database, home: Path
) -> None:
    """TRUST.md T36. Without limits on guessing the bound before the threads holds alone."""
    async with served_on(database, home, attempts=Attempts(**FREE)) as served:
        said, longest = await flood(served, 1000)
        assert said["401"] + said["429"] == 1000
        assert said["429"] > 100, said
        assert longest < 1, f"{longest:.2f} s"
        assert served.page.parts.logins.passwords.ran.total() == said["401"]
        begun = time.monotonic()
        cookie_of(await served.log_in(OLD))
        assert time.monotonic() - begun < 3, "the flood left no queue"


async def test_with_its_limits_a_flood_from_one_address_costs_twenty_hashes(
    database: Database, home: Path
) -> None:
    async with served_on(database, home, changes_a_minute=120) as served:
        said, longest = await flood(served, 1000)
        assert set(said) == {"401", "429"}
        assert said["401"] <= 20
        assert longest < 1, f"{longest:.2f} s"
        assert served.page.parts.logins.passwords.ran.total() <= 20


async def test_without_the_bound_a_person_waits_behind_the_whole_flood(
    database: Database, home: Path
) -> None:
    """The control: a hundred and fifty wrong logins alone hold everybody up."""
    attempts, passwords = Attempts(**FREE), Passwords(waiting=10**6)
    async with (
        served_on(database, home, attempts=attempts, passwords=passwords) as served,
        asyncio.TaskGroup() as tasks,
    ):
        flooding = tasks.create_task(flood(served, 150))
        while not served.page.parts.logins.passwords.ran.total():
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.3)
        begun = time.monotonic()
        cookie_of(await served.log_in(OLD))
        waited = time.monotonic() - begun
        assert (await flooding)[0] == {"401": 150}
        assert waited > 0.5, "the attack works where nothing bounds the queue"


async def test_other_sites_forms_and_silence_are_refused(served: Served) -> None:
    body = {"email": EMAIL, "password": OLD}
    url = f"http://127.0.0.1:{served.port}"
    host = served.origin.removeprefix("http://")
    async with httpx.AsyncClient(base_url=url, trust_env=False) as anybody:
        for headers, status in (
            ({"host": host}, 403),
            ({"host": host, "origin": "http://evil.example"}, 403),
            ({"host": host, "origin": served.origin, "sec-fetch-site": "cross-site"}, 403),
            ({"origin": url}, 421),
            ({"host": "evil.example", "origin": served.origin}, 421),
        ):
            answer = await anybody.post(PATH, json=body, headers=headers)
            assert answer.status_code == status, headers
            assert "set-cookie" not in answer.headers
        headers = {"host": host, "origin": served.origin, "content-type": "text/plain"}
        answer = await anybody.post(PATH, content=json.dumps(body), headers=headers)
        assert answer.status_code == 415


CANARY = "canary-pässword-4711"


async def test_a_password_is_in_no_answer_log_or_row(
    database: Database, home: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    log = home / "keelway.log"
    handlers = logging.getLogger().handlers[:]
    telemetry.configure_logging(log, sys.stderr)
    logging.getLogger().setLevel(logging.DEBUG)
    try:
        async with served_on(database, home) as served:
            said = await wrong_in_every_way(served)
            mine = cookie_of(await served.log_in(OLD))
            async with served.browser(mine) as browser:
                body = {"current": OLD, "password": CANARY}
                assert (await browser.put("/api/me/password", json=body)).status_code == 204
                said.append((await browser.get("/api/me")).text)
            cookie_of(await served.log_in(CANARY))
            served.page.parts.logins.close()  # as if the machine gave no more threads
            broken = await served.log_in(CANARY)
            assert broken.status_code == 500
            said.append(broken.text)
    finally:
        for handler in logging.getLogger().handlers:
            handler.close()
        logging.getLogger().handlers[:] = handlers
        logging.getLogger().setLevel(logging.WARNING)
    with sqlite3.connect(home / "keelway.db") as connection:
        rows = "\n".join(connection.iterdump())
    connection.close()
    out, err = capfd.readouterr()
    assert "RuntimeError" in log.read_text(), "what broke was logged"
    for place, text in {"answers": "\n".join(said), "log": log.read_text(), "rows": rows,
                        "output": out + err}.items():  # fmt: skip
        for form in (CANARY, json.dumps(CANARY)[1:-1], OLD, CANARY[:12]):
            assert form not in text, (place, form)


async def wrong_in_every_way(served: Served) -> list[str]:
    """Bodies that hold the canary where it may go wrong; what was answered."""
    said: list[str] = []
    async with served.browser() as browser:
        for body in (
            {"email": EMAIL, "password": CANARY},
            {"email": EMAIL, "password": [CANARY]},
            {"email": EMAIL, "password": {"x": CANARY}},
            {"email": EMAIL, "password": CANARY * 100},
            {"email": CANARY * 100, "password": CANARY},
            {"email": EMAIL, "passwort": CANARY},
            [CANARY],
            CANARY,
        ):
            answer = await browser.post(PATH, json=body)
            assert answer.status_code in (401, 422)
            said.append(answer.text)
        for content in (
            f'{{"email":"a","password":"{CANARY}'.encode(),
            f'{{"email":"a","password":"{CANARY}\\ud800"}}'.encode(),
            CANARY.encode("latin-1"),
            b'{"email":"a\\u0000","password":"' + CANARY.encode() + b'\\u0000"}',
        ):
            headers = {"content-type": "application/json"}
            answer = await browser.post(PATH, content=content, headers=headers)
            assert answer.status_code in (400, 401, 422), content
            said.append(answer.text)
    return said
