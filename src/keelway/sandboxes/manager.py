"""SandboxManager: find, create, start, stop and delete the machines of projects.

A machine belongs to a project by its labels; the project's row only remembers which one is in use.
So an answer that got lost costs nothing: the machine is found again by label.
"""

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from daytona import (
    AsyncDaytona,
    CreateSandboxFromImageParams,
    CreateSandboxFromSnapshotParams,
    DaytonaConfig,
    ListSandboxesQuery,
    Resources,
)
from sqlalchemy import make_url, update

from keelway.db import models
from keelway.ids import SandboxId, new_id
from keelway.projects.projects import Project, Projects
from keelway.sandboxes.errors import (
    SandboxError,
    SandboxGone,
    SandboxTimeout,
    SandboxUnreachable,
    translated,
)
from keelway.sandboxes.sandbox import Sandbox
from keelway.sandboxes.state import SandboxState
from keelway.settings import Settings

PROJECT = "keelway-project"
HOME = "keelway-home"
TEMPLATE = "keelway-template"

Came = Literal["running", "woken", "created", "rebuilt"]
"""How a project's sandbox came to run: it did, it slept, there was none yet, the old one was lost."""


@dataclass(frozen=True, slots=True)
class Found:
    """A running sandbox of a project, and how it came to run."""

    sandbox: Sandbox
    came: Came


def is_local(api_url: str | None) -> bool:
    """Whether the engine is on this machine."""
    host = urlsplit(api_url or "").hostname or ""
    return host in {"localhost", "127.0.0.1", "::1"}


