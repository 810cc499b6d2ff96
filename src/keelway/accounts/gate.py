"""The gate before everything: Host list, then Origin, then who is asking, then limits (TRUST.md B1).

`Gate` is the half that both ports share; `PageDoor` is the rest of the page's port. Each defence can be
taken away by a constructor argument, so that a test may first show the attack working without it.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from starlette.datastructures import MutableHeaders
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from keelway.accounts.access import CALLER
from keelway.accounts.accounts import Accounts, Caller
from keelway.accounts.arrival import Arrival, Refused, has, one, read
from keelway.accounts.limits import Count, Ending, Rate, counted
from keelway.accounts.problems import problem

COOKIE = "__Host-keelway"
ARRIVAL = "keelway.arrival"
"""Key of the ASGI scope under which `Gate` leaves the `Arrival`."""

LOGINS = frozenset({("POST", "/api/login"), ("POST", "/api/login/password")})
OPEN = LOGINS | {("GET", "/api/health"), ("HEAD", "/api/health")}
"""All of the API that an anonymous caller may reach. The page itself holds no secrets."""
STREAMS = re.compile(r"/api/projects/[^/]+/chat(/stream)?")


async def refuse(scope: Scope, receive: Receive, send: Send, why: Refused) -> None:
    """Answer with the problem; a WebSocket gets it instead of its upgrade."""
    answer = problem(why.status, why.code, why.detail, headers=why.headers)
    if scope["type"] == "websocket" and "websocket.http.response" not in scope["extensions"]:
        await send({"type": "websocket.close", "code": 1008, "reason": why.code})
        return
    await answer(scope, receive, send)


class Gate:
    """Host and Origin, for any port. What passes has an `Arrival` in its scope."""

    def __init__(
        self,
        app: ASGIApp,
        knows: Callable[[str], bool],
        *,
        check_host: bool = True,
        check_origin: bool = True,
    ) -> None:
        """`knows` says whether a lower-case Host header, port included, is ours."""
        self.app = app
        self.knows = knows
        self.check_host = check_host
        self.check_origin = check_origin

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            return
        try:
            scope[ARRIVAL] = self._admit(scope)
            await self.app(scope, receive, send)
        except Refused as refused:
            await refuse(scope, receive, send, refused)

    def _admit(self, scope: Scope) -> Arrival:
        arrival = read(scope)
        if self.check_host and not self.knows(arrival.host):
            raise Refused(421, "UnknownHost", "Nobody of that name lives here.")
        if self.check_origin and arrival.source == "foreign":
            raise Refused(403, "ForeignOrigin", "Another site may not ask for this.")
        return arrival


@dataclass(frozen=True, slots=True)
class Names:
    """The page's addresses: one canonical host, which alone has cookies, and others that lead there."""

    canonical: str
    others: frozenset[str]
    preview_port: int

    @classmethod
    def of(cls, public_host: str, port: int) -> "Names":
        """With http's own port, browsers leave the number out."""
        tail = "" if port == 80 else f":{port}"
        others = frozenset(f"{name}{tail}" for name in ("127.0.0.1", "localhost", "[::1]"))
        canonical = f"{public_host}{tail}"
        return cls(canonical, others - {canonical}, port + 1)

    def know(self, host: str) -> bool:
        return host == self.canonical or host in self.others

    @property
    def address(self) -> str:
        return f"http://{self.canonical}"

    @property
    def policy(self) -> str:
        """The page's Content-Security-Policy (TRUST.md 6)."""
        return (
            "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
            "img-src 'self' data: blob:; font-src 'self'; "
            f"connect-src 'self' ws://{self.canonical}; "
            f"frame-src http://*.localhost:{self.preview_port}; worker-src 'self' blob:; "
            "base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"
        )


