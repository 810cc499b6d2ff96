"""Every route by everybody: who is let in, who is told what (TRUST.md T34).

The routes come from the app's own OpenAPI; one that `RULES` does not name fails the test.
"""

import asyncio
import re
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NoReturn, cast

import httpx
import pytest
from sqlalchemy import update
from tests.support.page import PORT, Page, Parts, opened, person
from tests.support.teams import join, leave, new_team

from keelway import app
from keelway.accounts import watch
from keelway.accounts.accounts import REMEMBER, Accounts, User, digest
from keelway.accounts.gate import COOKIE
from keelway.chat import rows
from keelway.chat.event_log import Bells, follow
from keelway.chat.turn import Turn
from keelway.cli.servers import Site, listen, serving
from keelway.db import models
from keelway.db.session import Database
from keelway.errors import KeelwayError
from keelway.ids import TreeSha, TurnId
from keelway.projects.projects import Project, Projects
from keelway.services import Services
from keelway.settings import Settings
from sandboxd.serve import api_key

RULES = """
POST   /api/login                                        open
POST   /api/login/password                               open
GET    /api/health                                       open
POST   /api/logout                                       person
GET    /api/me                                           person
PUT    /api/me/password                                  person
GET    /api/machine                                      person
GET    /api/projects                                     person
POST   /api/projects                                     create
GET    /api/projects/{project_id}                        view
PATCH  /api/projects/{project_id}                        edit
DELETE /api/projects/{project_id}                        delete
GET    /api/projects/{project_id}/fragments              view
GET    /api/projects/{project_id}/fragments/{fid}        view
GET    /api/projects/{project_id}/fragments/{fid}/diff   view
GET    /api/projects/{project_id}/fragments/{fid}/files  view
GET    /api/projects/{project_id}/fragments/{fid}/files/{path}  view
POST   /api/projects/{project_id}/fragments/{fid}/restore       edit
GET    /api/projects/{project_id}/health                 view
POST   /api/projects/{project_id}/recover                edit
GET    /api/projects/{project_id}/preview                view
POST   /api/projects/{project_id}/preview/touch          view
POST   /api/projects/{project_id}/chat                   edit
DELETE /api/projects/{project_id}/chat                   edit
GET    /api/projects/{project_id}/chat/stream            view
GET    /api/projects/{project_id}/messages               view
"""

PEOPLE = """
who                                  open  person  create  view  edit  delete
nobody                               in    401     401     401   401   401
an expired session                   in    401     401     401   401   401
an idle session                      in    401     401     401   401   401
the engine's key                     in    401     401     401   401   401
the engine's key as a cookie         in    401     401     401   401   401
a session as a token                 in    401     401     401   401   401
a stranger                           in    in      in      404   404   404
a stranger's token                   in    in      in      404   404   404
an admin of another team             in    in      in      404   404   404
somebody taken out of the team       in    in      in      404   404   404
a server viewer                      in    in      403     404   404   404
a team viewer                        in    in      in      in    403   403
a team viewer's token                in    in      in      in    403   403
a team member                        in    in      in      in    in    403
a team admin                         in    in      in      in    in    in
a team owner                         in    in      in      in    in    in
the project's own user               in    in      in      in    in    in
a server viewer who owns the team    in    in      403     in    403   403
a server admin                       in    in      in      in    in    in
the server's owner                   in    in      in      in    in    in
"""

REFUSALS = {
    (401, "Unauthenticated"): "401",
    (403, "NotAllowed"): "403",
    (404, "ProjectNotFound"): "404",
}
"""What a refusal says; whatever else is answered, the route let them in."""


def rules() -> dict[str, str]:
    """Of each route, its rule."""
    rows = (line.split() for line in RULES.strip().splitlines())
    return {f"{method} {path}": rule for method, path, rule in rows}