class SandboxManager:
    """The machines of one Keelway installation (`home`, its label), through one SDK client.

    `confirm_seconds` lies between the two answers "not found" that make a sandbox gone: the cloud has
    been seen to forget one for a moment.
    """

    def __init__(
        self,
        daytona: AsyncDaytona,
        projects: Projects,
        *,
        home: str,
        idle_minutes: int = 15,
        confirm_seconds: float = 5.0,
        image: str | None = None,
    ) -> None:
        self.daytona = daytona
        self.projects = projects
        self.home = home
        self.idle_minutes = idle_minutes
        self.confirm_seconds = confirm_seconds
        self.image = image

    # One machine

    async def get(self, sandbox_id: str) -> Sandbox:
        """SandboxGone when the engine does not know it (once: see `gone`)."""
        with translated(sandbox_id):
            return Sandbox(await self.daytona.get(sandbox_id, request_timeout=20))

    async def gone(self, sandbox_id: str) -> bool:
        """Whether two answers of the engine, some time apart, say "not found"."""
        for pause in (0.0, self.confirm_seconds):
            await asyncio.sleep(pause)
            try:
                if (await self.get(sandbox_id)).state is not SandboxState.GONE:
                    return False
            except SandboxGone:
                continue
        return True

    async def list(self, labels: Mapping[str, str]) -> Sequence[Sandbox]:
        """All with these labels, of this installation, oldest first."""
        query = ListSandboxesQuery(labels={HOME: self.home, **labels}, limit=100)
        with translated("list"):
            found = [one async for one in self.daytona.list(query, request_timeout=20)]
        found.sort(key=lambda one: (one.created_at or "", one.id))
        return [Sandbox(one) for one in found]

    async def create(
        self, snapshot: str | None, labels: Mapping[str, str], *, seconds: float = 60
    ) -> Sandbox:
        """A new machine; when the answer is lost, the one that was made is found by its labels."""
        marks = {HOME: self.home, **labels}
        known = {one.id for one in await self.list(labels)}
        try:
            with translated("new"):
                made = await self.daytona.create(self._params(snapshot, marks), timeout=seconds)
        except (SandboxTimeout, SandboxUnreachable):
            again = await self._lost(labels, known)
            if again is None:
                raise
            return again
        return Sandbox(made)

    def _params(
        self, snapshot: str | None, labels: dict[str, str]
    ) -> CreateSandboxFromSnapshotParams | CreateSandboxFromImageParams:
        if snapshot is None and self.image is not None:
            return CreateSandboxFromImageParams(
                image=self.image,
                resources=Resources(cpu=2, memory=4, disk=8),
                labels=labels,
                auto_stop_interval=self.idle_minutes,
                language="typescript",
            )
        return CreateSandboxFromSnapshotParams(
            snapshot=snapshot,
            labels=labels,
            auto_stop_interval=self.idle_minutes,
            language="typescript",
        )

    async def _lost(self, labels: Mapping[str, str], known: set[SandboxId]) -> Sandbox | None:
        for pause in (0.2, 1.0, 5.0):
            await asyncio.sleep(pause)
            with suppress(SandboxUnreachable, SandboxTimeout):
                for one in await self.list(labels):
                    if one.id not in known and one.state is not SandboxState.GONE:
                        await self._running(one)
                        return await self.get(one.id)
        return None

    async def delete(self, sandbox_id: str) -> None:
        """Also when it is gone already."""
        with suppress(SandboxGone):
            sandbox = await self.get(sandbox_id)
            with translated(sandbox_id):
                await self.daytona.delete(sandbox.remote)

    async def _running(self, sandbox: Sandbox) -> Sandbox:
        """Bring it to RUNNING, whatever it does now."""
        if await sandbox.settle() is SandboxState.STOPPED:
            await sandbox.start()
        if sandbox.state is SandboxState.GONE:
            raise SandboxGone("The sandbox is gone.", sandbox=sandbox.id)
        if sandbox.state is not SandboxState.RUNNING:
            reason = sandbox.remote.error_reason or "it did not start"
            raise SandboxError(f"The sandbox is broken: {reason}", sandbox=sandbox.id)
        return sandbox

    # The machine of a project

    async def find(self, project: Project) -> Sandbox | None:
        """The project's sandbox as it is, or None if it never had one. SandboxGone (not confirmed)."""
        if project.daytona_sandbox_id is None:
            return None
        return await self.get(project.daytona_sandbox_id)

    async def ensure(
        self,
        project: Project,
        snapshot: Callable[[], Awaitable[str | None]],
        coming: Callable[[Came], Awaitable[None]],
    ) -> Found:
        """The project's sandbox, running: as it is, woken, found by label, or made anew.

        Only a confirmed "not found" clears the reference. A broken one is replaced.

        Args:
            project: Whose.
            snapshot: Asked for the image to start from, when there is one to be made.
            coming: Told what is about to be done, when it is more than looking.
        """
        lost: SandboxId | None = None
        if project.daytona_sandbox_id is not None:
            found = await self._known(project, project.daytona_sandbox_id, coming)
            if found is not None:
                await self._active(project, found.sandbox.id)
                return found
            lost = project.daytona_sandbox_id
        return await self._anew(project, snapshot, lost, coming)

    async def _known(
        self, project: Project, sandbox_id: SandboxId, coming: Callable[[Came], Awaitable[None]]
    ) -> Found | None:
        """The referenced sandbox, running; None when it is gone or broken for good."""
        try:
            sandbox = await self.get(sandbox_id)
            if sandbox.state is SandboxState.RUNNING:
                return Found(sandbox, "running")
            if sandbox.state is SandboxState.BROKEN:
                return None
            if sandbox.state is not SandboxState.GONE:
                await coming("woken")
            await self._running(sandbox)
        except SandboxGone:
            if not await self.gone(sandbox_id):
                raise
            await self.projects.set_sandbox(project, None, instead_of=sandbox_id)
            return None
        return Found(sandbox, "woken")

    async def _anew(
        self,
        project: Project,
        snapshot: Callable[[], Awaitable[str | None]],
        lost: SandboxId | None,
        coming: Callable[[Came], Awaitable[None]],
    ) -> Found:
        came: Came = "rebuilt" if lost else "created"
        await coming(came)
        labels = {PROJECT: project.id}
        for one in await self.list(labels):
            if one.id != lost and one.state in {SandboxState.RUNNING, SandboxState.STOPPED}:
                sandbox = await self._running(one)
                break
        else:
            sandbox = await self.create(await snapshot(), labels)
        await self._refer(project, sandbox, lost)
        return Found(sandbox, came)

    async def _refer(self, project: Project, sandbox: Sandbox, lost: SandboxId | None) -> None:
        """Point the project (and its owner) at the sandbox, whoever was there before."""
        current = (await self.projects.get(project.id)).daytona_sandbox_id
        if not await self.projects.set_sandbox(project, sandbox.id, instead_of=current):
            raise SandboxError("Another server changed this project's sandbox.", sandbox=sandbox.id)
        await self._active(project, sandbox.id)
        if lost is not None and lost != sandbox.id:
            await self.delete(lost)

    async def _active(self, project: Project, sandbox_id: SandboxId) -> None:
        """The sandbox in which the project's owner works now."""
        user = models.User
        query = update(user).where(
            user.id == project.user_id,
            user.daytona_active_sandbox_id.is_distinct_from(sandbox_id),
        )
        async with self.projects.database.transaction() as tx:
            await tx.execute(query.values(daytona_active_sandbox_id=sandbox_id))

    async def discard(self, project: Project) -> None:
        """Delete the project's sandbox on purpose, and every other with its label."""
        for one in await self.list({PROJECT: project.id}):
            await self.delete(one.id)
        if project.daytona_sandbox_id is not None:
            await self.delete(project.daytona_sandbox_id)
            await self.projects.set_sandbox(project, None, instead_of=project.daytona_sandbox_id)
            user = models.User
            gone = user.daytona_active_sandbox_id == project.daytona_sandbox_id
            async with self.projects.database.transaction() as tx:
                await tx.execute(update(user).where(gone).values(daytona_active_sandbox_id=None))

    # Snapshots

    async def has_snapshot(self, name: str) -> bool:
        """Whether there is an image of that name to start from."""
        try:
            with translated(name):
                found = await self.daytona.snapshot.get(name)
        except SandboxGone:
            return False
        if str(getattr(found.state, "value", found.state)) == "inactive":
            with translated(name):
                await self.daytona.snapshot.activate(found)
            return True
        return str(getattr(found.state, "value", found.state)) == "active"


