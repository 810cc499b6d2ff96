"""Workspace: a project opened in a sandbox, for its one writer.

Every change is durable before it is anything else: a file tool's bytes become a fragment and then go
to the sandbox; what a command did is captured and becomes a fragment before the command is answered.
Without a machine (`sandbox` None) files can still be read and changed; commands raise NoMachine.
"""

import asyncio
import logging
import shlex
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from keelway import faults
from keelway.fragments.build import Change, Delete, Write
from keelway.fragments.errors import FileTooLarge, PathClash, UnsafePath
from keelway.fragments.fragment import AGENT, Describe, Fragment
from keelway.fragments.store import FragmentStore
from keelway.fragments.tree import Tree
from keelway.git.objects import Signature
from keelway.projects.projects import Project
from keelway.sandboxes.errors import (
    SandboxError,
    SandboxGone,
    SandboxStopped,
    SandboxTaken,
    SandboxUnreachable,
)
from keelway.sandboxes.sandbox import Sandbox
from keelway.workspaces import checks, commands, dependencies, files
from keelway.workspaces.capture import Capture, blob
from keelway.workspaces.checkout import check_out, leave_note, note, plan
from keelway.workspaces.digests import Digests
from keelway.workspaces.errors import NoMachine
from keelway.workspaces.lease import Lease
from keelway.workspaces.manifest import ROOT
from keelway.workspaces.memory import Memory
from keelway.workspaces.recovery import RecoveryMode
from keelway.workspaces.sync import Sync, Synced
from keelway.workspaces.values import Check, FileRow, Match, Ran, Step

log = logging.getLogger(__name__)

__all__ = ["ROOT", "Check", "FileRow", "Match", "Ran", "Step", "Workspace"]

T = TypeVar("T")
OnOutput = Callable[[str], Awaitable[None]]
INSTALL_SECONDS = 300


PATIENCE = (0.2, 0.5, 1, 2, 4, 8, 16)
"""Pauses, seconds, while the engine cannot be reached: it may be restarting."""


async def patiently(work: Callable[[], Awaitable[T]]) -> T:
    """Do something that may be done again, over a short absence of the engine."""
    for pause in PATIENCE:
        try:
            return await work()
        except SandboxUnreachable:
            await asyncio.sleep(pause)
    return await work()


