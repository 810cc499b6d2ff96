"""The composition root: everything the app needs, built once, in order, and closed in reverse."""

import asyncio
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from keelway.accounts.accounts import Accounts, User
from keelway.accounts.logins import Logins
from keelway.agent.models import model_name
from keelway.chat.errors import TurnRunning
from keelway.chat.supervisor import Supervisor
from keelway.chat.turns import Turns
from keelway.db.session import Database, database_url
from keelway.fragments.store import Describe, FragmentStore
from keelway.projects.projects import Project, Projects
from keelway.sandboxes.manager import SandboxManager, home_label, open_sandboxes
from keelway.settings import Settings
from keelway.upkeep import keep_up
from keelway.workspaces import template
from keelway.workspaces.lease import Leases
from keelway.workspaces.tickets import Tickets
from keelway.workspaces.workspaces import Workspaces

STOP_SECONDS = 15.0


@dataclass(frozen=True)
class Services:
    """What routes and commands find under `app.state.services`."""

    settings: Settings
    database: Database
    accounts: Accounts
    logins: Logins
    projects: Projects
    store: FragmentStore
    sandboxes: SandboxManager
    leases: Leases
    workspaces: Workspaces
    turns: Turns
    tickets: Tickets

    @property
    def demo(self) -> bool:
        return self.settings.demo

    @property
    def models(self) -> Sequence[str]:
        """Names of the models that may be chosen; the first is the default."""
        return [model_name(self.settings)]

    @property
    def templates(self) -> Sequence[str]:
        return template.names()

    async def new_project(self, user: User, name: str, starter: str) -> Project:
        """A project whose version 1 is the template."""
        project = await self.projects.create(user.id, name, starter)
        describe = Describe("template", "Starter app", version=True)
        try:
            await self.store.initialise(project.key, template.starter_files(starter), describe)
        except BaseException:
            await self.projects.delete(project)
            raise
        return await self.projects.get(project.id)

    async def delete_project(self, project: Project) -> None:
        """Its running turn, its sandbox, its versions and their cache, its rows."""
        await self._quiet(project)
        await self.workspaces.forget(project)
        await self.store.delete(project.key)
        await self.projects.delete(project)

    async def _quiet(self, project: Project) -> None:
        """Stop the project's turn and wait for its end. Raises TurnRunning when it does not come."""
        deadline = time.monotonic() + STOP_SECONDS
        while await self.turns.stop(project):
            if time.monotonic() > deadline:
                raise TurnRunning("The turn in this project does not end. Try again.")
            await asyncio.sleep(0.1)


@asynccontextmanager
async def open_services(settings: Settings, key: bytes) -> AsyncGenerator[Services]:
    """Open everything. `key` is the server's secret key; the database is migrated already."""
    configured = settings.database_url
    url = database_url(settings.home, configured.get_secret_value() if configured else None)
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(Database(url))
        accounts = Accounts(database)
        logins = Logins(accounts)
        stack.callback(logins.close)
        projects = Projects(database)
        store = FragmentStore(database, settings.repositories, file_bytes=settings.file_bytes)
        stack.callback(store.close)
        sandboxes = await stack.enter_async_context(
            open_sandboxes(settings, projects, home_label(settings))
        )
        leases = Leases(database, seconds=settings.lease_seconds)
        workspaces = Workspaces(database, store, sandboxes, leases, settings)
        turns = await stack.enter_async_context(
            Turns(database, store, leases, workspaces, projects, settings)
        )
        tasks = await stack.enter_async_context(Supervisor())
        tasks.start(keep_up(store), "upkeep")
        yield Services(
            settings=settings,
            database=database,
            accounts=accounts,
            logins=logins,
            projects=projects,
            store=store,
            sandboxes=sandboxes,
            leases=leases,
            workspaces=workspaces,
            turns=turns,
            tickets=Tickets(key, accounts, settings.port + 1),
        )
