"""A commit from paths and bytes, with every object it made, and nothing written to disk.

The overlay denies that the cache has anything: libgit2 skips a write when any backend says that the
object exists, and then a later row could lack an object (STORE.md 4).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pygit2

from keelway.fragments.errors import FileTooLarge, PathClash, UnsafePath
from keelway.fragments.pack import GitObject
from keelway.fragments.paths import check_link, check_path, ignored
from keelway.fragments.tree import EXECUTABLE, FILE, FOLDER, LINK
from keelway.git.objects import Signature

KEELWAY = Signature("Keelway", "keelway@keelway.localhost")
"""Committer of every fragment."""


@dataclass(frozen=True, slots=True)
class Write:
    """A file's whole content; for a link (mode 0o120000) its target."""

    path: str
    data: bytes
    mode: int = FILE


@dataclass(frozen=True, slots=True)
class Delete:
    """A file, or a folder with everything in it; what is not there is no error."""

    path: str


Change = Write | Delete


@dataclass(frozen=True, slots=True)
class Built:
    """A commit that exists in memory only."""

    commit: str
    tree: str
    objects: tuple[GitObject, ...]


class Overlay(pygit2.OdbBackend):
    """Keeps what is written, reads through to the cache, denies that the cache has anything."""

    def __init__(self, cache: pygit2.Odb | None) -> None:
        super().__init__()
        self.cache = cache
        self.new: dict[pygit2.Oid, tuple[int, bytes]] = {}

    def read_cb(self, oid: pygit2.Oid) -> tuple[int, bytes]:
        found = self.new.get(oid)
        if found is not None:
            return found
        if self.cache is None:
            raise KeyError(oid)
        return self.cache.read(oid)

    def read_header_cb(self, oid: pygit2.Oid) -> tuple[int, int]:
        kind, data = self.read_cb(oid)
        return kind, len(data)

    def read_prefix_cb(self, short: pygit2.Oid) -> tuple[int, bytes, pygit2.Oid]:
        oid = pygit2.Oid(hex=str(short))
        return *self.read_cb(oid), oid

    def exists_cb(self, oid: pygit2.Oid) -> bool:
        return oid in self.new

    def write_cb(self, oid: pygit2.Oid, data: bytes, kind: int) -> None:
        self.new[oid] = (kind, bytes(data))

    def refresh_cb(self) -> None:
        """Must exist: libgit2 calls it before every miss."""


class Builder:
    """Builds trees and one commit on top of what a cache holds."""

    def __init__(self, cache: pygit2.Repository | None) -> None:
        self.overlay = Overlay(None if cache is None else cache.odb)
        odb = pygit2.Odb()
        odb.add_backend(self.overlay, 1)
        self.repository = pygit2.Repository()
        self.repository.set_odb(odb)

    def tree(self, base: str | None, changes: Sequence[Change]) -> str:
        """The tree that `changes` make of the tree `base`; all deletions happen first.

        Raises:
            PathClash: A file stands where a folder is needed, or the other way round.
        """
        node = _plan(changes)
        old = None if base is None else self.repository[base]
        assert old is None or isinstance(old, pygit2.Tree)
        made = self._folder(old, node, "")
        return str(made if made is not None else self.repository.TreeBuilder().write())

    def commit(
        self, tree: str, parents: Sequence[str], message: str, author: Signature, when: datetime
    ) -> Built:
        """The commit object, and all objects made so far, children before parents."""
        oid = self.commit_at(tree, parents, message, author, when, when)
        objects = tuple(
            GitObject(str(name), kind, data) for name, (kind, data) in self.overlay.new.items()
        )
        return Built(oid, tree, objects)

    def commit_at(
        self,
        tree: str,
        parents: Sequence[str],
        message: str,
        author: Signature,
        authored: datetime,
        committed: datetime,
    ) -> str:
        """The commit object alone, in the overlay; its name."""
        oid = self.repository.create_commit(
            None,
            _signature(author, int(authored.timestamp())),
            _signature(KEELWAY, int(committed.timestamp())),
            message,
            pygit2.Oid(hex=tree),
            [pygit2.Oid(hex=parent) for parent in parents],
        )
        return str(oid)

    def _folder(self, old: pygit2.Tree | None, node: "_Node", where: str) -> pygit2.Oid | None:
        builder = self.repository.TreeBuilder(old) if old else self.repository.TreeBuilder()
        changed = False
        for name, child in node.children.items():
            path = f"{where}{name}"
            before = old[name] if old is not None and name in old else None
            entry = (before.id, int(before.filemode)) if before is not None else None
            after = self._entry(before, child, path)
            if after == entry:
                continue
            changed = True
            if after is None:
                builder.remove(name)
            else:
                builder.insert(name, *after)
        if not changed:
            return None if old is None else old.id
        return builder.write() if len(builder) else None

    def _entry(self, before: Any, node: "_Node", path: str) -> tuple[pygit2.Oid, int] | None:
        kept = None if node.delete else before
        if node.write is not None:
            if isinstance(kept, pygit2.Tree) and self._folder(kept, node, f"{path}/") is not None:
                raise PathClash(f"'{path}' is a folder; delete it first.", path=path)
            oid = pygit2.hash(node.write.data)
            if before is None or before.id != oid:
                self.repository.create_blob(node.write.data)
            return oid, node.write.mode
        if node.children:
            if kept is not None and not isinstance(kept, pygit2.Tree):
                if node.writes():
                    raise PathClash(f"'{path}' is a file, not a folder.", path=path)
                return kept.id, int(kept.filemode)
            made = self._folder(kept, node, f"{path}/")
            return None if made is None else (made, FOLDER)
        return None if kept is None else (kept.id, int(kept.filemode))


