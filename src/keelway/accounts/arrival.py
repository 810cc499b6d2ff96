"""What the head of a request says about where it comes from, read once and without mercy."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from starlette.types import Scope

SAFE = frozenset({"GET", "HEAD"})
HOST = re.compile(r"[a-z0-9.\-]{1,253}(?::\d{1,5})?|\[[0-9a-f:]{2,39}\](?::\d{1,5})?")

Source = Literal["same", "absent", "foreign"]
"""Whether the browser says that our own page asks; `absent`: no browser says anything."""


class Refused(Exception):
    """The gate does not let this in; `status`, `code` and a sentence."""

    def __init__(self, status: int, code: str, detail: str, **headers: str) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


@dataclass(frozen=True, slots=True)
class Arrival:
    """The facts of one request's head."""

    method: str
    upgrade: bool
    path: str
    host: str
    origin: str
    """The origin that this host name stands for, never the header of that name."""
    source: Source
    bearer: str | None
    cookies: dict[str, str]

    @property
    def safe(self) -> bool:
        """Neither a change nor a WebSocket."""
        return self.method in SAFE and not self.upgrade


def read(scope: Scope) -> Arrival:
    """Raises Refused (400) where the head is missing something, doubled or odd."""
    headers: list[tuple[bytes, bytes]] = scope["headers"]
    host = one(headers, b"host")
    if host is None or not HOST.fullmatch(host.lower()):
        raise Refused(400, "BadHost", "The request names no host, or an odd one.")
    host = host.lower()
    if has(headers, b"content-length") and has(headers, b"transfer-encoding"):
        raise Refused(400, "BadRequest", "A body has one length, not two.")
    upgrade = scope["type"] == "websocket"
    method = "GET" if upgrade else str(scope["method"])
    scheme = {"ws": "http", "wss": "https"}.get(scope["scheme"], str(scope["scheme"]))
    origin = f"{scheme}://{host}"
    return Arrival(
        method=method,
        upgrade=upgrade,
        path=str(scope["path"]),
        host=host,
        origin=origin,
        source=_source(headers, method in SAFE and not upgrade, origin),
        bearer=_bearer(headers),
        cookies=_cookies(headers),
    )


def has(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> bool:
    return any(key == name for key, _ in headers)


def one(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> str | None:
    """The header's only value. Raises Refused when it is there twice."""
    values = [value for key, value in headers if key == name]
    if len(values) > 1:
        raise Refused(400, "BadRequest", f"The header {name.decode()} is there twice.")
    return values[0].decode("latin-1") if values else None


def _source(headers: list[tuple[bytes, bytes]], safe: bool, origin: str) -> Source:
    said = one(headers, b"origin")
    if said is not None and said != origin:
        return "foreign"
    match one(headers, b"sec-fetch-site"):
        case None:
            return "absent" if said is None else "same"
        case "same-origin":
            return "same"
        case "none":  # typed, or from a bookmark
            return "same" if safe else "foreign"
        case _:
            return "same" if safe and _is_navigation(headers) else "foreign"


def _is_navigation(headers: list[tuple[bytes, bytes]]) -> bool:
    return one(headers, b"sec-fetch-mode") == "navigate"


def _bearer(headers: list[tuple[bytes, bytes]]) -> str | None:
    scheme, _, token = (one(headers, b"authorization") or "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token.strip() else None


def _cookies(headers: list[tuple[bytes, bytes]]) -> dict[str, str]:
    """The first of each name: `__Host-` ones cannot be set by anybody else."""
    found: dict[str, str] = {}
    for key, value in headers:
        if key != b"cookie":
            continue
        for pair in value.decode("latin-1").split(";"):
            name, _, content = pair.strip().partition("=")
            found.setdefault(name, content)
    return found
