"""The preview's port over real sockets, in front of an app that tells what it was sent (TRUST.md B2)."""

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.types import Receive, Scope, Send
from tests.support.page import person
from tests.support.teams import join, leave, new_team
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from keelway.accounts.accounts import Accounts, Caller, User
from keelway.accounts.gate import Names
from keelway.cli.servers import Site, listen, serving
from keelway.db.session import Database
from keelway.ids import SandboxId
from keelway.projects.projects import Project, Projects
from keelway.workspaces.gateway import Gateway
from keelway.workspaces.tickets import Tickets
from sandboxd.serve import api_key

SANDBOX = SandboxId("0c1d2e3f-0000-4000-8000-00000000000a")
OTHER = SandboxId("0c1d2e3f-0000-4000-8000-00000000000b")


@dataclass
class Inside:
    """The app in the sandbox behind the engine's proxy; says back what it got."""

    token: str = "first"
    answers: bool = True
    slow: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = {k.decode(): v.decode() for k, v in scope["headers"]}
        if headers.get("x-daytona-preview-token") != self.token:
            await self._engine(scope, send, 401, "UNAUTHORIZED")
        elif not self.answers:
            await self._engine(scope, send, 502, "BAD_GATEWAY")
        elif scope["type"] == "websocket":
            await self._socket(scope, receive, send, headers)
        else:
            await self._page(scope, receive, send, headers)

    async def _engine(self, scope: Scope, send: Send, status: int, code: str) -> None:
        body = {"statusCode": status, "message": "no", "code": code, "source": "DAYTONA_PROXY"}
        kind = "websocket.http" if scope["type"] == "websocket" else "http"
        start = {"status": status, "headers": [(b"content-type", b"application/json")]}
        await send({"type": f"{kind}.response.start", **start})
        await send({"type": f"{kind}.response.body", "body": json.dumps(body).encode()})

    async def _page(
        self, scope: Scope, receive: Receive, send: Send, headers: dict[str, str]
    ) -> None:
        body = b""
        more = True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        said = {
            "method": scope["method"],
            "path": scope["raw_path"].decode(),
            "query": scope["query_string"].decode(),
            "headers": headers,
            "length": len(body),
        }
        answer = [(b"content-type", b"application/json"), (b"set-cookie", b"a=1; Domain=localhost")]
        if scope["path"] == "/page":
            answer[0] = (b"content-type", b"text/html; charset=utf-8")
        text = b"<head></head>" if scope["path"] == "/page" else json.dumps(said).encode()
        await send({"type": "http.response.start", "status": 200, "headers": answer})
        await send({"type": "http.response.body", "body": text, "more_body": True})
        if scope["path"] == "/slow":
            await self.slow.wait()
        await send({"type": "http.response.body", "body": b""})

    async def _socket(
        self, scope: Scope, receive: Receive, send: Send, headers: dict[str, str]
    ) -> None:
        await receive()
        names = scope["subprotocols"]
        await send({"type": "websocket.accept", "subprotocol": names[0] if names else None})
        await send({"type": "websocket.send", "text": json.dumps(headers)})
        while True:
            message = await receive()
            if message["type"] == "websocket.disconnect":
                return
            if message.get("text") == "close":
                await send({"type": "websocket.close", "code": 4001})
                return
            await send({"type": "websocket.send", "bytes": b"got " + (message.get("bytes") or b"")})


@dataclass
class Link:
    url: str
    token: str


@dataclass
class Previews:
    """Where the SDK's preview link would come from."""

    inside: Inside
    port: int
    asked: int = 0

    async def preview_link(self, project: Project, port: int = 5173) -> Link | None:
        self.asked += 1
        if port != 5173:
            return None
        name = f"{port}-{project.daytona_sandbox_id}.preview.localhost"
        return Link(f"http://{name}:{self.port}", self.inside.token)


@dataclass
class Services:
    accounts: Accounts
    projects: Projects
    tickets: Tickets
    workspaces: Previews