def expected() -> dict[str, dict[str, str]]:
    """Of each person, what each rule answers."""
    (_, *kinds), *rows = (re.split(r"\s{2,}", line) for line in PEOPLE.strip().splitlines())
    return {name: dict(zip(kinds, answers, strict=True)) for name, *answers in rows}


class WentIn(KeelwayError):
    """A route decided to let somebody in, and reaches for what it works with."""

    status = 418


@dataclass
class Doors:
    """As much of `Services` as deciding takes. Behind it there is nothing, so nothing is changed."""

    accounts: Accounts
    projects: Projects

    def __getattr__(self, name: str) -> NoReturn:
        raise WentIn(name)


def outcome(answer: httpx.Response) -> str:
    """`in`, or the status of the refusal."""
    if answer.status_code < 400:
        return "in"
    return REFUSALS.get((answer.status_code, answer.json()["code"]), "in")


@dataclass
class Town:
    """A page whose routes end where they let somebody in, one project, and everybody."""

    page: Page
    routes: Sequence[str]
    project: Project
    people: Mapping[str, httpx.AsyncClient]

    async def ask(self, name: str, route: str) -> str:
        method, _, path = route.partition(" ")
        path = path.format(project_id=self.project.id, fid="v1", path="index.html")
        has_body = method not in ("GET", "DELETE")
        return outcome(
            await self.people[name].request(
                method,
                path,
                content=b"{}" if has_body else None,
                headers={"content-type": "application/json"} if has_body else None,
            )
        )


@asynccontextmanager
async def town(database: Database, home: Path) -> AsyncGenerator[Town]:
    settings = Settings(home=home, port=PORT)
    parts = Doors(Accounts(database), Projects(database))
    api = app.create_app(settings, cast(Services, parts))
    api.state.machine = parts
    door = app.PageDoor(api, parts.accounts, app.Names.of("keelway.localhost", PORT))
    page = Page(app.guarded(door), cast(Parts, parts), settings)
    routes = [
        f"{method.upper()} {path}"
        for path, methods in api.openapi()["paths"].items()
        for method in methods
    ]
    async with AsyncExitStack() as stack:
        project, people = await everybody(page, database, home)
        for client in people.values():
            await stack.enter_async_context(client)
        yield Town(page, routes, project, people)


async def everybody(
    page: Page, database: Database, home: Path
) -> tuple[Project, dict[str, httpx.AsyncClient]]:
    """A project of somebody's, in a team, and a client for each line of `PEOPLE`."""
    maker = await person(database, "member")
    project = await page.parts.projects.create(maker.id, "Todo", "react-vite")
    team, other = await new_team(database, project), await new_team(database)
    in_team: dict[str, User] = {}
    for name in ("viewer", "member", "admin", "owner"):
        in_team[name] = await person(database, "member")
        await join(database, team, in_team[name], name)
    looker = await person(database, "viewer")
    await join(database, team, looker, "owner")
    stranger, elsewhere = await person(database, "member"), await person(database, "member")
    await join(database, other, elsewhere, "admin")
    gone = await person(database, "member")
    await join(database, team, gone, "admin")
    await leave(database, team, gone)
    key = api_key(home)
    session = (await page.browser(maker)).headers["cookie"].partition("=")[2]
    return project, {
        "nobody": page.client(sec_fetch_site="same-origin"),
        "an expired session": await ended(page, database, maker, "expires_at"),
        "an idle session": await ended(page, database, maker, "used_at"),
        "the engine's key": page.client(authorization=f"Bearer {key}"),
        "the engine's key as a cookie": page.client(
            cookie=f"{COOKIE}={key}", sec_fetch_site="same-origin"
        ),
        "a session as a token": page.client(authorization=f"Bearer {session}"),
        "a stranger": await page.browser(stranger),
        "a stranger's token": await page.program(stranger),
        "an admin of another team": await page.browser(elsewhere),
        "somebody taken out of the team": await page.browser(gone),
        "a server viewer": await page.browser(await person(database, "viewer")),
        "a team viewer": await page.browser(in_team["viewer"]),
        "a team viewer's token": await page.program(in_team["viewer"]),
        "a team member": await page.browser(in_team["member"]),
        "a team admin": await page.browser(in_team["admin"]),
        "a team owner": await page.browser(in_team["owner"]),
        "the project's own user": await page.browser(maker),
        "a server viewer who owns the team": await page.browser(looker),
        "a server admin": await page.browser(await person(database, "admin")),
        "the server's owner": await page.browser(await page.accounts.owner()),
    }


