"""The page's port as one ASGI app: the gate, the API, and the page itself."""

import json
import logging
from http import HTTPStatus
from importlib.metadata import version
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.types import ASGIApp

import keelway.accounts.router
import keelway.chat.router
import keelway.fragments.router
import keelway.projects.router
import keelway.workspaces.router
from keelway.accounts.access import CurrentUser
from keelway.accounts.gate import Gate, Names, PageDoor
from keelway.accounts.problems import problem
from keelway.errors import KeelwayError
from keelway.local import Check, Machine
from keelway.services import Services
from keelway.settings import Settings

log = logging.getLogger(__name__)

STATIC = Path(__file__).parent / "static"
"""Where `hatch_build.py` puts the built page."""
ASSETS = "assets/"
"""Files below have their content's hash in their name."""

ROUTERS = (
    keelway.chat.router.router,
    keelway.projects.router.router,
    keelway.fragments.router.router,
    keelway.workspaces.router.router,
    keelway.accounts.router.router,
)


class HealthOut(BaseModel):
    status: str
    version: str


class MachineOut(BaseModel):
    checks: list[Check]


def create_app(settings: Settings, services: Services | None = None) -> FastAPI:
    """Routes and error rendering; `services` may be missing where only the routes are looked at."""
    app = FastAPI(
        title="Keelway",
        version=version("keelway"),
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
        generate_unique_id_function=_operation_id,
        exception_handlers={
            KeelwayError: _render_ours,
            RequestValidationError: _render_invalid,
            HTTPException: _render_http,
            Exception: _render_unforeseen,
        },
    )
    app.state.services = services
    app.state.machine = Machine(settings)
    for router in ROUTERS:
        app.include_router(router)
    app.add_api_route("/api/health", get_health, tags=["server"])
    app.add_api_route("/api/machine", get_machine, tags=["server"])
    app.add_route("/{path:path}", get_page, methods=["GET"], include_in_schema=False)
    return app


def door(app: FastAPI, settings: Settings, services: Services) -> PageDoor:
    """The app behind authentication and limits."""
    return PageDoor(app, services.accounts, Names.of(settings.public_host, settings.port))


def guarded(door: PageDoor) -> ASGIApp:
    """All of it behind the gate, as the port serves it."""
    return Gate(door, door.names.know)


def openapi_text() -> str:
    """What `ui/openapi.json` holds."""
    schema = create_app(Settings()).openapi()
    return json.dumps(schema, indent=2, sort_keys=True) + "\n"


async def get_health() -> HealthOut:
    """Whether the server answers. Anybody may ask."""
    return HealthOut(status="ok", version=version("keelway"))


async def get_machine(user: CurrentUser, request: Request) -> MachineOut:  # noqa: ARG001
    """What this machine can and cannot do, and what to do about it: `keelway doctor` for the page."""
    return MachineOut(checks=await request.app.state.machine.checks())


async def get_page(request: Request) -> Response:
    """A file of the built page, or the page itself, which knows its own addresses."""
    path: str = request.path_params["path"]
    if path.startswith("api/") or path == "api":
        return problem(404, "NotFound", "There is no such address.")
    index = STATIC / "index.html"
    if not index.exists():
        return PlainTextResponse("The page is not built yet. Run script/bootstrap.\n", 503)
    file = (STATIC / path).resolve()
    if not file.is_file() or not file.is_relative_to(STATIC.resolve()):
        if path.startswith(ASSETS):
            return problem(404, "NotFound", "There is no such file.")
        file = index
    lasting = path.startswith(ASSETS)
    caching = "public, max-age=31536000, immutable" if lasting else "no-cache"
    return FileResponse(file, headers={"cache-control": caching})


def _operation_id(route: APIRoute) -> str:
    return route.name


async def _render_ours(_: Request, error: Exception) -> Response:
    assert isinstance(error, KeelwayError)
    if error.status >= 500:
        log.error("request failed", exc_info=error, extra={"code": error.code})
    headers = {"retry-after": "2"} if error.retryable else {}
    return problem(error.status, error.code, error.message, headers=headers)


async def _render_invalid(_: Request, error: Exception) -> Response:
    """Names the fields, never repeats their values."""
    assert isinstance(error, RequestValidationError)
    fields: list[dict[str, Any]] = [
        {"field": ".".join(str(part) for part in one["loc"][1:]), "message": one["msg"]}
        for one in error.errors()
    ]
    said = "; ".join(f"{one['field']}: {one['message']}" for one in fields)
    return problem(422, "Invalid", said or "That is not what was asked for.", fields=fields)


async def _render_http(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code = HTTPStatus(error.status_code).phrase.title().replace(" ", "").replace("-", "")
    if type(error) is not HTTPException and type(error).__module__.startswith("keelway"):
        code = type(error).__name__
    return problem(error.status_code, code, error.detail, headers=error.headers)


async def _render_unforeseen(_: Request, __: Exception) -> Response:
    """The server logs the traceback; nobody outside sees it."""
    return problem(500, "InternalError", "That did not work. Nothing was changed.")
