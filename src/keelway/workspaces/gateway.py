"""The preview port: `http://<port>-<sandbox id>.localhost:<page port + 1>/`, for sandboxd and the cloud alike.

A browser comes in with a ticket from the page, gets a cookie for this one site and is forwarded to the SDK's
preview link; a program shows its bearer token. TRUST.md B2 has the rules.
"""

import html
import re
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Protocol, Self, cast

from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import Receive, Scope, Send

from keelway.accounts.access import may_view
from keelway.accounts.accounts import Accounts, Caller, digest
from keelway.accounts.arrival import Arrival, Refused
from keelway.accounts.gate import ARRIVAL, Gate, Names, refuse
from keelway.accounts.limits import Count, Ending
from keelway.accounts.watch import while_allowed
from keelway.errors import KeelwayError
from keelway.ids import SandboxId
from keelway.projects.projects import Project, Projects
from keelway.workspaces import probe
from keelway.workspaces.forward import Forward, Stale, Unreachable, Way, wants_html
from keelway.workspaces.forwarding import COOKIE, Target, clean_query, parameter
from keelway.workspaces.tickets import COOKIE_SECONDS, TICKET, Tickets

SITE = re.compile(r"(?P<port>\d{2,5})-(?P<sandbox>[a-z0-9-]{20,36})\.localhost(?P<tail>:\d{1,5})?")
LINK_SECONDS = 30.0
"""How long the SDK's preview link is believed; a wrong token asks again at once."""
CONNECTIONS = 200

