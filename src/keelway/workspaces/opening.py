"""The rungs of the ladder: what it takes to have a workspace, from everything down to files alone."""

import logging
from collections.abc import Awaitable, Callable, Sequence

from keelway.sandboxes.errors import SandboxError
from keelway.sandboxes.manager import Came, SandboxManager
from keelway.workspaces import dependencies, dev_server, template
from keelway.workspaces.dev_server import PORT
from keelway.workspaces.errors import InstallFailed
from keelway.workspaces.preview import Answer, PreviewState, PreviewStatus
from keelway.workspaces.recovery import Rung
from keelway.workspaces.sync import Synced
from keelway.workspaces.workspace import Workspace

log = logging.getLogger(__name__)

PAGE_SECONDS = 20
"""How long an opening waits for the page; one that does not answer undoes nothing."""

Progress = Callable[[PreviewState, str], Awaitable[None]]

WORDS: dict[str, tuple[PreviewState, str]] = {
    "woken": ("waking", "Waking up"),
    "created": ("creating", "Starting a sandbox"),
    "rebuilt": ("rebuilding", "Rebuilding from the newest version"),
}


class Opening:
    """One opening of one workspace. The workspace is filled in as far as a rung gets.

    `restart`: a dev server that runs and does not answer is started anew.
    """

    def __init__(
        self,
        workspace: Workspace,
        sandboxes: SandboxManager,
        progress: Progress,
        *,
        restart: bool = False,
    ) -> None:
        self.workspace = workspace
        self.sandboxes = sandboxes
        self.progress = progress
        self.restart = restart
        self.answer: Answer | None = None

    def ladder(self) -> Sequence[Rung]:
        return (
            Rung("full_restore", self.full, 420),
            Rung("files_only", self.files, 120),
            Rung("minimal_sandbox", self.minimal, 420, replaces=True),
            Rung("emergency_fallback", self.emergency, 30),
        )

    async def full(self) -> None:
        """Machine, files, packages, dev server; and the page, if it answers."""
        synced = await self.machine_and_files(self._snapshot)
        await self.packages(synced)
        await self.server()

    async def files(self) -> None:
        """The machine with the project's files in it; commands run, the app may not."""
        await self.machine_and_files(self._snapshot)

    async def minimal(self) -> None:
        """A bare machine in place of the one that cannot be used, then all that is possible in it."""
        await self.sandboxes.discard(self.workspace.project)
        self.workspace.project = await self.sandboxes.projects.get(self.workspace.project.id)
        synced = await self.machine_and_files(self._bare)
        await self.packages(synced)
        await self.server()

    async def emergency(self) -> None:
        """No machine: files can be read, changed and downloaded; the app cannot run."""
        self.workspace.sandbox = None

    async def machine_and_files(self, snapshot: Callable[[], Awaitable[str | None]]) -> Synced:
        workspace = self.workspace
        project = workspace.project
        found = await self.sandboxes.ensure(project, snapshot, self._coming)
        workspace.project = await self.sandboxes.projects.get(project.id)
        workspace.sandbox = found.sandbox
        workspace.memory.now_in(found.sandbox.id)
        return await workspace.bring_up()

    async def _coming(self, came: Came) -> None:
        await self.progress(*WORDS[came])

    async def _snapshot(self) -> str | None:
        name = self.workspace.project.template

        async def say(words: str) -> None:
            await self.progress("creating", words)

        return await template.ensure_template(self.sandboxes, name, progress=say)

    async def _bare(self) -> str | None:
        return None

    async def packages(self, synced: Synced) -> None:
        """Install when manifest or lock file are not what is installed. InstallFailed."""
        workspace = self.workspace
        assert workspace.sandbox is not None
        wanted = await workspace.wanted()
        if not wanted or synced.manifest.installed == wanted:
            return
        await self.progress("installing", "Installing packages")
        await dev_server.stop(workspace.sandbox)
        await dependencies.install(workspace.sandbox, wanted)

    async def server(self) -> None:
        """The dev server runs; the page is asked until it answers, for a while."""
        workspace = self.workspace
        sandbox = workspace.sandbox
        assert sandbox is not None
        if "package.json" not in workspace.tree:
            return
        if await dev_server.ensure(sandbox):
            await self.progress("building", "Starting the dev server")
        self.answer = await dev_server.answered(sandbox, seconds=PAGE_SECONDS)
        if self.restart and not self.answer.ok:
            await self.progress("building", "Starting the dev server again")
            await dev_server.restart(sandbox)
            self.answer = await dev_server.answered(sandbox, seconds=PAGE_SECONDS)


def outcome(mode: str, first: Exception | None, said: Sequence[str]) -> PreviewStatus | None:
    """What the page is told of an opening that did not reach the top, or None when it did."""
    reason = said[0].partition(": ")[2] if said else ""
    if mode == "emergency_fallback":
        words = first.message if isinstance(first, SandboxError) else reason
        return PreviewStatus("files-only", f"No machine could be started. {words}", PORT)
    if mode == "files_only":
        words, log = first.split() if isinstance(first, InstallFailed) else (reason, None)
        return PreviewStatus("minimal", words, PORT, log)
    return None