@dataclass
class Front:
    """The gateway on a real port."""

    services: Services
    gateway: Gateway
    inside: Inside
    owner: User
    project: Project
    port: int

    @property
    def host(self) -> str:
        return f"5173-{SANDBOX}.localhost:{self.port}"

    @property
    def origin(self) -> str:
        return f"http://{self.host}"

    def client(self, **headers: str) -> httpx.AsyncClient:
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        return httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{self.port}",
            headers={"host": self.host} | names,
            trust_env=False,
            timeout=10,
        )

    async def caller(self, user: User | None = None) -> Caller:
        accounts = self.services.accounts
        cookie = await accounts.log_in(await accounts.new_login_key(user or self.owner))
        found = await accounts.by_cookie(cookie)
        assert found is not None
        return found

    async def cookie(self, user: User | None = None) -> str:
        """What a browser holds after it has followed the page's link."""
        url = httpx.URL(self.services.tickets.url(await self.caller(user), SANDBOX, 5173))
        async with self.client() as browser:
            answer = await browser.get(url.raw_path.decode())
        return answer.headers["set-cookie"].partition(";")[0]

    async def browser(self, **headers: str) -> httpx.AsyncClient:
        given = {"cookie": await self.cookie(), "sec_fetch_site": "same-origin"}
        return self.client(**(given | headers))

    async def program(self, user: User | None = None) -> httpx.AsyncClient:
        token = await self.services.accounts.new_token(user or self.owner)
        return self.client(authorization=f"Bearer {token}")


@asynccontextmanager
async def front(database: Database, **limits: int) -> AsyncGenerator[Front]:
    accounts, projects = Accounts(database), Projects(database)
    owner = await accounts.owner()
    project = await projects.create(owner.id, "Todo", "react-vite")
    await projects.set_sandbox(project, SANDBOX, instead_of=None)
    behind, before = listen("127.0.0.1", 0), listen("127.0.0.1", 0)
    port = before.getsockname()[1]
    inside = Inside()
    previews = Previews(inside, behind.getsockname()[1])
    services = Services(accounts, projects, Tickets(b"k" * 32, accounts, port), previews)
    names = Names.of("keelway.localhost", port - 1)
    async with (
        Gateway(services, names, **limits) as gateway,
        serving([Site(inside, behind), Site(gateway, before)]),
    ):
        yield Front(services, gateway, inside, owner, project, port)
        inside.slow.set()


@pytest.fixture
async def site(database: Database, home: Path) -> AsyncIterator[Front]:
    async with front(database) as opened:
        yield opened


async def test_a_ticket_becomes_a_cookie_and_leaves_the_address(site: Front) -> None:
    url = httpx.URL(site.services.tickets.url(await site.caller(), SANDBOX, 5173))
    async with site.client() as browser:
        answer = await browser.get(url.raw_path.decode() + "&a=1")
        assert answer.status_code == 303
        assert answer.headers["location"] == "/?a=1"
        cookie, *attributes = answer.headers["set-cookie"].split("; ")
        assert cookie.startswith("__Host-kwp=")
        assert set(attributes) >= {"Path=/", "Secure", "HttpOnly", "SameSite=None", "Partitioned"}
        browser.headers["cookie"] = cookie
        said = (await browser.get("/x?a=1")).json()
        assert (said["path"], said["query"]) == ("/x", "a=1")
        used = await browser.get(url.raw_path.decode())
        assert "set-cookie" not in used.headers
    async with site.client() as stranger:
        assert (await stranger.get(url.raw_path.decode())).status_code == 303
        assert (await stranger.get("/x")).status_code == 401


async def test_the_app_inside_never_sees_what_opens_keelway(site: Front) -> None:
    token = await site.services.accounts.new_token(site.owner)
    secret = await site.cookie()
    async with site.client(
        authorization=f"Bearer {token}", cookie=f"{secret}; theme=dark", x_forwarded_for="1.2.3.4"
    ) as client:
        said = (await client.get("/x?DAYTONA_SANDBOX_AUTH_KEY=k&b=2")).json()
    assert token not in json.dumps(said)
    assert secret.partition("=")[2] not in json.dumps(said)
    assert said["headers"]["cookie"] == "theme=dark"
    assert said["headers"]["host"].endswith(f".preview.localhost:{site.services.workspaces.port}")
    assert said["query"] == "b=2"
    assert "x-forwarded-for" not in said["headers"]


async def test_bodies_stream_in_and_out(site: Front) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(30):
            yield b"x" * 100_000

    async with await site.program() as client:
        said = (await client.post("/upload", content=pieces())).json()
        assert (said["method"], said["length"]) == ("POST", 3_000_000)
        async with client.stream("GET", "/slow") as answer:
            first = await anext(answer.aiter_bytes())
            assert json.loads(first)["path"] == "/slow"
            site.inside.slow.set()


async def test_a_page_gets_the_probe_and_data_does_not(site: Front) -> None:
    async with await site.browser(sec_fetch_dest="iframe", sec_fetch_mode="navigate") as browser:
        page = await browser.get("/page")
        assert page.text == '<head><script src="/__keelway/probe.js"></script></head>'
        assert page.headers["referrer-policy"] == "no-referrer"
        assert page.headers["set-cookie"] == "a=1"
        assert "postMessage" in (await browser.get("/__keelway/probe.js")).text
    async with await site.browser(sec_fetch_dest="empty") as script:
        assert (await script.get("/page")).text == "<head></head>"