LOCKED = "This preview opens from Keelway. Open the project there."
PRIVATE = {
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
PAGE = """<!doctype html><html lang="en"><meta charset="utf-8">{again}<title>Keelway preview</title>
<style>
:root {{ color-scheme: light dark }}
body {{ font: 14px/21px system-ui, sans-serif; margin: 0; height: 100vh;
       display: grid; place-content: center; text-align: center; opacity: .7 }}
</style><p>{said}</p></html>
"""


class _Link(Protocol):
    @property
    def url(self) -> str: ...
    @property
    def token(self) -> str: ...


class _Workspaces(Protocol):
    async def preview_link(self, project: Project, port: int = ...) -> _Link | None: ...


class _Services(Protocol):
    @property
    def accounts(self) -> Accounts: ...
    @property
    def projects(self) -> Projects: ...
    @property
    def tickets(self) -> Tickets: ...
    @property
    def workspaces(self) -> _Workspaces: ...


@dataclass(frozen=True, slots=True)
class Site:
    """What the host name says: one port of one sandbox."""

    port: int
    sandbox: SandboxId

    @classmethod
    def of(cls, host: str) -> "Site | None":
        found = SITE.fullmatch(host)
        if found is None or not 0 < int(found["port"]) < 65536:
            return None
        return cls(int(found["port"]), SandboxId(found["sandbox"]))


class Gateway:
    """The preview port's ASGI app. Enter it before serving."""

    def __init__(
        self, services: _Services, names: Names, *, connections: int = CONNECTIONS
    ) -> None:
        self.services = services
        self.page = names.address
        self.port = names.preview_port
        self.connections = Count(connections)
        self.ending = Ending()
        self.gate = Gate(self._enter, self._knows)
        self._links: dict[Site, tuple[float, Target | None]] = {}
        self._stack = AsyncExitStack()
        self.forward: Forward | None = None

    async def __aenter__(self) -> Self:
        self.forward = await self._stack.enter_async_context(Forward())
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.gate(scope, receive, send)

    def _knows(self, host: str) -> bool:
        tail = "" if self.port == 80 else f":{self.port}"
        return Site.of(host) is not None and host.endswith(f".localhost{tail}")

    async def _enter(self, scope: Scope, receive: Receive, send: Send) -> None:
        arrival = cast(Arrival, scope[ARRIVAL])
        site = Site.of(arrival.host)
        assert site is not None
        ticket = _ticket(scope)
        if ticket is not None and arrival.safe:
            answer = await self._take(ticket, site, scope)
            await answer(scope, receive, send)
            return
        caller = await self._who(arrival, site)
        if caller is None:
            await _say(scope, receive, send, 401, "PreviewLocked", LOCKED)
            return
        project = await self._project(site, caller)
        if project is None:
            await _say(scope, receive, send, 404, "PreviewNotFound", "There is no preview here.")
            return
        if arrival.path == probe.PATH:
            script = probe.script(self.page)
            await Response(script, media_type="text/javascript", headers=PRIVATE)(
                scope, receive, send
            )
            return
        with self.connections.one(site.sandbox):
            way = self._way(arrival, site, caller)
            showing = self._show(site, way, project, scope, receive, send)
            if scope["type"] == "http":  # a socket asks by itself, and says goodbye
                showing = while_allowed(showing, way.alive)
            await self.ending.unless(showing)

    def end_streams(self) -> None:
        """Cut what is being forwarded; nothing of it is kept here."""
        self.ending.set()

    def _way(self, arrival: Arrival, site: Site, caller: Caller) -> Way:
        async def alive() -> bool:
            now = await self.services.accounts.by_credential(caller.credential)
            return now is not None and await self._project(site, now) is not None

        ours = arrival.bearer is not None and digest(arrival.bearer) == caller.credential
        return Way(arrival.origin, ours, alive)

    async def _take(self, ticket: str, site: Site, scope: Scope) -> Response:
        """A ticket becomes a cookie; either way the address loses it."""
        query = clean_query(scope["query_string"]).decode("latin-1")
        path = "/" + scope["raw_path"].decode("latin-1").lstrip("/\\")
        answer = RedirectResponse(path + (f"?{query}" if query else ""), 303, headers=PRIVATE)
        cookie = await self.services.tickets.redeem(ticket, site.sandbox, site.port)
        if cookie is not None:
            # Starlette writes `Partitioned` on Python 3.14 only.
            answer.headers["set-cookie"] = (
                f"{COOKIE}={cookie}; Path=/; Max-Age={COOKIE_SECONDS}; "
                "Secure; HttpOnly; SameSite=None; Partitioned"
            )
        return answer

    async def _who(self, arrival: Arrival, site: Site) -> Caller | None:
        if arrival.bearer is not None:
            caller = await self.services.accounts.by_token(arrival.bearer)
            if caller is not None:
                return caller
        cookie = arrival.cookies.get(COOKIE)
        if cookie is None or (not arrival.safe and arrival.source != "same"):
            return None
        return await self.services.tickets.caller(cookie, site.sandbox, site.port)

    async def _project(self, site: Site, caller: Caller) -> Project | None:
        """Whose sandbox it is, when the caller may look at it."""
        standing = await self.services.projects.find_by_sandbox(caller.user.id, site.sandbox)
        if standing is None or not may_view(caller.user, standing):
            return None
        return standing.project

    async def _show(
        self, site: Site, way: Way, project: Project, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Forward; a token that a restart has made stale is asked for once more."""
        assert self.forward is not None
        for fresh in (False, True):
            try:
                target = await self._target(site, project, fresh=fresh)
                if target is None:
                    break
                await self.forward(way, target, scope, receive, send)
            except Stale:
                continue
            except Unreachable:
                break
            except KeelwayError as error:
                await _say(scope, receive, send, error.status, error.code, error.message)
            return
        said = f"Nothing answers on port {site.port} yet. This page tries again by itself."
        await _say(scope, receive, send, 502, "PreviewSilent", said)

    async def _target(self, site: Site, project: Project, *, fresh: bool) -> Target | None:
        at, target = self._links.get(site, (0.0, None))
        if target is not None and not fresh and time.monotonic() - at < LINK_SECONDS:
            return target
        link = await self.services.workspaces.preview_link(project, site.port)
        target = Target(link.url, link.token) if link is not None else None
        self._links[site] = (time.monotonic(), target)
        return target


def _ticket(scope: Scope) -> str | None:
    for part in scope["query_string"].split(b"&"):
        name, value = parameter(part)
        if name == TICKET:
            return value
    return None


async def _say(
    scope: Scope, receive: Receive, send: Send, status: int, code: str, said: str
) -> None:
    """A page for people, a problem for programs and sockets."""
    if scope["type"] == "websocket" or not wants_html(scope["headers"]):
        await refuse(scope, receive, send, Refused(status, code, said))
        return
    again = '<meta http-equiv="refresh" content="2">' if status == 502 else ""
    page = PAGE.format(said=html.escape(said), again=again)
    await HTMLResponse(page, status, headers=PRIVATE)(scope, receive, send)