@dataclass(slots=True)
class _Node:
    """What is to happen at one path: delete, then write or go deeper."""

    delete: bool = False
    write: Write | None = None
    children: "dict[str, _Node]" = field(default_factory=lambda: dict[str, _Node]())

    def writes(self) -> bool:
        return self.write is not None or any(child.writes() for child in self.children.values())


def _plan(changes: Sequence[Change]) -> _Node:
    """Changes as a tree of folders; of several changes of one path the last one counts."""
    last = {change.path: change for change in changes}
    root = _Node()
    for path, change in last.items():
        node = root
        for name in path.split("/"):
            node = node.children.setdefault(name, _Node())
        if isinstance(change, Delete):
            node.delete = True
        else:
            node.write = change
    _refuse_twofold(root, "")
    return root


def _refuse_twofold(node: _Node, where: str) -> None:
    for name, child in node.children.items():
        path = f"{where}{name}"
        if (
            child.write is not None
            and child.writes()
            and any(grandchild.writes() for grandchild in child.children.values())
        ):
            raise PathClash(f"'{path}' cannot be both a file and a folder.", path=path)
        _refuse_twofold(child, f"{path}/")


def check_changes(changes: Sequence[Change], file_bytes: int) -> None:
    """The path policy and the size limit, for every change.

    Raises:
        UnsafePath: A path or link that no version may hold, or one on the service's ignore list.
        FileTooLarge: Content above `file_bytes`.
    """
    for change in changes:
        check_path(change.path)
        if isinstance(change, Write):
            _check_write(change, file_bytes)


def _check_write(change: Write, file_bytes: int) -> None:
    path = change.path
    if ignored(path):
        raise UnsafePath(f"'{path}' is on the list of what versions leave out.", path=path)
    if change.mode not in {FILE, EXECUTABLE, LINK}:
        raise UnsafePath(f"'{path}' has a mode that versions do not hold.", path=path)
    if change.mode == LINK:
        check_link(path, change.data)
    if len(change.data) > file_bytes:
        size, limit = _megabytes(len(change.data)), _megabytes(file_bytes)
        raise FileTooLarge(f"'{path}' has {size}; a version holds {limit} per file.", path=path)
    if path.rsplit("/", 1)[-1].lower() == ".gitattributes" and _long_line(change.data):
        raise UnsafePath(f"'{path}' has a line longer than 2,000 bytes: git refuses it.", path=path)


def _long_line(data: bytes) -> bool:
    return any(len(line) > 2000 for line in data.split(b"\n"))


def _megabytes(size: int) -> str:
    return f"{size / (1024 * 1024):.1f} MB"


def _signature(who: Signature, seconds: int) -> pygit2.Signature:
    """Git takes neither line ends nor angle brackets, and no empty name."""
    return pygit2.Signature(
        _clean(who.name) or "unknown", _clean(who.email) or "unknown", seconds, 0, "utf-8"
    )


def _clean(text: str) -> str:
    visible = "".join(char for char in plain(text) if char.isprintable() and char not in "<>")
    return visible.strip(" .,:;\\\"'")[:200]


def plain(text: str) -> str:
    """Text that every database and git take: no NUL, no lone surrogates."""
    return text.encode(errors="replace").decode().replace("\0", "")