class PageDoor:
    """The page's port behind the `Gate`: who is asking, limits, and the headers of every answer."""

    def __init__(
        self,
        app: ASGIApp,
        accounts: Accounts,
        names: Names,
        *,
        unsafe_per_minute: int = 120,
        streams: int = 20,
        body_bytes: int = 1 << 20,
        check_login: bool = True,
    ) -> None:
        self.app = app
        self.accounts = accounts
        self.names = names
        self.body_bytes = body_bytes
        self.check_login = check_login
        self.unsafe = Rate(unsafe_per_minute, seconds=60)
        self.streams = Count(streams)
        self.ending = Ending()
        self.headers = {
            "content-security-policy": names.policy,
            "cross-origin-opener-policy": "same-origin",
            "cross-origin-resource-policy": "same-origin",
            "permissions-policy": "camera=(), microphone=(), geolocation=()",
            "referrer-policy": "no-referrer",
            "x-content-type-options": "nosniff",
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        arrival = cast(Arrival, scope[ARRIVAL])
        send = self._with_headers(arrival, send)
        try:
            await self._enter(arrival, scope, receive, send)
        except Refused as refused:
            await refuse(scope, receive, send, refused)

    async def _enter(self, arrival: Arrival, scope: Scope, receive: Receive, send: Send) -> None:
        if "\0" in arrival.path or b"%00" in scope["query_string"]:
            raise Refused(400, "BadRequest", "An address holds no NUL.")  # nor can PostgreSQL
        api = arrival.path.startswith("/api/")
        if not api and arrival.host != self.names.canonical:
            await self._lead_home(arrival, scope, receive, send)
            return
        caller = await self._who(arrival)
        if api and caller is None and (arrival.method, arrival.path) not in OPEN:
            raise Refused(
                401,
                "Unauthenticated",
                "Log in first. Run `keelway link` for a login address.",
                www_authenticate="Bearer",
            )
        if (arrival.method, arrival.path) in LOGINS:
            self._check_login(arrival, caller)
        scope[CALLER] = caller
        name = _limited(caller, scope)
        if not arrival.safe:
            self._check_body(scope)
            self.unsafe.take(name)
            receive = counted(receive, self.body_bytes)
        if STREAMS.fullmatch(arrival.path) and arrival.method in ("GET", "POST"):
            with self.streams.one(name):
                await self.ending.unless(self._run(scope, receive, send))
            return
        await self.app(scope, receive, send)

    def end_streams(self) -> None:
        """Cut what follows running turns; the page comes back for the rest."""
        self.ending.set()

    async def _run(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)

    async def _lead_home(
        self, arrival: Arrival, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Pages have one host; the others redirect there."""
        if not arrival.safe:
            raise Refused(421, "UnknownHost", f"The page lives at {self.names.address}.")
        query = scope["query_string"].decode("latin-1")
        # A path of two slashes would be read as another site's address.
        path = "/" + scope["raw_path"].decode("latin-1").lstrip("/\\")
        target = self.names.address + path + (f"?{query}" if query else "")
        await RedirectResponse(target, 307)(scope, receive, send)

    async def _who(self, arrival: Arrival) -> Caller | None:
        """A bearer on any host; the cookie on the canonical one, and for changes only from our page."""
        if arrival.bearer is not None:
            return await self.accounts.by_token(arrival.bearer)
        cookie = arrival.cookies.get(COOKIE)
        if cookie is None or arrival.host != self.names.canonical:
            return None
        if not arrival.safe and arrival.source != "same":
            return None
        return await self.accounts.by_cookie(cookie)

    def _check_login(self, arrival: Arrival, caller: Caller | None) -> None:
        """A session begins on the canonical host and by our own page (TRUST.md B1, T13).

        On another name its cookie would go to every server of that name, whatever its port.
        """
        if arrival.host != self.names.canonical:
            raise Refused(421, "UnknownHost", f"Log in at {self.names.address}.")
        if self.check_login and arrival.source != "same" and caller is None:
            raise Refused(
                403, "ForeignOrigin", f"Say where you ask from: Origin: {self.names.address}"
            )

    def _check_body(self, scope: Scope) -> None:
        headers: list[tuple[bytes, bytes]] = scope["headers"]
        length = one(headers, b"content-length")
        if length is not None and int(length) > self.body_bytes:
            raise Refused(413, "BodyTooLarge", f"At most {self.body_bytes} bytes.")
        if length in (None, "0") and not has(headers, b"transfer-encoding"):
            return
        kind = (one(headers, b"content-type") or "").partition(";")[0].strip().lower()
        if kind != "application/json":
            raise Refused(415, "NotJson", "Send JSON, with content-type application/json.")

    def _with_headers(self, arrival: Arrival, send: Send) -> Send:
        async def sending(message: Message) -> None:
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                headers = MutableHeaders(raw=message.setdefault("headers", []))
                for name, value in self.headers.items():
                    headers.setdefault(name, value)
                if arrival.path.startswith("/api/"):
                    headers.setdefault("cache-control", "no-store")
            await send(message)

        return sending


def _limited(caller: Caller | None, scope: Scope) -> str:
    """Whose account a limit is kept on."""
    if caller is not None:
        return caller.user.id
    client = scope.get("client")
    return f"address {client[0] if client else 'unknown'}"
