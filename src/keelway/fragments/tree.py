"""The files of one version, as a value."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

FILE = 0o100644
EXECUTABLE = 0o100755
LINK = 0o120000
FOLDER = 0o040000


@dataclass(frozen=True, slots=True)
class Entry:
    """One file. `mode` is FILE, EXECUTABLE or LINK; `size` counts bytes."""

    mode: int
    oid: str
    size: int


class Tree(Mapping[str, Entry]):
    """Path to entry, in git's order, for every file of a version. Immutable."""

    __slots__ = ("_entries", "oid")

    def __init__(self, oid: str, entries: Mapping[str, Entry]) -> None:
        self.oid = oid
        self._entries = entries

    def __getitem__(self, path: str) -> Entry:
        return self._entries[path]

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Tree) and other.oid == self.oid

    def __hash__(self) -> int:
        return hash(self.oid)

    def __repr__(self) -> str:
        return f"Tree({self.oid}, {len(self)} files)"


class Objects(Protocol):
    """What reading a tree needs: pygit2's Odb."""

    def read(self, oid: str, /) -> tuple[int, bytes]: ...
    def read_header(self, oid: str, /) -> tuple[int, int]: ...


class TreeReader:
    """Reads trees and remembers folders, so that the next version costs only what differs.

    Memory: about 100 bytes a file of each distinct folder; forgotten when `capacity` files are held.
    """

    def __init__(self, capacity: int = 200_000) -> None:
        self.capacity = capacity
        self._folders: dict[str, list[tuple[str, int, str, int]]] = {}
        self._held = 0

    def read(self, objects: Objects, oid: str) -> Tree:
        """All files below the tree `oid`. Raises KeyError when an object is missing."""
        entries: dict[str, Entry] = {}
        self._walk(objects, oid, "", entries)
        return Tree(oid, entries)

    def _walk(self, objects: Objects, oid: str, prefix: str, into: dict[str, Entry]) -> None:
        for name, mode, child, size in self._folder(objects, oid):
            if mode == FOLDER:
                self._walk(objects, child, f"{prefix}{name}/", into)
            else:
                into[prefix + name] = Entry(mode, child, size)

    def _folder(self, objects: Objects, oid: str) -> list[tuple[str, int, str, int]]:
        found = self._folders.get(oid)
        if found is None:
            found = [
                (name, mode, child, 0 if mode == FOLDER else objects.read_header(child)[1])
                for name, mode, child in parse_tree(objects.read(oid)[1])
            ]
            if self._held > self.capacity:
                self._folders.clear()
                self._held = 0
            self._folders[oid] = found
            self._held += len(found)
        return found


def parse_tree(data: bytes) -> Iterator[tuple[str, int, str]]:
    """Name, mode and object name of each entry of a raw tree object."""
    at = 0
    while at < len(data):
        space = data.index(b" ", at)
        end = data.index(b"\0", space)
        yield data[space + 1 : end].decode(), int(data[at:space], 8), data[end + 1 : end + 21].hex()
        at = end + 21