async def ended(page: Page, database: Database, user: User, column: str) -> httpx.AsyncClient:
    """The browser of a session whose time is over."""
    browser = await page.browser(user)
    session = models.Session
    token = digest(browser.headers["cookie"].partition("=")[2])
    long_ago = datetime.now(UTC) - timedelta(days=8)
    async with database.transaction() as tx:
        query = update(session).where(session.token_hash == token)
        await tx.execute(query.values({column: long_ago}))
    return browser


async def test_every_route_lets_in_whom_it_should_and_nobody_else(
    any_database: Database, home: Path
) -> None:
    wrong: list[str] = []
    async with town(any_database, home) as here:
        assert sorted(here.routes) == sorted(rules())
        assert sorted(here.people) == sorted(expected())
        # Whoever has logged out is nobody.
        for route in sorted(here.routes, key=lambda each: each == "POST /api/logout"):
            for name, answers in expected().items():
                right, got = answers[rules()[route]], await here.ask(name, route)
                if got != right:
                    wrong.append(f"{route} by {name}: {got}, not {right}")
    assert wrong == []


async def test_a_project_says_of_everybody_what_its_routes_would(
    any_database: Database, home: Path
) -> None:
    """`canEdit` and `canDelete`, in the list and alone: what is not offered is what would be refused."""
    async with town(any_database, home) as here:
        for name, answers in expected().items():
            if answers["view"] != "in":
                continue
            alone = (await here.people[name].get(f"/api/projects/{here.project.id}")).json()
            assert {"edit": alone["canEdit"], "delete": alone["canDelete"]} == {
                rule: answers[rule] == "in" for rule in ("edit", "delete")
            }, name
            assert (await here.people[name].get("/api/projects")).json()["items"] == [alone], name


async def test_an_id_that_no_database_takes_is_not_found(
    any_database: Database, home: Path
) -> None:
    async with town(any_database, home) as here:
        maker = here.people["the project's own user"]
        for odd in (
            "%00",
            f"{here.project.id}%00",
            "%F0%9F%90%99",
            "%ED%A0%80",
            "x" * 2000,
            "%27%20OR%201=1",
        ):
            answer = await maker.get(f"/api/projects/{odd}")
            # A NUL is refused before anybody looks for anything.
            refused = (400, "BadRequest") if "%00" in odd else (404, "ProjectNotFound")
            assert (answer.status_code, answer.json()["code"]) == refused, odd


async def test_ones_own_project_leads_to_nobody_elses_versions(
    any_database: Database, home: Path
) -> None:
    """Guessed nested ids: each is looked for in the path's project only."""
    async with opened(any_database, home) as page:
        theirs = await page.parts.new_project(await page.accounts.owner(), "Todo", "react-vite")
        stranger = await person(any_database, "member")
        mine = await page.parts.new_project(stranger, "Mine", "react-vite")
        fid, sha = theirs.active_fragment_id, theirs.git_commit_hash
        async with await page.browser(stranger) as browser:
            own = f"/api/projects/{mine.id}/fragments"
            for path in (
                *(f"{own}/{guess}" for guess in (fid, sha)),
                f"{own}/{fid}/files",
                f"{own}/{fid}/files/index.html",
                f"{own}/{fid}/diff",
                f"{own}/v1/diff?against={fid}",
                f"{own}/v1/diff?against={sha}",
            ):
                answer = await browser.get(path)
                assert (answer.status_code, answer.json()["code"]) == (404, "FragmentNotFound"), (
                    path
                )


