"""Bring an older version back as a new one, then make the sandbox equal to it. It rolls forward only."""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from keelway import faults
from keelway.fragments.fragment import Fragment
from keelway.fragments.tree import Tree
from keelway.git.objects import Signature
from keelway.sandboxes.errors import SandboxError
from keelway.sandboxes.sandbox import Sandbox
from keelway.workspaces import dependencies, dev_server, preview
from keelway.workspaces.checkout import differences
from keelway.workspaces.dependencies import FILES
from keelway.workspaces.errors import InstallFailed, RestoreFailed
from keelway.workspaces.manifest import look
from keelway.workspaces.preview import Answer, PreviewState
from keelway.workspaces.workspace import Workspace

log = logging.getLogger(__name__)

TRIES = 2
"""How often the files are sent before the sandbox is given up."""
PAGE_SECONDS = 15

Progress = Callable[[PreviewState, str], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Done:
    """The new version, what was saved before it, whether packages were installed, what answered.

    `trouble`: why the version does not run though it is there.
    """

    fragment: Fragment
    saved: Fragment | None
    installed: bool
    answer: Answer
    trouble: str | None = None


class Restore:
    """One restore in a workspace whose lease is held."""

    def __init__(
        self,
        workspace: Workspace,
        rebuild: Callable[[Workspace], Awaitable[None]],
        progress: Progress,
    ) -> None:
        self.workspace = workspace
        self.rebuild = rebuild
        self.progress = progress

    async def to(self, wanted: Fragment, author: Signature) -> Done:
        """The files of `wanted` as the newest version, and in the sandbox.

        Raises:
            RestoreFailed: the version is written and kept; the sandbox could not be made equal to it.
        """
        name = f"v{wanted.number}" if wanted.number else wanted.title
        workspace = self.workspace
        faults.point("restore.begun")
        await self.progress("restoring", f"Restoring {name}")
        saved = await workspace.save(f"Before restoring {name}", author)
        before = workspace.tree
        again = await workspace.append_copy(wanted, f"Restored {name}", author)
        faults.point("restore.written")
        if workspace.sandbox is None:
            return Done(again, saved, False, preview.SILENT, "No machine could be started.")
        await self.equal()
        faults.point("restore.checked_out")
        done = await self._run(again, saved, before)
        faults.point("restore.done")
        return done

    async def equal(self) -> None:
        """The sandbox's files, hashed, equal the newest tree; else again, else in a new sandbox."""
        wrong: list[str] = []
        for attempt in range(TRIES + 1):
            try:
                if attempt == TRIES:
                    await self.progress("rebuilding", "Rebuilding the sandbox")
                    await self.rebuild(self.workspace)
                wrong = await self._send()
            except SandboxError as error:
                log.warning("checkout failed", exc_info=True)
                wrong = [error.message]
            if not wrong:
                self.workspace.memory.stale = False
                self.workspace.memory.equal_to = self.workspace.tree.oid
                return
            log.warning("files differ after checkout", extra={"paths": wrong[:20]})
        self.workspace.memory.stale = True
        raise RestoreFailed(
            "The version is kept, but the sandbox's files could not be made equal to it.",
            paths=wrong[:20],
        )

    async def _send(self) -> list[str]:
        """Send what differs, then compare everything; paths that still differ."""
        workspace = self.workspace
        sandbox = workspace.machine()
        sync = workspace.sync(sandbox)
        await sync.to(workspace.tree)
        digests = await workspace.digests.of(workspace.project.key, workspace.tree.values())
        wrong = await differences(sandbox, workspace.tree, digests, sync.capture.left_out)
        for path in wrong:
            workspace.memory.seen.files.pop(path, None)
        return wrong

    async def _run(self, again: Fragment, saved: Fragment | None, before: Tree) -> Done:
        """Packages, server, page; what fails here is told and undoes nothing."""
        workspace = self.workspace
        sandbox = workspace.machine()
        installed = False
        trouble: str | None = None
        try:
            installed = await self._install(sandbox, before)
            await dev_server.ensure(sandbox)
            answer = await dev_server.answered(sandbox, seconds=PAGE_SECONDS)
            if not answer.ok:
                trouble = await dev_server.log(sandbox) or "The page does not answer."
        except InstallFailed as error:
            answer, trouble = preview.SILENT, error.message
        except SandboxError as error:
            answer, trouble = preview.SILENT, error.message
        return Done(again, saved, installed, answer, trouble)

    async def _install(self, sandbox: Sandbox, before: Tree) -> bool:
        workspace = self.workspace
        wanted = await workspace.wanted()
        if not wanted or (await look(sandbox)).installed == wanted:
            return False
        changed = [name for name in FILES if before.get(name) != workspace.tree.get(name)]
        await self.progress("installing", "Installing packages")
        log.info("packages differ", extra={"changed": changed})
        await dev_server.stop(sandbox)
        await dependencies.install(sandbox, wanted)
        return True
