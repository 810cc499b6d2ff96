"""What crosses the preview's border: a request rebuilt for the sandbox, an answer rebuilt for the browser.

Nothing that opens Keelway goes in (our cookies, our tokens), nothing that could reach beyond the preview's own
site comes out (cookies for a domain, cookies with our names).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from keelway.workspaces.tickets import TICKET

COOKIE = "__Host-kwp"
OURS = frozenset({COOKIE, "__Host-keelway"})
TOKEN_HEADER = "x-daytona-preview-token"  # noqa: S105 (the header's name)
AUTH_QUERY = frozenset({TICKET, "DAYTONA_SANDBOX_AUTH_KEY"})

HOP = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
WEBSOCKET = frozenset(
    {
        "sec-websocket-accept",
        "sec-websocket-extensions",
        "sec-websocket-key",
        "sec-websocket-protocol",
        "sec-websocket-version",
    }
)

Headers = list[tuple[str, str]]
RawHeaders = Iterable[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Target:
    """One port of one sandbox, as the SDK says it is reached."""

    url: str
    token: str

    @property
    def origin(self) -> str:
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}"

    @property
    def netloc(self) -> str:
        return urlsplit(self.url).netloc

    @property
    def secure(self) -> bool:
        return urlsplit(self.url).scheme == "https"

    @property
    def dial(self) -> tuple[str, int]:
        """Host and port to connect to: names below `localhost` are this machine (Python resolves none)."""
        parts = urlsplit(self.url)
        host = parts.hostname or ""
        if host == "localhost" or host.endswith(".localhost"):
            host = "127.0.0.1"
        return host, parts.port or (443 if self.secure else 80)


def inward(headers: RawHeaders, site: str, target: Target, *, bearer_is_ours: bool) -> Headers:
    """The request's headers as the sandbox may see them, with what opens its door."""
    kept: Headers = []
    gone = HOP | WEBSOCKET | _named_by_connection(headers) | {"host", "forwarded", "via"}
    for key, value in _text(headers):
        if key in gone or key.startswith(("x-daytona-", "x-forwarded-")):
            continue
        if key == "authorization" and bearer_is_ours:
            continue
        if key == "cookie":
            value = _without_ours(value)
        elif key == "origin" and value == site:
            value = target.origin
        elif key == "referer":
            value = value.replace(site, target.origin, 1)
        if value or key != "cookie":
            kept.append((key, value))
    return [*kept, ("host", target.netloc), (TOKEN_HEADER, target.token)]


def outward(headers: Iterable[tuple[str, str]], site: str, target: Target) -> Headers:
    """The answer's headers as the browser may see them."""
    raw = [(k.encode("latin-1"), v.encode("latin-1")) for k, v in headers]
    gone = (
        HOP | _named_by_connection(raw) | {"date", "referrer-policy", "server", "x-frame-options"}
    )
    kept: Headers = []
    for key, value in _text(raw):
        if key in gone or key.startswith("x-daytona-"):
            continue
        if key == "set-cookie":
            harmless = _harmless_cookie(value)
            if harmless is None:
                continue
            value = harmless
        elif key == "location" and value.startswith(target.origin):
            value = site + value[len(target.origin) :]
        kept.append((key, value))
    return [*kept, ("referrer-policy", "no-referrer")]


def clean_query(query: bytes) -> bytes:
    """The query without what opens doors; every other byte of it stays."""
    parts = query.split(b"&")
    return b"&".join(part for part in parts if parameter(part)[0] not in AUTH_QUERY)


def parameter(part: bytes) -> tuple[str, str]:
    """Name and value of one `name=value`."""
    name, _, value = part.partition(b"=")
    return unquote(name.decode("latin-1")), unquote(value.decode("latin-1"))


def _text(headers: RawHeaders) -> Headers:
    return [(k.decode("latin-1").lower(), v.decode("latin-1")) for k, v in headers]


def _named_by_connection(headers: RawHeaders) -> set[str]:
    """A Connection header may declare more headers to be hop-by-hop."""
    return {
        name.strip().lower()
        for key, value in _text(headers)
        if key == "connection"
        for name in value.split(",")
    }


def _without_ours(cookies: str) -> str:
    pairs = (pair.strip() for pair in cookies.split(";"))
    return "; ".join(pair for pair in pairs if pair and pair.partition("=")[0] not in OURS)


def _harmless_cookie(cookie: str) -> str | None:
    first, *attributes = cookie.split(";")
    if first.partition("=")[0].strip() in OURS:
        return None
    kept = (a for a in attributes if a.partition("=")[0].strip().lower() != "domain")
    return ";".join([first, *kept])