async def test_hosts_that_are_no_preview_are_not_served(site: Front) -> None:
    async with await site.program() as client:
        for host, status in {
            f"keelway.localhost:{site.port}": 421,
            f"127.0.0.1:{site.port}": 421,
            f"5173-{SANDBOX}.localhost.evil.example:{site.port}": 421,
            f"5173-{SANDBOX}.localhost:1": 421,
            f"5-{SANDBOX}.localhost:{site.port}": 421,
            f"99999-{SANDBOX}.localhost:{site.port}": 421,
            f"5173-{OTHER}.localhost:{site.port}": 404,
        }.items():
            assert (await client.get("/x", headers={"host": host})).status_code == status, host


async def test_a_stranger_sees_no_preview(site: Front, database: Database) -> None:
    async with await site.program(await person(database, "member")) as stranger:
        assert (await stranger.get("/x")).status_code == 404
    async with site.client() as nobody:
        answer = await nobody.get("/x", headers={"accept": "text/html"})
        assert answer.status_code == 401
        assert "opens from Keelway" in answer.text


@pytest.fixture
async def mate(site: Front, database: Database) -> tuple[User, str]:
    """Somebody who may look at the project as one of its team."""
    user, team = await person(database, "member"), await new_team(database, site.project)
    await join(database, team, user, "viewer")
    return user, team


@pytest.mark.parametrize(
    ("server_role", "team_role", "status"),
    [
        ("member", "viewer", 200),
        ("member", "owner", 200),
        ("viewer", "member", 200),
        ("admin", None, 200),
        ("member", None, 404),
        ("viewer", None, 404),
    ],
)
async def test_a_preview_asks_the_same_table_as_the_page(
    site: Front, database: Database, server_role: str, team_role: str | None, status: int
) -> None:
    user, team = await person(database, server_role), await new_team(database, site.project)
    if team_role is not None:
        await join(database, team, user, team_role)
    async with await site.program(user) as program:
        assert (await program.get("/x")).status_code == status


async def test_the_engines_key_opens_no_preview(site: Front, home: Path) -> None:
    key = api_key(home)
    for headers in ({"authorization": f"Bearer {key}"}, {"cookie": f"__Host-kwp={key}"}):
        async with site.client(**headers) as engine:
            assert (await engine.get("/x")).status_code == 401


async def test_a_team_sees_its_previews_until_it_is_left(
    site: Front, database: Database, mate: tuple[User, str]
) -> None:
    user, team = mate
    cookie = await site.cookie(user)
    async with await site.program(user) as program, site.client(cookie=cookie) as browser:
        assert (await program.get("/x")).status_code == 200
        assert (await browser.get("/x")).status_code == 200
        await leave(database, team, user)
        assert (await program.get("/x")).status_code == 404
        assert (await browser.get("/x")).status_code == 404