@dataclass(slots=True)
class Workspace:
    """Made by `Workspaces.open`. `head` and `tree` are the newest fragment and its files."""

    project: Project
    lease: Lease
    store: FragmentStore
    digests: Digests
    memory: Memory
    sandbox: Sandbox | None
    head: Fragment
    tree: Tree
    reopen: Callable[["Workspace"], Awaitable[None]]
    """Get it a running sandbox again, when the one it has was lost."""
    limit: int
    missed: Sequence[str] = ()
    mode: RecoveryMode = "full_restore"
    root: str = field(default=ROOT)

    # Looking

    async def read(self, path: str) -> bytes:
        """A file as it is now. FileNotFoundError, IsADirectoryError, PermissionError."""
        if self.sandbox is not None and not self.memory.stale:
            try:
                return await self.sandbox.read(f"{ROOT}/{path}")
            except SandboxError:
                log.info("read from the store instead", extra={"project": self.project.id})
        return await files.read(self.store, self.project, self.tree, path)

    async def list_files(self, under: str = "") -> list[FileRow]:
        """All files that a version holds, by path."""
        if self.sandbox is not None and not self.memory.stale:
            try:
                return await files.listed(self.sandbox, under)
            except SandboxError:
                log.info("listed from the store instead", extra={"project": self.project.id})
        return files.of_tree(self.tree, under)

    async def search(self, pattern: str, under: str = "") -> list[Match]:
        """Lines that match an extended regular expression. BadPattern."""
        if self.sandbox is not None and not self.memory.stale:
            try:
                return await files.search(self.sandbox, pattern, under)
            except SandboxError:
                log.info("searched the store instead", extra={"project": self.project.id})
        return await files.search_tree(self.store, self.project, self.tree, pattern, under)

    # Changing

    async def apply(self, changes: Sequence[Change], step: Step) -> Fragment | None:
        """Write and delete files: durable first, then in the sandbox.

        Returns:
            The fragment; None when nothing was different. A sandbox that could not be told lags
            behind, and the next opening brings it up.

        Raises:
            UnsafePath, PathClash, FileTooLarge: what a version may not hold.
            Fenced: the lease was lost; nothing was written.
        """
        before = self.tree
        fragment = await self._append(changes, step)
        faults.point("workspace.before_send")
        if fragment is not None or self.memory.stale:
            data = {blob(c.data): c.data for c in changes if isinstance(c, Write)}
            await self._send(before, data)
        faults.point("workspace.after_send")
        return fragment

    async def _append(
        self,
        changes: Sequence[Change],
        step: Step,
        author: Signature = AGENT,
        version: bool = False,
    ) -> Fragment | None:
        describe = Describe(
            step.kind,
            step.title,
            author=author,
            turn_id=step.turn_id,
            tool_call_id=step.tool_call_id,
            version=version,
        )
        key, branch = self.project.key, self.project.current_branch
        fragment = await self.store.append(key, branch, changes, describe, fence=self.lease.fence)
        if fragment is not None:
            await self._advance(fragment)
        return fragment

    async def _advance(self, fragment: Fragment) -> None:
        """The newest fragment is this one, or, when a tool call was repeated, a later one."""
        if fragment.parent_id != self.head.id:
            fragment = await self.store.head(self.project.key, self.project.current_branch)
        self.head = fragment
        self.tree = await self.store.tree(self.project.key, fragment.tree)

    async def _send(self, before: Tree, data: dict[str, bytes]) -> None:
        """Make the sandbox follow from `before` to the newest tree."""
        if self.sandbox is None:
            return

        async def read(oids: Sequence[str]) -> dict[str, bytes]:
            missing = [oid for oid in oids if oid not in data]
            found = await self.store.read(self.project.key, missing) if missing else {}
            return {**data, **found}

        paths = [
            path
            for path in before.keys() | self.tree.keys()
            if before.get(path) != self.tree.get(path)
        ]
        todo = plan(self.memory.seen.files, self.tree, paths, None)
        text = note(self.project.id, self.tree.oid)
        try:
            if self.memory.stale:
                await self.bring_up()
            else:
                await check_out(self.sandbox, self.memory.seen, self.tree, todo, read, text)
                self.memory.equal_to = self.tree.oid
        except SandboxError:
            await self._catch_up()

    async def _catch_up(self) -> None:
        """The short way failed: compare everything, in a new sandbox if need be, or lag behind."""
        self.memory.stale = True
        try:
            await self._alive(self.bring_up)
        except (SandboxError, NoMachine):
            log.warning(
                "the sandbox lags behind", extra={"project": self.project.id}, exc_info=True
            )

    async def bring_up(self) -> Synced:
        """Make the sandbox hold the newest version, whatever it holds; unsaved work stays."""
        synced = await self.sync(self.machine()).to_head()
        self.head, self.tree = synced.head, synced.tree
        self.memory.stale = False
        self.memory.equal_to = None if synced.unsaved else synced.tree.oid
        return synced

    def sync(self, sandbox: Sandbox) -> Sync:
        return Sync(
            self.store,
            self.digests,
            self.project,
            sandbox,
            self.memory.seen,
            fence=self.lease.fence,
            limit=self.limit,
        )

    # Commands

    async def run(self, command: str, step: Step, *, seconds: float = 120, output: OnOutput) -> Ran:
        """Run a shell command in the project's root, once, and make a fragment of what it changed.

        Cancelling kills it and captures nothing: call `capture` then.

        Raises:
            NoMachine: no sandbox could be had; nothing was started.
        """
        name = commands.session_name(step)
        limit = min(seconds, commands.LONGEST_SECONDS)

        async def start() -> commands.Ended:
            if self.memory.stale:
                await self.bring_up()
            return await commands.run(self.machine(), name, command, seconds=limit, output=output)

        try:
            ended = await self._alive(start)
        except SandboxTaken:
            said = await self.interrupted(step)
            return Ran(None, commands.shown(said), False, None, said)
        fragment, left_out = await self._alive(lambda: patiently(lambda: self._captured(step)))
        remarks = "".join(f"\n[Not kept in the version: {one}]" for one in left_out)
        return Ran(
            ended.exit_code,
            commands.shown(ended.output) + remarks,
            ended.timed_out,
            fragment,
            ended.output,
        )

    async def install(self, packages: Sequence[str], step: Step, *, output: OnOutput) -> Ran:
        """Add packages to the project with npm, and note what is installed then.

        Raises:
            ValueError: a name that npm would read as an option.
        """
        if any(not name or name.startswith("-") for name in packages):
            raise ValueError("A package's name does not begin with a dash.")
        names = " ".join(shlex.quote(name) for name in packages)
        command = f"npm install {dependencies.FLAGS} -- {names}"
        ran = await self.run(command, step, seconds=INSTALL_SECONDS, output=output)
        if ran.exit_code == 0 and self.sandbox is not None:
            await dependencies.note(self.sandbox, await self.wanted())
        return ran

    async def wanted(self) -> str:
        """The key of what the newest version wants installed."""
        return dependencies.key(
            await files.some(self.store, self.project, self.tree, dependencies.FILES)
        )

    async def capture(self, step: Step) -> Fragment | None:
        """What the sandbox holds and the newest version does not, as a fragment; None: nothing."""
        if self.sandbox is None:
            return None
        return (await self._captured(step))[0]

    async def save(self, title: str, author: Signature) -> Fragment | None:
        """`capture`, as a version of its own by a person."""
        if self.sandbox is None:
            return None
        return (await self._captured(Step("hand", title), author, version=True))[0]

    async def append_copy(self, wanted: Fragment, title: str, author: Signature) -> Fragment:
        """A new version with the files of `wanted`: durable, not yet in the sandbox."""
        describe = Describe("restore", title, author=author, restored_from=wanted.id, version=True)
        self.memory.stale = True
        fragment = await self.store.append_tree(
            self.project.key,
            self.project.current_branch,
            wanted.tree,
            describe,
            fence=self.lease.fence,
        )
        await self._advance(fragment)
        return fragment

    async def _captured(
        self, step: Step, author: Signature = AGENT, *, version: bool = False
    ) -> tuple[Fragment | None, Sequence[str]]:
        memory = self.memory
        if memory.stale:
            # What the sandbox lacks would look like deleted.
            await self.bring_up()
        sandbox = self.machine()
        capture = Capture(sandbox, memory.seen, self.digests, self.project.key, self.limit)
        found = await capture.against(self.tree)
        left_out = list(found.left_out)
        fragment, refused = await self._keep(list(found.changes), step, author, version)
        left_out += refused
        if fragment is not None:
            await self._note(sandbox)
        return fragment, left_out

    async def _keep(
        self, changes: list[Change], step: Step, author: Signature, version: bool
    ) -> tuple[Fragment | None, list[str]]:
        """Make a fragment of what was captured, without the files that no version may hold."""
        refused: list[str] = []
        while changes:
            try:
                return await self._append(changes, step, author, version), refused
            except (UnsafePath, PathClash, FileTooLarge) as error:
                deletes = [change for change in changes if isinstance(change, Delete)]
                if isinstance(error, PathClash) and deletes:
                    # A file took a folder's place: the folder goes in a step of its own.
                    await self._append(deletes, replace(step, tool_call_id=None), author)
                    changes = [change for change in changes if isinstance(change, Write)]
                    continue
                path = error.context.get("path")
                if not any(change.path == path for change in changes):
                    raise
                refused.append(error.message)
                changes = [change for change in changes if change.path != path]
        return None, refused

    async def _note(self, sandbox: Sandbox) -> None:
        """Tell the sandbox which version it equals. Its lack costs a comparison, nothing else."""
        self.memory.equal_to = self.tree.oid
        try:
            await leave_note(sandbox, note(self.project.id, self.tree.oid))
        except SandboxError:
            log.info("note not left", extra={"project": self.project.id}, exc_info=True)

    async def interrupted(self, step: Step) -> str:
        """What a command had said when its server died; it is killed, and what it did is captured.

        The command is not started again, whether or not it was still running.
        """
        if self.sandbox is None:
            return ""
        said = await commands.salvage(self.sandbox, commands.session_name(step))
        await self._captured(step)
        return said

    async def kill_commands(self) -> None:
        """End every command that runs in this workspace, with all its processes, at once."""
        if self.sandbox is not None:
            await commands.kill_all(self.sandbox)

    # The app

    async def check(self) -> list[Check]:
        """Structure, packages, types, dev server, page: what can be asked without changing a file."""
        sandbox = self.machine()
        return await checks.run(sandbox, await self.wanted(), self.tree)

    async def install_missing(self) -> bool:
        """Install what the newest version wants and the sandbox lacks. InstallFailed."""
        wanted = await self.wanted()
        sandbox = self.machine()
        return await checks.install_missing(sandbox, wanted)

    def machine(self) -> Sandbox:
        """The sandbox. NoMachine."""
        if self.sandbox is None:
            raise NoMachine("No machine could be started. Files can be read and changed.")
        return self.sandbox

    async def _alive(self, work: Callable[[], Awaitable[T]]) -> T:
        """Do it; when the sandbox was lost before it began, do it in a new one."""
        try:
            self.machine()
            return await work()
        except (SandboxGone, SandboxStopped):
            await self.reopen(self)
            return await work()
