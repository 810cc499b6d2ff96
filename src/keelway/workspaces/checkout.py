"""Make a sandbox's files equal to a tree, touching only those that differ.

Writes come before deletes, so that a page which is being looked at never misses a file it still uses.
"""

import shlex
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from keelway.fragments.paths import ignored
from keelway.fragments.tree import EXECUTABLE, FILE, LINK, Entry, Tree
from keelway.sandboxes.sandbox import Sandbox
from keelway.workspaces.capture import Held, Seen, blob
from keelway.workspaces.manifest import BASE, ROOT, Manifest, git_mode, look, words

READ_BYTES = 16 * 1024 * 1024
"""Bytes of files held here at a time while they are sent."""

Read = Callable[[Sequence[str]], Awaitable[Mapping[str, bytes]]]
"""Objects by name, from the store."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What has to be done, paths only. `blockers` stand where a file or folder is needed."""

    writes: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    executable: tuple[str, ...] = ()
    plain: tuple[str, ...] = ()
    deletes: tuple[str, ...] = ()
    blockers: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.writes or self.links or self.executable or self.plain or self.deletes)

    @property
    def paths(self) -> set[str]:
        return {*self.writes, *self.links, *self.executable, *self.plain, *self.deletes}


def plan(
    have: Mapping[str, Held], want: Tree, paths: Iterable[str], manifest: Manifest | None
) -> Plan:
    """Compare what the sandbox has with what it should have, at these paths."""
    writes: list[str] = []
    links: list[str] = []
    executable: list[str] = []
    plain: list[str] = []
    deletes: list[str] = []
    for path in sorted(paths):
        now, then = have.get(path), want.get(path)
        if then is None:
            if now is not None:
                deletes.append(path)
        elif then.mode == LINK:
            if now is None or (now.mode, now.oid) != (LINK, then.oid):
                links.append(path)
        else:
            same = now is not None and now.mode != LINK and now.oid == then.oid
            if not same:
                writes.append(path)
            if then.mode != (now.mode if now is not None and now.mode != LINK else FILE):
                (executable if then.mode == EXECUTABLE else plain).append(path)
    blockers = _blockers([*writes, *links], have, manifest)
    return Plan(*map(tuple, (writes, links, executable, plain, deletes, blockers)))


def _blockers(
    wanted: Sequence[str], have: Mapping[str, Held], manifest: Manifest | None
) -> list[str]:
    """Links where a file is to be written (it would be written through), files where folders are."""
    kinds = {path: row.kind for path, row in manifest.rows.items()} if manifest else {}
    kinds |= {path: "l" if held.mode == LINK else "f" for path, held in have.items()}
    found: set[str] = set()
    for path in wanted:
        if kinds.get(path, "f") != "f":
            found.add(path)
        parts = path.split("/")
        for end in range(1, len(parts)):
            parent = "/".join(parts[:end])
            if kinds.get(parent, "d") != "d":
                found.add(parent)
    return sorted(found)


async def check_out(
    sandbox: Sandbox, seen: Seen, want: Tree, todo: Plan, read: Read, note: str
) -> None:
    """Carry out a plan, then leave a note of what the tree now equals."""
    if todo.blockers:
        for names in words(todo.blockers):
            await sandbox.check(f"cd {ROOT} && {_each(names)} rm -rf --")
    for batch in _batches(todo.writes, want):
        data = await read([want[path].oid for path in batch])
        await sandbox.write({f"{ROOT}/{path}": data[want[path].oid] for path in batch})
    await _arrange(sandbox, want, todo, read)
    await sandbox.write({BASE: note.encode()})
    for path in todo.paths:
        if path in want:
            seen.files[path] = Held(want[path].mode, want[path].oid, None)
        else:
            seen.files.pop(path, None)


async def _arrange(sandbox: Sandbox, want: Tree, todo: Plan, read: Read) -> None:
    """Modes, links and deletes: usually one command."""
    steps: list[str] = []
    for verb, paths in (("chmod 755 --", todo.executable), ("chmod 644 --", todo.plain)):
        steps += [f"{_each(names)} {verb}" for names in words(paths)]
    if todo.links:
        targets = await read([want[path].oid for path in todo.links])
        folders = {path.rpartition("/")[0] or "." for path in todo.links}
        steps += [f"{_each(names)} mkdir -p --" for names in words(sorted(folders))]
        for path in todo.links:
            names = next(iter(words([targets[want[path].oid], path])))
            steps.append(f"{_each(names)} ln -sfnT --")
    steps += [f"{_each(names)} rm -f --" for names in words(todo.deletes)]
    emptied = sorted({path.rpartition("/")[0] for path in todo.deletes if "/" in path})
    steps += [
        f"{{ {_each(names)} rmdir -p --ignore-fail-on-non-empty -- 2>/dev/null || :; }}"
        for names in words(emptied)
    ]
    for command in _joined(steps):
        await sandbox.check(f"cd {ROOT} && {command}")


def _each(names: str) -> str:
    """Hand these names to the program that follows."""
    return f"printf %s {shlex.quote(names)} | base64 -d | xargs -0r"


def _joined(steps: Sequence[str], limit: int = 90_000) -> Iterable[str]:
    """Steps as few commands, each short enough for one argument (128 KiB)."""
    command = ""
    for step in steps:
        if command and len(command) + len(step) > limit:
            yield command
            command = ""
        command = f"{command} && {step}" if command else step
    if command:
        yield command


def _batches(paths: Sequence[str], want: Tree) -> Iterable[list[str]]:
    batch: list[str] = []
    size = 0
    for path in paths:
        batch.append(path)
        size += want[path].size
        if size > READ_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


async def differences(
    sandbox: Sandbox, want: Tree, digests: Mapping[str, str], aside: Collection[str] = ()
) -> list[str]:
    """Where the sandbox's own hash of a file, its kind or its executable bit differs from the tree.

    Args:
        sandbox: Whose files are hashed, all of them, now.
        want: The tree.
        digests: SHA-256 to object name, for the files of `want`.
        aside: Extra files that no version can hold, and so nothing may delete.

    Returns:
        Paths of changed, missing and extra files. Empty: equal. Ignored files do not count.
    """
    manifest = await look(sandbox, hashes=True)
    found = manifest.files()
    wrong = [path for path in found if path not in want and path not in aside]
    for path, entry in want.items():
        if ignored(path):
            continue
        row = found.get(path)
        if row is None or git_mode(row) != entry.mode or not _same(entry, path, manifest, digests):
            wrong.append(path)
    return sorted(wrong)


def _same(entry: Entry, path: str, manifest: Manifest, digests: Mapping[str, str]) -> bool:
    if entry.mode == LINK:
        return blob(manifest.rows[path].target) == entry.oid
    return digests.get(manifest.hashes.get(path, "")) == entry.oid


def note(project: str, tree: str) -> str:
    """What is written into the sandbox after a checkout: whose tree it then equals."""
    return f"{project} {tree}"


def noted(text: str, project: str) -> str | None:
    """The tree named by a sandbox's note, if the note is this project's."""
    whose, _, tree = text.partition(" ")
    return tree if whose == project and tree else None


async def leave_note(sandbox: Sandbox, text: str) -> None:
    await sandbox.write({BASE: text.encode()})