@dataclass
class Following:
    """Turns that only wait: what a reader reads is the real log of a real row."""

    database: Database
    bells: Bells

    async def running(self, project: Project) -> Turn | None:
        return await rows.active(self.database, project.key)

    def follow(self, project: Project, turn_id: TurnId) -> AsyncGenerator[str]:
        del project
        return follow(self.database, self.bells, turn_id)


@dataclass
class Reading:
    """The page on a real port, a project with a turn at work, and somebody of its team."""

    page: Page
    database: Database
    project: Project
    team: str
    mate: User
    session: str
    port: int

    async def read(self, shut_out: Callable[[], Awaitable[None]]) -> float:
        """Follow the turn; how many seconds after `shut_out` it breaks off."""
        headers = {
            "host": f"keelway.localhost:{self.port}",
            "cookie": f"{COOKIE}={self.session}",
        }
        path = f"http://127.0.0.1:{self.port}/api/projects/{self.project.id}/chat/stream"
        async with (
            httpx.AsyncClient(headers=headers, trust_env=False, timeout=30) as client,
            client.stream("GET", path) as answer,
        ):
            assert answer.status_code == 200
            await shut_out()
            before = time.monotonic()
            with pytest.raises(httpx.RemoteProtocolError):
                async for _ in answer.aiter_lines():
                    pass
        return time.monotonic() - before

    async def leave(self) -> None:
        await leave(self.database, self.team, self.mate)


@pytest.fixture
async def reading(database: Database, home: Path) -> AsyncIterator[Reading]:
    async with opened(database, home) as page:
        parts = cast(Any, page.parts)
        parts.turns, parts.database = Following(database, Bells()), database
        project = await page.parts.new_project(await page.accounts.owner(), "Todo", "react-vite")
        mate, team = await person(database, "member"), await new_team(database, project)
        await join(database, team, mate, "viewer")
        said = rows.NewTurn(project.user_id, "go on for ever", None, None)
        await rows.insert(database, project.key, said, fence=1, base=TreeSha("0" * 40))
        listener = listen("127.0.0.1", 0)
        port = listener.getsockname()[1]
        gate = cast(Any, page.asgi)
        door = app.PageDoor(gate.app.app, page.accounts, app.Names.of("keelway.localhost", port))
        async with serving([Site(app.guarded(door), listener)]):
            session = await page.accounts.log_in(await page.accounts.new_login_key(mate))
            yield Reading(page, database, project, team, mate, session, port)


async def test_who_is_taken_out_of_a_team_reads_on_for_five_seconds_at_most(
    reading: Reading,
) -> None:
    async with asyncio.timeout(20):
        assert await reading.read(reading.leave) < 5
    async with await reading.page.program(reading.mate) as client:
        answer = await client.get(f"/api/projects/{reading.project.id}/chat/stream")
        assert (answer.status_code, answer.json()["code"]) == (404, "ProjectNotFound")


async def test_without_asking_again_they_would_read_on_for_ever(
    reading: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "RECHECK_SECONDS", 3600.0)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(6):
            await reading.read(reading.leave)


@pytest.mark.parametrize("way", ["log out", "log out at another server", "delete the project"])
async def test_a_stream_ends_with_what_it_was_opened_by(
    reading: Reading, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    monkeypatch.setattr(watch, "RECHECK_SECONDS", 0.1)
    session, accounts = digest(reading.session), reading.page.accounts

    async def shut_out() -> None:
        if way == "log out":
            await accounts.log_out(session)
        elif way == "log out at another server":
            await Accounts(reading.database).log_out(session)
        else:
            await reading.page.parts.projects.delete(reading.project)

    async with asyncio.timeout(20):
        # The gate's memory counts only where another server did it.
        limit = REMEMBER if "another" in way else 0
        assert await reading.read(shut_out) < limit + 2
