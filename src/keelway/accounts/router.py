"""HTTP: log in by a one-time key or a password, log out, and what the page must know about who looks at it."""

from collections.abc import Sequence
from importlib.metadata import version
from typing import Annotated, Protocol, cast

from fastapi import APIRouter, Depends, Response
from fastapi.requests import HTTPConnection
from pydantic import BaseModel, ConfigDict, Field, SecretStr
from pydantic.alias_generators import to_camel

from keelway.accounts.access import CurrentCaller, CurrentUser
from keelway.accounts.accounts import SESSION_TOTAL, Accounts, Role
from keelway.accounts.gate import COOKIE
from keelway.accounts.logins import Logins

router = APIRouter(tags=["accounts"])


class _Services(Protocol):
    @property
    def accounts(self) -> Accounts: ...
    @property
    def logins(self) -> Logins: ...
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


Typed = Annotated[SecretStr, Field(max_length=1024)]
"""What somebody typed as a password; neither `repr` nor a validation error shows it."""


class PasswordLogin(Wire):
    email: Annotated[str, Field(max_length=320)]
    password: Typed


class NewPassword(Wire):
    current: Typed | None = None
    password: Typed


class Person(Wire):
    id: str
    name: str | None
    email: str | None
    role: Role
    has_password: bool


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
    return _welcome(await services.accounts.log_in(login.key))


@router.post("/api/login/password", status_code=204)
async def log_in_by_password(
    login: PasswordLogin, services: Wanted, connection: HTTPConnection
) -> Response:
    """The answer sets the session's cookie. 401 `WrongPassword`, 429 `TooManyRequests`."""
    typed = login.password.get_secret_value()
    return _welcome(await services.logins.log_in(login.email, typed, _from(connection)))


@router.put("/api/me/password", status_code=204)
async def set_password(
    wanted: NewPassword, caller: CurrentCaller, services: Wanted, connection: HTTPConnection
) -> Response:
    """Set your password, and end your other sessions. 401 `WrongPassword`, 422 `WeakPassword`."""
    current = wanted.current.get_secret_value() if wanted.current is not None else None
    new = wanted.password.get_secret_value()
    await services.logins.change(caller, current, new, _from(connection))
    return Response(status_code=204)


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
        user=Person(
            id=user.id,
            name=user.name,
            email=user.email,
            role=user.role,
            has_password=await services.logins.has_password(user.id),
        ),
        model=CurrentModel(name=services.models[0], demo=services.demo),
        models=[Named(id=name, name=name) for name in services.models],
        version=version("keelway"),
        templates=[Named(id=name, name=_spoken(name)) for name in services.templates],
    )


def _welcome(token: str) -> Response:
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


def _from(connection: HTTPConnection) -> str:
    return connection.client.host if connection.client else "unknown"


def _spoken(name: str) -> str:
    return name.replace("-", " ").capitalize()
