"""Workspaces: every project's door to its sandbox. Opening, restoring, recovering, looking."""

import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from keelway.db.session import Database
from keelway.fragments.fragment import Fragment
from keelway.fragments.store import FragmentStore
from keelway.git.objects import Signature
from keelway.projects.projects import Project, Projects
from keelway.sandboxes.errors import SandboxError, SandboxGone
from keelway.sandboxes.manager import SandboxManager
from keelway.sandboxes.sandbox import PreviewLink
from keelway.sandboxes.state import SandboxState
from keelway.settings import Settings
from keelway.workspaces import dev_server, health, status
from keelway.workspaces.digests import Digests
from keelway.workspaces.errors import NoMachine
from keelway.workspaces.health import Health
from keelway.workspaces.lease import Lease, Leases
from keelway.workspaces.memory import Memory
from keelway.workspaces.opening import Opening, outcome
from keelway.workspaces.preview import PreviewState, PreviewStatus
from keelway.workspaces.recovery import RecoveryMode, climb
from keelway.workspaces.restore import Restore
from keelway.workspaces.workspace import Workspace

log = logging.getLogger(__name__)

Progress = Callable[[PreviewState, str], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Restored:
    """The new version, what was saved before it, whether packages were installed, the preview."""

    fragment: Fragment
    saved: Fragment | None
    installed: bool
    preview: PreviewStatus


@dataclass(frozen=True, slots=True)
class Recovered:
    """The rung that held, and a line for each that did not."""

    mode: RecoveryMode
    missed: Sequence[str]


class Workspaces:
    """One per server. Writing needs the project's lease; looking needs nothing and changes nothing."""

    def __init__(
        self,
        database: Database,
        store: FragmentStore,
        sandboxes: SandboxManager,
        leases: Leases,
        settings: Settings,
    ) -> None:
        self.projects = Projects(database)
        self.store = store
        self.sandboxes = sandboxes
        self.leases = leases
        self.settings = settings
        self.digests = Digests(store)
        self._memories: dict[int, Memory] = {}

    def memory(self, project: Project) -> Memory:
        return self._memories.setdefault(project.key, Memory())

    # Working

    async def open(
        self, project: Project, lease: Lease, *, progress: Progress | None = None
    ) -> Workspace:
        """The project in a running sandbox, its files the newest version's plus unsaved work.

        Packages are installed and the dev server runs where that is possible; `mode` and `missed` of
        the workspace say how far it got. With everything in place already it takes one listing.

        Raises:
            RecoveryFailed: not even the files could be had.
        """
        workspace = await self._closed(project, lease)
        await self._open(workspace, progress)
        return workspace

    async def _closed(self, project: Project, lease: Lease) -> Workspace:
        project = await self.projects.get(project.id)
        head = await self.store.head(project.key, project.current_branch)
        return Workspace(
            project=project,
            lease=lease,
            store=self.store,
            digests=self.digests,
            memory=self.memory(project),
            sandbox=None,
            head=head,
            tree=await self.store.tree(project.key, head.tree),
            reopen=self._reopen,
            limit=self.settings.file_bytes,
        )

    async def _open(
        self, workspace: Workspace, progress: Progress | None, *, restart: bool = False
    ) -> None:
        async with self._telling(workspace.memory, progress) as tell:
            opening = Opening(workspace, self.sandboxes, tell, restart=restart)
            climbed = await climb(opening.ladder())
        workspace.mode, workspace.missed = climbed.mode, climbed.missed
        workspace.memory.outcome = outcome(climbed.mode, climbed.first, climbed.missed)

    async def _reopen(self, workspace: Workspace) -> None:
        """Its sandbox was lost in the middle of work. NoMachine when there is no other."""
        await self._open(workspace, None)
        if workspace.sandbox is None:
            raise NoMachine("The sandbox was lost and no other could be started.")

    async def restore(self, project: Project, fragment: Fragment, author: Signature) -> Restored:
        """Make an older version the newest one, in the history and in the sandbox.

        Raises:
            WorkspaceBusy: somebody else is writing in the project.
            RestoreFailed: the version is written; the sandbox could not be made equal to it.
        """
        async with self.leases.hold(project.key, "restore") as lease:
            workspace = await self._closed(project, lease)
            async with self._telling(workspace.memory, None) as tell:
                opening = Opening(workspace, self.sandboxes, tell)
                await climb([rung for rung in opening.ladder() if rung.mode != "full_restore"])
                done = await Restore(workspace, self._rebuild, tell).to(fragment, author)
            workspace.memory.outcome = status.after_restore(
                done, fragment, machine=workspace.sandbox is not None
            )
        preview = await self.preview_state(await self.projects.get(project.id))
        return Restored(done.fragment, done.saved, done.installed, preview)

    async def _rebuild(self, workspace: Workspace) -> None:
        """Its sandbox cannot be trusted: another one."""
        await self.sandboxes.discard(workspace.project)
        workspace.project = await self.projects.get(workspace.project.id)

        async def tell(state: PreviewState, words: str) -> None:
            workspace.memory.progress = (state, words)

        await Opening(workspace, self.sandboxes, tell).files()

    async def recover(self, project: Project) -> Recovered:
        """Open and close: wakes a sandbox, rebuilds a lost one, restarts a dead dev server."""
        async with self.leases.hold(project.key, "open") as lease:
            workspace = await self._closed(project, lease)
            await self._open(workspace, None, restart=True)
        return Recovered(workspace.mode, workspace.missed)

    async def forget(self, project: Project) -> None:
        """Delete its sandbox, and what is remembered of it."""
        await self.sandboxes.discard(project)
        self._memories.pop(project.key, None)

    # Looking

    async def health(self, project: Project) -> Health:
        """Four answers. Asking leaves the sandbox's state, its last activity and the history alone."""
        head = await self.store.head(project.key, project.current_branch)
        found = await health.facts(self.sandboxes, project)
        version = f"v{head.number}" if head.number else "the newest version"
        return health.judge(found, self.memory(project), head.tree, version)

    async def preview_state(self, project: Project) -> PreviewStatus:
        """What the preview shows. Looks into the sandbox's log only when the app does not answer."""
        memory = self.memory(project)
        if memory.progress is not None:
            return PreviewStatus(*memory.progress, dev_server.PORT)
        found = await health.facts(self.sandboxes, project)
        state = status.of(found, memory, project, self.settings.idle_minutes)
        if state.state == "port-silent" and project.daytona_sandbox_id is not None:
            return await status.silent(self.sandboxes, project)
        return state

    async def preview_link(
        self, project: Project, port: int = dev_server.PORT
    ) -> PreviewLink | None:
        """The engine's own address of a port, and its token; None when no sandbox runs."""
        try:
            sandbox = await self.sandboxes.find(project)
            if sandbox is None or sandbox.state is not SandboxState.RUNNING:
                return None
            return await sandbox.preview_link(port)
        except SandboxGone:
            return None

    async def touch(self, project: Project) -> None:
        """Somebody looks at the page: the sandbox stays awake. Does not wake one."""
        try:
            sandbox = await self.sandboxes.find(project)
            if sandbox is not None and sandbox.state is SandboxState.RUNNING:
                await sandbox.touch()
        except SandboxError:
            log.info("not touched", extra={"project": project.id}, exc_info=True)

    @asynccontextmanager
    async def _telling(self, memory: Memory, progress: Progress | None) -> AsyncGenerator[Progress]:
        """While inside, the preview shows what is being done; `progress` hears it too."""

        async def tell(state: PreviewState, words: str) -> None:
            memory.progress = (state, words)
            if progress is not None:
                await progress(state, words)

        try:
            yield tell
        finally:
            memory.progress = None
