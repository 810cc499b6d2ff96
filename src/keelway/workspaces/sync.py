"""Bring a sandbox to the newest version without losing work that is only in the sandbox.

Three trees meet: the newest version, what the sandbox holds, and the base: the version the sandbox
was last made equal to, of which it carries a note. What differs from the base only in the sandbox is
unsaved work and stays for the next capture; what differs only in the version is checked out; where
both differ, the sandbox's side is saved as a fragment first and the version then wins.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from keelway.fragments.errors import FragmentError
from keelway.fragments.fragment import Describe, Fragment
from keelway.fragments.paths import ignored
from keelway.fragments.store import FragmentStore
from keelway.fragments.tree import Tree
from keelway.git.objects import is_sha
from keelway.ids import TreeSha
from keelway.projects.projects import Project
from keelway.sandboxes.sandbox import Sandbox
from keelway.workspaces.capture import Capture, Held, Seen
from keelway.workspaces.checkout import check_out, note, noted, plan
from keelway.workspaces.digests import Digests
from keelway.workspaces.manifest import Manifest, look


@dataclass(frozen=True, slots=True)
class Sides:
    """Paths by who changed them since the base; `both` in different ways."""

    behind: frozenset[str]
    unsaved: frozenset[str]
    both: frozenset[str]


def sides(have: dict[str, Held], base: Tree | None, head: Tree) -> Sides:
    """Compare the three. Without a base, whatever the sandbox holds is no work of anybody's."""
    behind: set[str] = set()
    unsaved: set[str] = set()
    both: set[str] = set()
    for path in {*have, *head, *(base or ())}:
        if ignored(path) and path not in have:
            continue
        now = (have[path].mode, have[path].oid) if path in have else None
        new = (head[path].mode, head[path].oid) if path in head else None
        old = (base[path].mode, base[path].oid) if base is not None and path in base else None
        if now == new:
            continue
        if base is None or now == old:
            behind.add(path)
        elif new == old:
            unsaved.add(path)
        else:
            both.add(path)
    return Sides(frozenset(behind), frozenset(unsaved), frozenset(both))


@dataclass(frozen=True, slots=True)
class Synced:
    """The newest fragment (a new one when work had to be saved), its tree, and the last listing."""

    head: Fragment
    tree: Tree
    manifest: Manifest
    unsaved: bool


class Sync:
    """One bringing up to date."""

    def __init__(
        self,
        store: FragmentStore,
        digests: Digests,
        project: Project,
        sandbox: Sandbox,
        seen: Seen,
        *,
        fence: int,
        limit: int,
    ) -> None:
        self.store = store
        self.project = project
        self.sandbox = sandbox
        self.seen = seen
        self.fence = fence
        self.capture = Capture(sandbox, seen, digests, project.key, limit)

    async def to_head(self) -> Synced:
        """Make the sandbox hold the newest version, plus unsaved work where there is any."""
        head = await self.store.head(self.project.key, self.project.current_branch)
        tree = await self.store.tree(self.project.key, head.tree)
        manifest = await look(self.sandbox)
        base = await self._base(manifest, tree)
        trees = [tree] if base is None or base == tree else [tree, base]
        manifest = await self.capture.contents(trees, manifest)
        found = sides(self.seen.files, base, tree)
        if found.both:
            head = await self._save(head, tree, found.both)
        todo = plan(self.seen.files, tree, found.behind | found.both, manifest)
        if todo or base != tree:
            text = note(self.project.id, tree.oid)
            await check_out(self.sandbox, self.seen, tree, todo, self.read, text)
        return Synced(head, tree, manifest, bool(found.unsaved))

    async def to(self, tree: Tree) -> None:
        """Make the sandbox equal to `tree`, whatever it holds."""
        manifest = await self.capture.contents([tree])
        todo = plan(self.seen.files, tree, self.seen.files.keys() | tree.keys(), manifest)
        await check_out(
            self.sandbox, self.seen, tree, todo, self.read, note(self.project.id, tree.oid)
        )

    async def read(self, oids: Sequence[str]) -> dict[str, bytes]:
        return await self.store.read(self.project.key, oids)

    async def _base(self, manifest: Manifest, head: Tree) -> Tree | None:
        oid = noted(manifest.base, self.project.id)
        if oid is None or not is_sha(oid):
            return None
        if oid == head.oid:
            return head
        try:
            return await self.store.tree(self.project.key, TreeSha(oid))
        except (FragmentError, KeyError):
            return None

    async def _save(self, head: Fragment, tree: Tree, paths: frozenset[str]) -> Fragment:
        """Keep the sandbox's side of `paths` in the history, then put the version's back on top."""
        captured = await self.capture.against(tree, only=paths)
        said = Describe("hand", "Unsaved work found in the sandbox")
        key, branch = self.project.key, self.project.current_branch
        saved = await self.store.append(key, branch, captured.changes, said, fence=self.fence)
        if saved is None:
            return head
        again = Describe("restore", head.title, restored_from=head.id)
        return await self.store.append_tree(key, branch, head.tree, again, fence=self.fence)