def home_label(settings: Settings) -> str:
    """A name for this installation: its database is what makes one, wherever its servers run."""
    if settings.database_url is not None:
        url = make_url(settings.database_url.get_secret_value())
        place = f"{url.host}:{url.port or 5432}/{url.database}"
        return hashlib.sha256(place.encode()).hexdigest()[:20]
    file = settings.home / "installation"
    try:
        return file.read_text().strip()
    except FileNotFoundError:
        settings.home.mkdir(parents=True, exist_ok=True)
        temporary = file.with_suffix(f".{new_id()}")
        temporary.write_text(new_id())
        with suppress(FileExistsError):
            file.hardlink_to(temporary)
        temporary.unlink()
        return file.read_text().strip()


@asynccontextmanager
async def open_sandboxes(
    settings: Settings, projects: Projects, home: str | None = None
) -> AsyncGenerator[SandboxManager]:
    """A manager over a client of its own, closed at the end. `settings` must name the engine's key.

    `home` tells this installation's sandboxes from another's; unset, it comes from the settings.
    """
    key = settings.daytona_api_key
    config = DaytonaConfig(
        api_key=key.get_secret_value() if key else None, api_url=settings.daytona_api_url
    )
    local = is_local(settings.daytona_api_url)
    async with AsyncDaytona(config) as daytona:
        yield SandboxManager(
            daytona,
            projects,
            home=hashlib.sha256(home.encode()).hexdigest()[:20] if home else home_label(settings),
            idle_minutes=settings.idle_minutes,
            confirm_seconds=0.3 if local else 5.0,
            image=None if local else "node:24",
        )
