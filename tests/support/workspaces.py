"""Everything a workspace needs, on a real engine and a real database, and makers of projects."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from pydantic import SecretStr

from keelway.db import models
from keelway.db.session import Database
from keelway.fragments.build import Write
from keelway.fragments.fragment import Describe
from keelway.fragments.store import FragmentStore
from keelway.git.objects import Signature
from keelway.ids import TurnId, UserId
from keelway.projects.projects import Project, Projects
from keelway.sandboxes.manager import SandboxManager, open_sandboxes
from keelway.settings import Settings
from keelway.workspaces.lease import Leases
from keelway.workspaces.template import ensure_template, starter_files
from keelway.workspaces.workspace import Step, Workspace
from keelway.workspaces.workspaces import Workspaces
from tests.support.engine import Engine

OWNER = UserId("owner")
PERSON = Signature("Maya", "maya@example.org")


@dataclass
class Bench:
    """One server's parts, without its HTTP. Two on one database are two servers."""

    settings: Settings
    database: Database
    projects: Projects
    store: FragmentStore
    sandboxes: SandboxManager
    leases: Leases
    workspaces: Workspaces
    made: list[Project] = field(default_factory=list[Project])

    async def new_project(
        self, files: Sequence[Write] | None = None, *, template: str = "react-vite"
    ) -> Project:
        """A project whose first version is the template, or these files."""
        if files is None:
            await ensure_template(self.sandboxes, template)
            files = starter_files(template)
        project = await self.projects.create(OWNER, "Test", template)
        described = Describe("template", "Starter app", version=True)
        await self.store.initialise(project.key, files, described)
        project = await self.projects.get(project.id)
        self.made.append(project)
        return project

    async def again(self, project: Project) -> Project:
        return await self.projects.get(project.id)

    @asynccontextmanager
    async def opened(self, project: Project, purpose: str = "turn") -> AsyncGenerator[Workspace]:
        async with self.leases.hold(project.key, purpose) as lease:
            yield await self.workspaces.open(project, lease)


@asynccontextmanager
async def bench(engine: Engine, database: Database, home: Path) -> AsyncGenerator[Bench]:
    """A server's parts; its sandboxes are deleted at the end."""
    settings = Settings.model_validate(
        {
            "home": home,
            "DAYTONA_API_URL": engine.url,
            "DAYTONA_API_KEY": SecretStr(engine.key),
        }
    )
    await add_owner(database)
    projects = Projects(database)
    store = FragmentStore(database, settings.repositories)
    leases = Leases(database)
    async with open_sandboxes(settings, projects) as sandboxes:
        workspaces = Workspaces(database, store, sandboxes, leases, settings)
        made = Bench(settings, database, projects, store, sandboxes, leases, workspaces)
        try:
            yield made
        finally:
            for sandbox in await sandboxes.list({}):
                await sandboxes.delete(sandbox.id)
            store.close()


async def add_owner(database: Database) -> None:
    now = datetime.now(UTC)
    async with database.transaction() as tx:
        await tx.merge(models.User(id=OWNER, role="owner", created_at=now, updated_at=now))


def step(call: str, title: str = "Change", turn: str = "turn-1") -> Step:
    return Step("agent", title, TurnId(turn), call)


async def quiet(_: str) -> None:
    """Output that nobody reads."""


async def wait_until(question: Callable[[], Awaitable[bool]], seconds: float = 10) -> None:
    """Until the answer is yes."""
    async with asyncio.timeout(seconds):
        while not await question():
            await asyncio.sleep(0.02)
