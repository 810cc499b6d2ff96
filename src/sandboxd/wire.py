"""The little that HTTP needs here: calls, routes on the raw path, JSON in and out, errors.

A framework's router decodes `%2F` before it splits the path and answers in its own words; Daytona's
SDKs send names with slashes and read errors strictly (ENGINE-CONTRACT sections 2, 6, 9).
"""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar, cast
from urllib.parse import unquote

from pydantic import BaseModel, ValidationError
from starlette.datastructures import Headers, QueryParams
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Scope
from starlette.websockets import WebSocket

from sandboxd.box import Box, Running
from sandboxd.engine import Engine
from sandboxd.errors import BadRequest, NotFound, NotSupported, SandboxdError
from sandboxd.store import now

M = TypeVar("M", bound=BaseModel)


@dataclass
class Call:
    """One request (or websocket upgrade): who was asked, for what, with which words of the path."""

    engine: Engine
    scope: Scope
    params: Mapping[str, str]
    request: Request | None = None
    websocket: WebSocket | None = None

    @cached_property
    def query(self) -> QueryParams:
        return QueryParams(self.scope["query_string"])

    @cached_property
    def headers(self) -> Headers:
        return Headers(scope=self.scope)

    @cached_property
    def box(self) -> Box:
        """The sandbox that the path names by id or name. Raises `NotFound`."""
        return self.engine.get(self.params["s"])

    def running(self) -> Running:
        """Its machine. Raises `NotStarted`."""
        return self.box.machine()

    @property
    def http(self) -> Request:
        if self.request is None:
            raise BadRequest("This address speaks HTTP, not WebSocket")
        return self.request

    @property
    def socket(self) -> WebSocket:
        if self.websocket is None:
            raise BadRequest("This address speaks WebSocket")
        return self.websocket

    async def accept(self, *preferred: str) -> None:
        """Accept the upgrade with one of the offered sub-protocols: clients insist on one."""
        offered: list[str] = self.scope.get("subprotocols", [])
        chosen = next((name for name in preferred if name in offered), None)
        await self.socket.accept(chosen or (offered[0] if offered else None))

    async def body(self) -> bytes:
        """The whole body. Raises `BadRequest` beyond the engine's limit."""
        parts: list[bytes] = []
        size = 0
        async for part in self.http.stream():
            size += len(part)
            if size > self.engine.settings.body_limit:
                raise SandboxdError("Body is too large", status=413, code="PAYLOAD_TOO_LARGE")
            parts.append(part)
        return b"".join(parts)

    async def model(self, model: type[M]) -> M:
        """The JSON body as `model`, whatever content type it was sent with; nothing is `{}`."""
        raw = await self.body()
        try:
            return model.model_validate_json(raw if raw.strip() else b"{}")
        except ValidationError as error:
            raise BadRequest(_sentence(error), code="INVALID_REQUEST_BODY") from error

    def need(self, name: str) -> str:
        """A query value. Raises `BadRequest` when it is missing."""
        value = self.query.get(name)
        if value is None:
            raise BadRequest(f"Query parameter {name} is required")
        return value

    def flag(self, name: str, *, default: bool = False) -> bool:
        value = self.query.get(name)
        return default if value is None else value.lower() in {"true", "1"}

    def number(self, name: str, default: float) -> float:
        return to_number(self.query.get(name, str(default)), name)


def to_number(text: str, name: str) -> float:
    """`30`, `30.0` or `-1`; raises `BadRequest`."""
    try:
        number = float(text)
    except ValueError:
        raise BadRequest(f"{name} must be a number") from None
    if number != number or number in {float("inf"), float("-inf")}:
        raise BadRequest(f"{name} must be a number")
    return number


def to_int(text: str, name: str) -> int:
    number = to_number(text, name)
    if not number.is_integer():
        raise BadRequest(f"{name} must be a whole number")
    return int(number)


Handler = Callable[[Call], Awaitable[Response | None]]
H = TypeVar("H", bound=Handler)


class Routes:
    """Handlers by method and path template; literal segments win over `{parameters}`."""

    def __init__(self) -> None:
        self._by_length: dict[int, list[tuple[tuple[str, ...], str, Handler]]] = {}

    def add(self, method: str, template: str, handler: Handler) -> None:
        """`template` as in `/sandbox/{s}/start`; method `WEBSOCKET` for upgrades."""
        segments = tuple(template.strip("/").split("/"))
        known = self._by_length.setdefault(len(segments), [])
        known.append((segments, method, handler))
        known.sort(key=lambda route: [segment.startswith("{") for segment in route[0]])

    def route(self, method: str, template: str) -> Callable[[H], H]:
        """As a decorator."""

        def register(handler: H) -> H:
            self.add(method, template, handler)
            return handler

        return register

    def include(self, other: "Routes", prefix: str = "") -> None:
        for routes in other._by_length.values():
            for segments, method, handler in routes:
                self.add(method, f"{prefix}/{'/'.join(segments)}", handler)

    def find(self, method: str, segments: tuple[str, ...]) -> tuple[Handler, dict[str, str]]:
        """The handler and its parameters. Raises `NotFound`, or 405 when only the method is wrong."""
        allowed: set[str] = set()
        for template, known, handler in self._by_length.get(len(segments), []):
            params = _match(template, segments)
            if params is None:
                continue
            if known == method:
                return handler, params
            allowed.add(known)
        if allowed - {"WEBSOCKET"} and method != "WEBSOCKET":
            raise SandboxdError(f"{method} is not allowed here", status=405, code="BAD_REQUEST")
        raise NotFound(f"Cannot {method} /{'/'.join(segments)}")


def _match(template: tuple[str, ...], segments: tuple[str, ...]) -> dict[str, str] | None:
    params: dict[str, str] = {}
    for expected, given in zip(template, segments, strict=True):
        if expected.startswith("{"):
            params[expected[1:-1]] = given
        elif expected != given:
            return None
    return params


def segments_of(scope: Scope) -> tuple[str, ...]:
    """The path's segments, decoded one by one; empty ones (doubled slashes) dropped."""
    raw = cast(bytes, scope.get("raw_path") or scope["path"].encode())
    parts = raw.split(b"?", 1)[0].decode("latin-1").split("/")
    return tuple(unquote(part, errors="surrogateescape") for part in parts if part)


class _Json(JSONResponse):
    """JSON also of names that are not UTF-8: what cannot be sent is shown as `?`."""

    def render(self, content: Any) -> bytes:
        text = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        return text.encode(errors="replace")


def answer(content: Any, status: int = 200) -> JSONResponse:
    return _Json(content, status)


def nothing(status: int = 200) -> Response:
    """An empty answer; 200 is sent as `{}`-free JSON null would confuse models."""
    return Response(status_code=status)


def error_body(error: SandboxdError, scope: Scope) -> dict[str, Any]:
    """The error as all of Daytona's SDKs read it."""
    return {
        "statusCode": error.status,
        "message": error.message,
        "code": error.code,
        "source": error.source,
        "path": scope["path"],
        "method": scope.get("method", "GET"),
        "timestamp": now(),
    }


def error_response(error: SandboxdError, scope: Scope) -> Response:
    body = json.dumps(error_body(error, scope)).encode()
    headers = {"Connection": "close"} if error.status in {413, 503} else None
    return Response(body, error.status, headers, media_type="application/json")


async def not_supported(_: Call) -> Response:
    """What every known call that this engine lacks answers (end of ENGINE-CONTRACT 4.6)."""
    raise NotSupported("This operation is not supported by sandboxd")


def _sentence(error: ValidationError) -> str:
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    return f"{where}: {first['msg']}" if where else str(first["msg"])
