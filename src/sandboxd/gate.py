"""Who may speak to the engine at all: host names, origins, the key (TRUST.md B4, decision 3)."""

import hmac
import re
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.types import Scope

from sandboxd.errors import BadRequest, SandboxdError, Unauthorized
from sandboxd.settings import Settings

OWN_NAMES = frozenset({"127.0.0.1", "localhost", "[::1]"})
_PREVIEW = re.compile(r"([1-9]\d{0,4})-([a-z0-9-]{20,36})\.localhost")


class Misdirected(SandboxdError):
    status, code = 421, "MISDIRECTED_REQUEST"


class Forbidden(SandboxdError):
    status, code = 403, "FORBIDDEN"


@dataclass(frozen=True, slots=True)
class PreviewHost:
    """A preview's host name: the port, and a sandbox id or a signed token."""

    port: int
    label: str


def preview_host(scope: Scope) -> PreviewHost | None:
    """The preview that the Host header names, None when it names the engine itself.

    Raises `BadRequest` for a missing or doubled header, `Misdirected` for any other name: a page
    from elsewhere must not reach the engine by a name of its own that resolves to loopback.
    """
    hosts = [value for name, value in scope["headers"] if name == b"host"]
    if len(hosts) != 1:
        raise BadRequest("Exactly one Host header is needed")
    name = re.sub(r":\d{1,5}$", "", hosts[0].decode("latin-1").lower())
    if name in OWN_NAMES:
        return None
    found = _PREVIEW.fullmatch(name)
    if found is None or int(found[1]) > 65535:
        raise Misdirected("This server does not serve that host")
    return PreviewHost(int(found[1]), found[2])


def check_origin(scope: Scope, settings: Settings) -> str | None:
    """The request's origin if it is an allowed one, None without any; raises `Forbidden`.

    Our own is allowed: Python's websocket clients send it, and no page of ours exists to abuse it.
    """
    origins = [value.decode("latin-1") for name, value in scope["headers"] if name == b"origin"]
    if not origins:
        return None
    allowed = {f"http://{settings.netloc}", *settings.allow_origins}
    if len(origins) == 1 and origins[0] in allowed:
        return origins[0]
    raise Forbidden("Requests from web pages are refused; see --allow-origin")


def has_key(scope: Scope, settings: Settings) -> bool:
    """Whether the request carries the engine's key as a bearer token."""
    given = Headers(scope=scope).get("authorization", "")
    kind, _, token = given.partition(" ")
    return kind.lower() == "bearer" and is_key(token.strip(), settings)


def is_key(token: str, settings: Settings) -> bool:
    return same(token, settings.key)


def same(given: str, secret: str) -> bool:
    """Equality in constant time."""
    return hmac.compare_digest(given.encode(errors="replace"), secret.encode())


def check_key(scope: Scope, settings: Settings) -> None:
    """Raises `Unauthorized`."""
    if not has_key(scope, settings):
        raise Unauthorized("Invalid or missing API key")


def cors_headers(origin: str) -> dict[str, str]:
    """What an allowed web page needs to see."""
    return {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Allow-Methods": "GET, POST, PUT, PATCH, DELETE, OPTIONS",
        "Access-Control-Allow-Headers": "*, Authorization, Content-Type",
        "Access-Control-Max-Age": "600",
        "Vary": "Origin",
    }
