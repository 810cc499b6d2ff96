"""The page's port without an engine: real gate, real accounts, real versions; turns are only written down."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import httpx
from starlette.types import ASGIApp

from keelway import app
from keelway.accounts.accounts import Accounts, User
from keelway.accounts.gate import COOKIE
from keelway.accounts.logins import Logins
from keelway.db.session import Database
from keelway.fragments.build import Write
from keelway.fragments.store import Describe, FragmentStore
from keelway.projects.projects import Project, Projects
from keelway.services import Services
from keelway.settings import Settings

PORT = 8420
HOST = f"keelway.localhost:{PORT}"
ORIGIN = f"http://{HOST}"


@dataclass
class Asked:
    """Stands where the turns are, and writes down what was asked of it."""

    started: list[tuple[str, str, str | None]] = field(
        default_factory=list[tuple[str, str, str | None]]
    )

    async def start(
        self, project: Project, user: User, text: str, *, model: str | None = None
    ) -> object:
        self.started.append((project.id, text, model))
        return object()


@dataclass
class Parts:
    """As much of `Services` as the tested routes want."""

    accounts: Accounts
    logins: Logins
    projects: Projects
    store: FragmentStore
    turns: Asked
    demo: bool = True
    models: Sequence[str] = ("demo",)
    templates: Sequence[str] = ("react-vite",)

    async def new_project(self, user: User, name: str, template: str) -> Project:
        project = await self.projects.create(user.id, name, template)
        files = [Write("index.html", b"<h1>Hello</h1>")]
        describe = Describe("template", "Starter app", version=True)
        await self.store.initialise(project.key, files, describe)
        return await self.projects.get(project.id)

    async def delete_project(self, project: Project) -> None:
        await self.store.delete(project.key)
        await self.projects.delete(project)


@dataclass
class Page:
    """An open page's port, and ways to come in."""

    asgi: ASGIApp
    parts: Parts
    settings: Settings

    @property
    def accounts(self) -> Accounts:
        return self.parts.accounts

    def client(self, **headers: str) -> httpx.AsyncClient:
        """A program that says nothing about itself but these headers."""
        transport = httpx.ASGITransport(self.asgi, raise_app_exceptions=False)
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        return httpx.AsyncClient(transport=transport, base_url=ORIGIN, headers=names)

    async def program(self, user: User | None = None) -> httpx.AsyncClient:
        """A program with a token."""
        token = await self.accounts.new_token(user or await self.accounts.owner())
        return self.client(authorization=f"Bearer {token}")

    async def browser(self, user: User | None = None, **headers: str) -> httpx.AsyncClient:
        """Our page in a browser that has logged in."""
        key = await self.accounts.new_login_key(user or await self.accounts.owner())
        cookie = f"{COOKIE}={await self.accounts.log_in(key)}"
        return self.client(**({"cookie": cookie, "sec_fetch_site": "same-origin"} | headers))


@asynccontextmanager
async def opened(
    database: Database, home: Path, *, logins: Logins | None = None, **limits: Any
) -> AsyncGenerator[Page]:
    settings = Settings(home=home, port=PORT)
    store = FragmentStore(database, home / "repositories")
    logins = logins or Logins(Accounts(database), refusal_seconds=0)
    parts = Parts(logins.accounts, logins, Projects(database), store, Asked())
    services = cast(Services, parts)
    api = app.create_app(settings, services)
    door = app.PageDoor(api, parts.accounts, app.Names.of("keelway.localhost", PORT), **limits)
    try:
        yield Page(app.guarded(door), parts, settings)
    finally:
        logins.close()
        store.close()


async def person(
    database: Database, role: str, name: str = "Jonas", email: str | None = None
) -> User:
    """Somebody else on the same server."""
    from datetime import UTC, datetime

    from keelway.db import models
    from keelway.ids import UserId, new_id

    now = datetime.now(UTC)
    row = models.User(
        id=new_id(), name=name, email=email, role=role, created_at=now, updated_at=now
    )
    async with database.transaction() as tx:
        tx.add(row)
    return User(UserId(row.id), name, email, cast(Any, role))
