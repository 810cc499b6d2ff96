"""HTTP: log in by a one-time key, log out, and what the page must know about who looks at it."""

from collections.abc import Sequence
from importlib.metadata import version
from typing import Annotated, Protocol, cast

from fastapi import APIRouter, Depends, Response
from fastapi.requests import HTTPConnection
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from keelway.accounts.access import CurrentCaller, CurrentUser
from keelway.accounts.accounts import SESSION_TOTAL, Accounts, Role
from keelway.accounts.gate import COOKIE

router = APIRouter(tags=["accounts"])


class _Services(Protocol):
    @property
    def accounts(self) -> Accounts: ...
    @property
    def models(self) -> Sequence[str]:
        """Names of the models that may be chosen; the first is the default."""
        ...

    @property
    def demo(self) -> bool: ...
    @property
    def templates(self) -> Sequence[str]: ...


async def _services(connection: HTTPConnection) -> _Services:
    return cast(_Services, connection.app.state.services)


Wanted = Annotated[_Services, Depends(_services)]


class Wire(BaseModel):
    """camelCase outside, snake_case inside."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)


class Login(Wire):
    key: Annotated[str, Field(max_length=200)]


class Person(Wire):
    id: str
    name: str | None
    email: str | None
    role: Role


class Named(Wire):
    id: str
    name: str


class CurrentModel(Wire):
    name: str
    demo: bool


class Me(Wire):
    user: Person
    model: CurrentModel
    models: list[Named]
    version: str
    templates: list[Named]


@router.post("/api/login", status_code=204)
async def log_in(login: Login, services: Wanted) -> Response:
    """Use a login key up; the answer sets the session's cookie. 401 `LoginExpired`."""
    token = await services.accounts.log_in(login.key)
    answer = Response(status_code=204)
    answer.set_cookie(
        COOKIE,
        token,
        max_age=int(SESSION_TOTAL.total_seconds()),
        path="/",
        secure=True,
        httponly=True,
        samesite="strict",
    )
    return answer


@router.post("/api/logout", status_code=204)
async def log_out(caller: CurrentCaller, services: Wanted) -> Response:
    """End this session. A program's token stays."""
    await services.accounts.log_out(caller.credential)
    answer = Response(status_code=204)
    answer.delete_cookie(COOKIE, path="/", secure=True, httponly=True, samesite="strict")
    return answer


@router.get("/api/me")
async def get_me(user: CurrentUser, services: Wanted) -> Me:
    """Who is looking, and what this server can do."""
    return Me(
        user=Person(id=user.id, name=user.name, email=user.email, role=user.role),
        model=CurrentModel(name=services.models[0], demo=services.demo),
        models=[Named(id=name, name=name) for name in services.models],
        version=version("keelway"),
        templates=[Named(id=name, name=_spoken(name)) for name in services.templates],
    )


def _spoken(name: str) -> str:
    return name.replace("-", " ").capitalize()