async def test_what_a_preview_still_sends_ends_when_the_team_is_left(
    site: Front, database: Database, mate: tuple[User, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("keelway.workspaces.forward.RECHECK_SECONDS", 0.05)
    monkeypatch.setattr("keelway.accounts.watch.RECHECK_SECONDS", 0.05)
    user, team = mate
    cookie = await site.cookie(user)
    async with (
        asyncio.timeout(10),
        socket(site, cookie=cookie, origin=site.origin) as ws,
        await site.program(user) as program,
        program.stream("GET", "/slow") as answer,
    ):
        await ws.recv()
        assert answer.status_code == 200
        await asyncio.sleep(0.3)
        await ws.send(b"still here")
        assert await ws.recv() == b"got still here"
        await leave(database, team, user)
        with pytest.raises(httpx.RemoteProtocolError):
            await answer.aread()
        with pytest.raises(ConnectionClosed) as closed:
            await ws.recv()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1008


async def test_one_previews_cookie_opens_no_other_port(site: Front) -> None:
    cookie = await site.cookie()
    async with site.client(cookie=cookie, host=f"3000-{SANDBOX}.localhost:{site.port}") as browser:
        assert (await browser.get("/x")).status_code == 401


async def test_another_site_may_lead_into_a_preview_and_not_use_it(site: Front) -> None:
    async with await site.browser(sec_fetch_site="cross-site", sec_fetch_mode="navigate") as page:
        assert (await page.get("/page")).status_code == 200
        assert (await page.post("/x", headers={"origin": "http://evil.example"})).status_code == 403
    async with await site.browser(sec_fetch_site="cross-site", sec_fetch_mode="cors") as evil:
        assert (await evil.get("/x")).status_code == 403


async def test_two_lengths_are_refused(site: Front) -> None:
    head = f"POST /x HTTP/1.1\r\nHost: {site.host}\r\nContent-Length: 4\r\n"
    head += "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    assert (await raw(site.port, head)).startswith("HTTP/1.1 400")


async def test_a_restarts_new_token_is_asked_for_once(site: Front) -> None:
    async with await site.program() as client:
        assert (await client.get("/x")).status_code == 200
        site.inside.token = "second"
        assert (await client.get("/x")).status_code == 200
        assert (await client.get("/x")).status_code == 200
    assert site.services.workspaces.asked == 2


async def test_nothing_listening_is_a_page_that_tries_again(site: Front) -> None:
    site.inside.answers = False
    async with await site.browser(accept="text/html") as browser:
        answer = await browser.get("/")
        assert answer.status_code == 502
        assert '<meta http-equiv="refresh" content="2">' in answer.text
        assert "port 5173" in answer.text
        data = await browser.get("/api", headers={"accept": "application/json"})
        assert data.json()["code"] == "PreviewSilent"


async def test_connections_to_one_sandbox_have_a_limit(database: Database, home: Path) -> None:
    async with (
        front(database, connections=2) as site,
        await site.program() as client,
        client.stream("GET", "/slow"),
        client.stream("GET", "/slow"),
    ):
        answer = await client.get("/x")
        assert (answer.status_code, answer.json()["code"]) == (429, "TooManyAtOnce")
        site.inside.slow.set()


async def test_a_socket_goes_both_ways_with_its_protocol(site: Front) -> None:
    async with socket(site, cookie=await site.cookie(), origin=site.origin) as ws:
        assert ws.subprotocol == "vite-hmr"
        headers: dict[str, Any] = json.loads(await ws.recv())
        assert "__Host-kwp" not in json.dumps(headers)
        assert headers["origin"].startswith("http://5173-")
        await ws.send(b"\x00\xff")
        assert await ws.recv() == b"got \x00\xff"
        await ws.send("close")
        with pytest.raises(ConnectionClosed) as closed:
            await ws.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4001


@pytest.mark.parametrize("origin", ["http://evil.example", "null", None])
async def test_a_socket_from_elsewhere_is_refused(site: Front, origin: str | None) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with socket(site, cookie=await site.cookie(), origin=origin):
            pass
    assert refused.value.response.status_code in (401, 403)


async def test_a_socket_to_nothing_is_refused(site: Front) -> None:
    site.inside.answers = False
    with pytest.raises(InvalidStatus) as refused:
        async with socket(site, cookie=await site.cookie(), origin=site.origin):
            pass
    assert refused.value.response.status_code == 502


async def test_a_socket_ends_with_its_session(site: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("keelway.workspaces.forward.RECHECK_SECONDS", 0.05)
    caller = await site.caller()
    url = httpx.URL(site.services.tickets.url(caller, SANDBOX, 5173))
    async with site.client() as browser:
        answer = await browser.get(url.raw_path.decode())
    cookie = answer.headers["set-cookie"].partition(";")[0]
    async with socket(site, cookie=cookie, origin=site.origin) as ws:
        await ws.recv()
        await site.services.accounts.log_out(caller.credential)
        with pytest.raises(ConnectionClosed) as closed:
            await asyncio.wait_for(ws.recv(), 5)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1008


async def test_the_server_ends_without_waiting_for_what_is_forwarded(
    database: Database, home: Path
) -> None:
    async with asyncio.timeout(8), contextlib.AsyncExitStack() as stack:
        site = await stack.enter_async_context(front(database))
        client = await stack.enter_async_context(await site.program())
        answer = await stack.enter_async_context(client.stream("GET", "/slow"))
        assert answer.status_code == 200
        site.gateway.end_streams()
        with pytest.raises(httpx.RemoteProtocolError):
            await answer.aread()


def socket(site: Front, *, cookie: str, origin: str | None) -> connect:
    headers = {"cookie": cookie} | ({"origin": origin} if origin else {})
    return connect(
        f"ws://{site.host}/?token=1",
        host="127.0.0.1",
        port=site.port,
        proxy=None,
        subprotocols=[Subprotocol("vite-hmr")],
        additional_headers=headers,
    )


async def raw(port: int, text: str) -> str:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(text.encode())
    await writer.drain()
    answer = await asyncio.wait_for(reader.read(4096), 10)
    writer.close()
    return answer.decode()
