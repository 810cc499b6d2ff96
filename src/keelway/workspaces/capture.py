"""What changed in the sandbox since last time, as changes that can be made a fragment.

Changed files are brought here and hashed here; then the tree is listed again, until nothing moved
meanwhile (three times at most). So a fragment holds what was hashed, whatever the sandbox does.
"""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from keelway.fragments.build import Change, Delete, Write
from keelway.fragments.errors import UnsafePath
from keelway.fragments.paths import check_link, check_path, ignored
from keelway.fragments.tree import Tree
from keelway.sandboxes.sandbox import Sandbox
from keelway.workspaces.digests import Digests
from keelway.workspaces.manifest import RACY_SECONDS, ROOT, Manifest, Row, git_mode, look

ROUNDS = 3
"""How often a file that changes while it is read is read again."""
BATCH_BYTES = 32 * 1024 * 1024
HASH_FROM = 20
"""With more unknown files than this, the sandbox is first asked for their hashes."""


@dataclass(frozen=True, slots=True)
class Held:
    """A file as the sandbox holds it. `stat` None: it may have changed since without a trace."""

    mode: int
    oid: str
    stat: str | None


@dataclass(slots=True)
class Seen:
    """What is known of one sandbox's working tree: the last listing, made one with what was read."""

    files: dict[str, Held] = field(default_factory=dict[str, Held])


@dataclass(frozen=True, slots=True)
class Captured:
    """Changes against a tree, and a sentence for each file that could not be taken."""

    changes: Sequence[Change]
    left_out: Sequence[str]
    manifest: Manifest


def blob(data: bytes) -> str:
    """Git's name of a file with these bytes."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


class Capture:
    """One comparison of a sandbox with a tree. `seen` is updated to what was found."""

    def __init__(
        self, sandbox: Sandbox, seen: Seen, digests: Digests, project: int, limit: int
    ) -> None:
        self.sandbox = sandbox
        self.seen = seen
        self.digests = digests
        self.project = project
        self.limit = limit
        self.data: dict[str, bytes] = {}
        self.left_out: dict[str, str] = {}

    async def against(self, tree: Tree, only: Collection[str] | None = None) -> Captured:
        """All changes of the sandbox against `tree`, or those of some paths."""
        manifest = await self.contents([tree])
        files = self.seen.files
        changed = [
            path
            for path, held in files.items()
            if (only is None or path in only)
            and (path not in tree or (tree[path].mode, tree[path].oid) != (held.mode, held.oid))
        ]
        await self._read([path for path in changed if path not in self.data])
        writes = [
            Write(path, self.data[path], files[path].mode)
            for path in sorted(changed)
            if path in self.data and path in files
        ]
        deletes = [
            Delete(path)
            for path in tree
            if path not in files
            and (only is None or path in only)
            and path not in self.left_out
            and not ignored(path)
        ]
        return Captured([*deletes, *writes], sorted(self.left_out.values()), manifest)

    async def contents(self, trees: Sequence[Tree], manifest: Manifest | None = None) -> Manifest:
        """Bring `seen` up to date, with as little reading as possible.

        Args:
            trees: Versions whose files are likely to be there: recognised by hash, not read.
            manifest: A listing just made.

        Returns:
            The listing that `seen` agrees with.
        """
        files = self.seen.files
        for attempt in range(ROUNDS + 1):
            manifest = manifest or await look(self.sandbox)
            rows = self._possible(manifest)
            for path in [path for path in files if path not in rows]:
                del files[path]
                self.data.pop(path, None)
            unknown = {
                path: row
                for path, row in rows.items()
                if path not in files or files[path].stat != row.stat
            }
            if not unknown:
                break
            if attempt == ROUNDS:
                for path in unknown:
                    self.left_out[path] = f"{path} could not be read, or kept changing."
                break
            await self._resolve(unknown, trees)
            manifest = None
        assert manifest is not None
        self._forget_racy(manifest)
        return manifest

    def _possible(self, manifest: Manifest) -> dict[str, Row]:
        """What a version can hold; the rest is named in `left_out` and never touched."""
        rows = dict(manifest.files())
        for name in manifest.unreadable:
            self.left_out[repr(name)] = f"{name!r} has a name that is not Unicode."
        for path, row in manifest.files().items():
            try:
                check_path(path)
                if row.kind == "l":
                    check_link(path, row.target)
            except UnsafePath as error:
                self.left_out[path] = error.message
                del rows[path]
                continue
            if row.kind == "f" and row.size > self.limit:
                self.left_out[path] = (
                    f"{path} is too large for a version "
                    f"({row.size / 1048576:.1f} MB, at most {self.limit / 1048576:.0f} MB)."
                )
                del rows[path]
        return rows

    async def _resolve(self, unknown: Mapping[str, Row], trees: Sequence[Tree]) -> None:
        """Find out what these files hold: by the sandbox's hash where many, else by reading them."""
        files = self.seen.files
        wanted: list[str] = []
        known: dict[str, str] = {}
        hashes: Mapping[str, str] = {}
        if sum(row.kind == "f" for row in unknown.values()) > HASH_FROM:
            entries = [entry for tree in trees for entry in tree.values()]
            known = await self.digests.of(self.project, entries)
            hashes = (await look(self.sandbox, hashes=True)).hashes
        for path, row in unknown.items():
            oid = known.get(hashes.get(path, ""))
            if row.kind == "l":
                self.data[path] = row.target
                oid = blob(row.target)
            if oid is None:
                wanted.append(path)
            else:
                files[path] = Held(git_mode(row), oid, row.stat)
        for batch in _batches(wanted, unknown):
            bodies = await self.sandbox.read_many([f"{ROOT}/{path}" for path in batch])
            for path in batch:
                data = bodies.get(f"{ROOT}/{path}")
                if data is None:
                    files.pop(path, None)
                    continue
                self.data[path] = data
                files[path] = Held(git_mode(unknown[path]), blob(data), unknown[path].stat)

    async def _read(self, wanted: Sequence[str]) -> None:
        """Fetch files whose object is known and whose bytes are not here."""
        for at in range(0, len(wanted), 50):
            batch = wanted[at : at + 50]
            bodies = await self.sandbox.read_many([f"{ROOT}/{path}" for path in batch])
            for path in batch:
                data = bodies.get(f"{ROOT}/{path}")
                if data is None:
                    continue
                held = self.seen.files[path]
                self.data[path] = data
                if blob(data) != held.oid:
                    self.seen.files[path] = Held(held.mode, blob(data), None)

    def _forget_racy(self, manifest: Manifest) -> None:
        """Files changed just before the listing are looked at again next time."""
        for path, held in self.seen.files.items():
            row = manifest.rows.get(path)
            if row is None or row.stat != held.stat or row.changed > manifest.now - RACY_SECONDS:
                self.seen.files[path] = Held(held.mode, held.oid, None)


def _batches(paths: Sequence[str], rows: Mapping[str, Row]) -> Sequence[Sequence[str]]:
    found: list[list[str]] = [[]]
    size = 0
    for path in paths:
        if found[-1] and (size + rows[path].size > BATCH_BYTES or len(found[-1]) >= 200):
            found.append([])
            size = 0
        found[-1].append(path)
        size += rows[path].size
    return found if paths else []
