"""A request to a preview: who it is for, and what of it the app inside may see (ENGINE-CONTRACT 8).

A request is taken apart and rebuilt, never passed through: what names us, our credentials and the
hop's own headers stay here.
"""

from collections.abc import Iterable
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qsl, urlencode

from starlette.types import Scope

from sandboxd import gate
from sandboxd.box import Box
from sandboxd.engine import Engine
from sandboxd.errors import NotFound, SandboxdError, Unauthorized
from sandboxd.gate import PreviewHost

TOKEN_HEADER = b"x-daytona-preview-token"
TOKEN_QUERY = "DAYTONA_SANDBOX_AUTH_KEY"  # noqa: S105 - the parameter's name
COOKIE = "daytona-sandbox-auth"
HOP = frozenset(
    b"connection keep-alive proxy-authenticate proxy-authorization proxy-connection te trailer "
    b"transfer-encoding upgrade".split()
)

Headers = list[tuple[bytes, bytes]]


class BadGateway(SandboxdError):
    status, code, source = 502, "BAD_GATEWAY", "DAYTONA_PROXY"


class Preview:
    """One request to a preview host: who it is for, and what of it the app inside may see."""

    def __init__(self, engine: Engine, host: PreviewHost, scope: Scope) -> None:
        self._engine = engine
        self._scope = scope
        self.port = host.port
        self._raw: Headers = scope["headers"]
        self._query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        self.box, self.cookie = self._admit(host)

    def _admit(self, host: PreviewHost) -> tuple[Box, str | None]:
        """The sandbox, and the cookie to set. Raises `NotFound` or `Unauthorized`."""
        signed = self._engine.signed.find(host.label, host.port)
        if signed is not None:
            return self._engine.get(signed), None
        box = self._engine.get_by_id(host.label)
        if box is None:
            raise NotFound("No such preview")
        if box.record.public or gate.has_key(self._scope, self._engine.settings):
            return box, None
        token = box.record.preview_token
        if _same(self._header(TOKEN_HEADER), token) or _same(self._cookies().get(COOKIE), token):
            return box, None
        if _same(dict(self._query).get(TOKEN_QUERY), token):
            return box, token
        raise Unauthorized("This preview needs its token")

    @property
    def target(self) -> bytes:
        """Path and query as the app inside sees them."""
        path: bytes = self._scope.get("raw_path") or self._scope["path"].encode()
        query: bytes = self._scope["query_string"]
        if TOKEN_QUERY.encode() in query:
            rest = [(name, value) for name, value in self._query if name != TOKEN_QUERY]
            query = urlencode(rest).encode()
        return path + (b"?" + query if query else b"")

    def headers(self) -> Headers:
        """The request's headers for the app inside, without the hop's own, Host rewritten."""
        drop = HOP | named_by_connection(self._raw)
        kept: Headers = [(b"host", f"localhost:{self.port}".encode())]
        own = self._header(b"host")
        for name, value in self._raw:
            if name in drop or name == b"host" or name.startswith((b"x-daytona-", b"forwarded")):
                continue
            if name.startswith(b"x-forwarded-"):
                continue
            if name == b"authorization" and gate.has_key(self._scope, self._engine.settings):
                continue
            if name == b"cookie":
                value = _without_cookie(value)
            elif name in {b"origin", b"referer"}:
                value = self._as_localhost(value, own)
            if value:
                kept.append((name, value))
        kept.append((b"x-forwarded-proto", b"http"))
        return kept

    def _as_localhost(self, value: bytes, own: str) -> bytes:
        site = f"http://{own}".encode()
        if value == site or value.startswith(site + b"/"):
            return f"http://localhost:{self.port}".encode() + value[len(site) :]
        return value

    def _header(self, wanted: bytes) -> str:
        return next((v.decode("latin-1") for name, v in self._raw if name == wanted), "")

    def _cookies(self) -> dict[str, str]:
        try:
            parsed = SimpleCookie(self._header(b"cookie"))
        except CookieError:
            return {}
        return {name: morsel.value for name, morsel in parsed.items()}


def named_by_connection(headers: Iterable[tuple[bytes, bytes]]) -> frozenset[bytes]:
    """The headers that `Connection` declares to be the hop's own."""
    return frozenset(
        word.strip().lower()
        for name, value in headers
        if name == b"connection"
        for word in value.split(b",")
    )


def _without_cookie(value: bytes) -> bytes:
    pairs = (pair.strip() for pair in value.split(b";"))
    return b"; ".join(pair for pair in pairs if pair.split(b"=", 1)[0] != COOKIE.encode())


def _same(given: str | None, token: str) -> bool:
    return bool(given) and gate.same(given or "", token)
