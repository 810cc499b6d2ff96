"""Differences of two versions, for people and for counting.

Small ones by pygit2 in the loop (well under a millisecond); big ones by a git process, because
libgit2 would hold the interpreter's lock for all of it.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pygit2
from pygit2.enums import DeltaStatus, DiffOption

from keelway.fragments.tree import FOLDER, LINK, Entry, parse_tree
from keelway.git.command import git
from keelway.git.objects import EMPTY_TREE

Status = Literal["added", "modified", "deleted", "renamed"]

LOOP_FILES = 20
LOOP_BYTES = 64 * 1024
"""More files or bytes on both sides than this are compared in a process."""

PATCH_BYTES = 256 * 1024
PATCHES_BYTES = 4 * 1024 * 1024
"""A longer patch is left out (None), as are all after the total is reached."""

SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class FileChange:
    """One file's difference; lines are 0 when it is binary, sizes None where there is no file."""

    path: str
    old_path: str | None
    status: Status
    added: int
    removed: int
    binary: bool
    old_size: int | None
    new_size: int | None
    patch: str | None


@dataclass(frozen=True, slots=True)
class Stats:
    files: int
    added: int
    removed: int


Side = tuple[int, str]
"""Mode and object name of a file on one side."""


def differing(
    objects: Any, old: str | None, new: str
) -> dict[str, tuple[Side | None, Side | None]]:
    """Paths whose entry differs, reading only the folders that do. KeyError: an object is missing."""
    found: dict[str, tuple[Side | None, Side | None]] = {}
    _descend(objects, old, new, "", found)
    return found


def _descend(
    objects: Any,
    old: str | None,
    new: str | None,
    prefix: str,
    into: dict[str, tuple[Side | None, Side | None]],
) -> None:
    if old == new:
        return
    before, after = _listing(objects, old), _listing(objects, new)
    for name in sorted(before.keys() | after.keys()):
        left, right = before.get(name), after.get(name)
        if left == right:
            continue
        was, now = (side[1] if side and side[0] == FOLDER else None for side in (left, right))
        if was or now:
            _descend(objects, was, now, f"{prefix}{name}/", into)
        files = [side if side and side[0] != FOLDER else None for side in (left, right)]
        if any(files):
            into[prefix + name] = (files[0], files[1])


def _listing(objects: Any, oid: str | None) -> dict[str, Side]:
    if oid is None or oid == EMPTY_TREE:
        return {}
    return {name: (mode, child) for name, mode, child in parse_tree(objects.read(oid)[1])}


def stats(repository: pygit2.Repository, old: str | None, new: str) -> Stats:
    """Files and lines that differ, renames as one file. Linear in the size of what differs."""
    objects = repository.odb
    changed = differing(objects, old, new)
    size = sum(
        objects.read_header(side[1])[1] for pair in changed.values() for side in pair if side
    )
    if len(changed) <= LOOP_FILES and size <= LOOP_BYTES:
        found = _diff(repository, old, new).stats
        return Stats(found.files_changed, found.insertions, found.deletions)
    return _counted(objects, changed)


def _counted(objects: Any, changed: Mapping[str, tuple[Side | None, Side | None]]) -> Stats:
    """Lines that one side has more often than the other; files moved without a change count once."""
    moved = Counter(left[1] for left, right in changed.values() if left and not right)
    files = added = removed = 0
    renamed: Counter[str] = Counter()
    for left, right in changed.values():
        if right and not left and renamed[right[1]] < moved[right[1]]:
            renamed[right[1]] += 1
    skip = renamed.copy()
    for left, right in changed.values():
        if left and not right and skip[left[1]] > 0:
            skip[left[1]] -= 1
            continue
        files += 1
        if right and not left and renamed[right[1]] > 0:
            renamed[right[1]] -= 1
            continue
        more, fewer = _lines(objects, left, right)
        added, removed = added + more, removed + fewer
    return Stats(files, added, removed)


def _lines(objects: Any, left: Side | None, right: Side | None) -> tuple[int, int]:
    before, after = (objects.read(side[1])[1] if side else b"" for side in (left, right))
    if is_binary(before) or is_binary(after):
        return 0, 0
    old, new = Counter(before.splitlines()), Counter(after.splitlines())
    return (new - old).total(), (old - new).total()


def is_binary(data: bytes) -> bool:
    """Git's own rule: a NUL in the first 8,000 bytes."""
    return b"\0" in data[:8000]


async def compare(
    repository: pygit2.Repository, path: Path, old: str | None, new: str
) -> list[FileChange]:
    """Every file that differs, with patches as far as the limits allow.

    Raises:
        KeyError: An object is missing.
        GitError: The process took longer than 5 seconds or met a missing object.
    """
    objects = repository.odb
    changed = differing(objects, old, new)
    sizes = {
        side[1]: objects.read_header(side[1])[1]
        for pair in changed.values()
        for side in pair
        if side
    }
    small = len(changed) <= LOOP_FILES and sum(sizes.values()) <= LOOP_BYTES
    if small and not any(_changed_type(*pair) for pair in changed.values()):
        found = list(_in_loop(repository, old, new))
    else:
        found = await _in_process(path, old or EMPTY_TREE, new, sizes)
    return list(_capped(found))


