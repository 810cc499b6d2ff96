"""A workspace that opens while the model already thinks."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from keelway.errors import KeelwayError
from keelway.fragments.fragment import Fragment
from keelway.projects.projects import Project
from keelway.workspaces.lease import Lease
from keelway.workspaces.values import Step
from keelway.workspaces.workspace import Workspace
from keelway.workspaces.workspaces import Workspaces

log = logging.getLogger(__name__)

CAPTURE = 20.0
"""How long the close of a stopped turn waits for what its command left behind, seconds."""
INTERRUPT = 60.0
"""The same for a command that another server has left; the workspace may have to be opened, seconds."""


class Opening:
    """Opens one workspace; whoever needs it waits for it, or gets the reason why there is none."""

    def __init__(self, workspaces: Workspaces, project: Project, lease: Lease) -> None:
        self._workspaces = workspaces
        self._project = project
        self._lease = lease
        self._done = asyncio.Event()
        self._workspace: Workspace | None = None
        self._error: KeelwayError | None = None

    async def open(self, progress: Callable[[str, str], Awaitable[None]]) -> None:
        """Open it and tell how that goes."""
        try:
            self._workspace = await self._workspaces.open(
                self._project, self._lease, progress=progress
            )
        except KeelwayError as error:
            self._error = error
        finally:
            self._done.set()

    async def wait(self) -> Workspace:
        """The open workspace. Raises what kept it from opening."""
        await self._done.wait()
        if self._error is not None:
            raise self._error
        assert self._workspace is not None
        return self._workspace

    async def kill_commands(self) -> None:
        """End every process that a command has started; none can run where nothing is open."""
        if self._workspace is None:
            return
        try:
            await self._workspace.kill_commands()
        except KeelwayError:
            log.exception("commands not killed", extra={"project": self._project.id})

    async def capture(self, step: Step) -> Fragment | None:
        """What the sandbox holds and no version does, as `step`; None when nothing or in trouble."""
        if self._workspace is None:
            return None
        try:
            async with asyncio.timeout(CAPTURE):
                return await self._workspace.capture(step)
        except (KeelwayError, TimeoutError):
            log.exception("unfinished command not captured", extra={"project": self._project.id})
            return None

    async def interrupted(self, step: Step) -> None:
        """End a command that another server has left running, and keep what it changed."""
        try:
            async with asyncio.timeout(INTERRUPT):
                workspace = await self.wait()
                await workspace.interrupted(step)
        except (KeelwayError, TimeoutError):
            log.exception("command of a dead server not ended", extra={"project": self._project.id})
