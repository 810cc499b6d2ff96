"""Git objects as bytes for the database: pack entries of whole objects, no header, no trailer.

Bodies join: any number of rows become one pack by putting one header before and one checksum behind.
Nothing thin is ever stored (STORE.md 4).
"""

import hashlib
import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

PART = 1024 * 1024
"""Most bytes of a body in one row."""

HEADER = 12
TRAILER = 20


@dataclass(frozen=True, slots=True)
class GitObject:
    """A new object. `kind` is git's number: 1 commit, 2 tree, 3 blob."""

    oid: str
    kind: int
    data: bytes


def entry(kind: int, data: bytes) -> bytes:
    """One whole object as a pack entry; from 1 MiB on not compressed (media are already)."""
    size, head = len(data) >> 4, [kind << 4 | len(data) & 15]
    while size:
        head[-1] |= 128
        head.append(size & 127)
        size >>= 7
    return bytes(head) + zlib.compress(data, 6 if len(data) < PART else 0)


def body(objects: Iterable[GitObject]) -> bytes:
    return b"".join(entry(each.kind, each.data) for each in objects)


def parts(data: bytes) -> Iterator[bytes]:
    """A body cut for rows; at least one part."""
    for start in range(0, max(len(data), 1), PART):
        yield data[start : start + PART]


class Joiner:
    """Makes one valid pack of many bodies, as a stream."""

    def __init__(self, objects: int) -> None:
        self._sum = hashlib.sha1(usedforsecurity=False)
        self.header = self.add(struct.pack(">4sII", b"PACK", 2, objects))

    def add(self, data: bytes) -> bytes:
        self._sum.update(data)
        return data

    def trailer(self) -> bytes:
        return self._sum.digest()


def open_pack(data: bytes) -> tuple[int, bytes]:
    """Number of objects and body of a whole pack, as `pack-objects --stdout` prints it."""
    magic, _, count = struct.unpack(">4sII", data[:HEADER])
    assert magic == b"PACK"
    return count, data[HEADER:-TRAILER]