def _changed_type(left: Side | None, right: Side | None) -> bool:
    """A file became a link or the other way round; libgit2 shows no content for it, git does."""
    if left is None or right is None:
        return False
    return (left[0] == LINK) != (right[0] == LINK)


def _diff(repository: pygit2.Repository, old: str | None, new: str) -> pygit2.Diff:
    flags = DiffOption.INCLUDE_TYPECHANGE
    after = repository[new]
    assert isinstance(after, pygit2.Tree)
    if old is None:
        diff = after.diff_to_tree(flags=flags, swap=True)
    else:
        before = repository[old]
        assert isinstance(before, pygit2.Tree)
        diff = before.diff_to_tree(after, flags=flags)
    diff.find_similar()
    return diff


_STATUS: dict[DeltaStatus, Status] = {
    DeltaStatus.ADDED: "added",
    DeltaStatus.DELETED: "deleted",
    DeltaStatus.MODIFIED: "modified",
    DeltaStatus.TYPECHANGE: "modified",
    DeltaStatus.RENAMED: "renamed",
}


def _in_loop(repository: pygit2.Repository, old: str | None, new: str) -> Iterator[FileChange]:
    objects = repository.odb
    for patch in _diff(repository, old, new):
        assert patch is not None
        delta = patch.delta
        status = _STATUS[delta.status]
        _, added, removed = patch.line_stats
        before = None if status == "added" else objects.read_header(delta.old_file.id)[1]
        after = None if status == "deleted" else objects.read_header(delta.new_file.id)[1]
        yield FileChange(
            path=delta.new_file.path,
            old_path=delta.old_file.path if status == "renamed" else None,
            status=status,
            added=added,
            removed=removed,
            binary=bool(delta.is_binary),
            old_size=before,
            new_size=after,
            patch=patch.data.decode(errors="replace"),
        )


_LETTERS: dict[str, Status] = {
    "A": "added",
    "D": "deleted",
    "M": "modified",
    "T": "modified",
    "R": "renamed",
}


async def _in_process(path: Path, old: str, new: str, sizes: Mapping[str, int]) -> list[FileChange]:
    options = ("diff-tree", "-r", "-M", "--no-ext-diff", "--no-textconv", "--full-index")
    async with asyncio.timeout(SECONDS):
        table = await git(*options, "-z", "--raw", "--numstat", old, new, repository=path)
        text = await git(*options, "-p", old, new, repository=path)
    patches = _split(text)
    found: list[FileChange] = []
    for letter, before, after, names, counts in _table(table):
        patch = next(patches, None)
        if letter == "T":  # git shows it as a deletion and an addition
            patch = (patch or "") + (next(patches, None) or "")
        found.append(_change(letter, before, after, names, counts, sizes, patch))
    return found


def _change(
    letter: str,
    before: Entry,
    after: Entry,
    names: tuple[str, ...],
    counts: tuple[str, str],
    sizes: Mapping[str, int],
    patch: str | None,
) -> FileChange:
    binary = counts[0] == "-"
    return FileChange(
        path=names[-1],
        old_path=names[0] if letter == "R" else None,
        status=_LETTERS[letter],
        added=0 if binary else int(counts[0]),
        removed=0 if binary else int(counts[1]),
        binary=binary,
        old_size=sizes.get(before.oid) if before.mode else None,
        new_size=sizes.get(after.oid) if after.mode else None,
        patch=patch,
    )


def _table(
    output: bytes,
) -> Iterator[tuple[str, Entry, Entry, tuple[str, ...], tuple[str, str]]]:
    """`--raw --numstat -z`: first all raw records, then all counts, in the same order."""
    fields = iter(output.decode(errors="replace").split("\0"))
    raw: list[tuple[str, Entry, Entry, tuple[str, ...]]] = []
    counts: list[tuple[str, str]] = []
    for record in fields:
        if record.startswith(":"):
            old_mode, new_mode, old_oid, new_oid, letter = record[1:].split(" ")
            names = tuple(next(fields) for _ in range(2 if letter[0] in "RC" else 1))
            before, after = Entry(int(old_mode, 8), old_oid, 0), Entry(int(new_mode, 8), new_oid, 0)
            raw.append((letter[0], before, after, names))
        elif record:
            added, removed, name = record.split("\t", 2)
            if not name:  # a rename's two names follow
                next(fields)
                next(fields)
            counts.append((added, removed))
    for (letter, before, after, names), count in zip(raw, counts, strict=True):
        yield letter, before, after, names, count


def _split(text: bytes) -> Iterator[str]:
    """The patch of each file; every line of content begins with another character than `d`."""
    start = 0 if text.startswith(b"diff --git ") else text.find(b"\ndiff --git ") + 1
    while start < len(text):
        end = text.find(b"\ndiff --git ", start)
        end = len(text) if end < 0 else end + 1
        yield text[start:end].decode(errors="replace")
        start = end


def _capped(changes: list[FileChange]) -> Iterator[FileChange]:
    left = PATCHES_BYTES
    for change in changes:
        size = len(change.patch or "")
        if size > PATCH_BYTES or size > left:
            yield _without_patch(change)
        else:
            left -= size
            yield change


def _without_patch(change: FileChange) -> FileChange:
    return FileChange(
        change.path,
        change.old_path,
        change.status,
        change.added,
        change.removed,
        change.binary,
        change.old_size,
        change.new_size,
        None,
    )
