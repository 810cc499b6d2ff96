"""The output of one session command, on the host, bounded, in the order in which it came."""

import asyncio
import os
import struct
from collections.abc import AsyncIterator
from pathlib import Path

OUT, ERR = 1, 2
_HEAD = struct.Struct("<BI")


class CommandLog:
    """Records `(stream, bytes)` in at most two files; the older one goes when the newer is full.

    Appending never waits for the disk. `limit` is the bytes kept of both streams together.
    """

    def __init__(self, folder: Path, name: str, limit: int) -> None:
        self._folder = folder
        self._name = name
        self._limit = limit // 2
        self._segments = self._found()
        self._size = self._path(self._segments[-1]).stat().st_size if self._segments else 0
        self._file: int | None = None
        self._grown = asyncio.Event()
        self.closed = False

    def append(self, stream: int, data: bytes) -> None:
        if not data:
            return
        if self._file is None or self._size + len(data) > self._limit:
            self._rotate()
        assert self._file is not None
        os.write(self._file, _HEAD.pack(stream, len(data)) + data)
        self._size += _HEAD.size + len(data)
        self._wake()

    def close(self) -> None:
        """Nothing will follow."""
        self.closed = True
        if self._file is not None:
            os.close(self._file)
            self._file = None
        self._wake()

    def remove(self) -> None:
        self.close()
        for segment in self._found():
            self._path(segment).unlink(missing_ok=True)

    async def read(self) -> list[tuple[int, bytes]]:
        """Everything kept so far."""
        return await asyncio.to_thread(self._read_all)

    async def follow(self) -> AsyncIterator[list[tuple[int, bytes]]]:
        """Everything kept so far, then what is added, until the log is closed and read to its end."""
        segment, offset = 0, 0
        while True:
            grown, ended = self._grown, self.closed
            if self._segments and segment not in self._segments:
                segment, offset = self._segments[0], 0  # the reader was too slow, or just came
            records, offset = self._read_from(segment, offset)
            if records:
                yield records
            elif self._segments and segment != self._segments[-1]:
                segment, offset = self._segments[self._segments.index(segment) + 1], 0
            elif ended:
                return
            else:
                await grown.wait()

    def _wake(self) -> None:
        self._grown.set()
        self._grown = asyncio.Event()

    def _rotate(self) -> None:
        reopen = self._file is None and self._segments and self._size < self._limit
        if self._file is not None:
            os.close(self._file)
        if not reopen:
            self._segments.append(self._segments[-1] + 1 if self._segments else 1)
            self._size = 0
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        self._file = os.open(self._path(self._segments[-1]), flags, 0o600)
        while len(self._segments) > 2:
            self._path(self._segments.pop(0)).unlink(missing_ok=True)

    def _read_all(self) -> list[tuple[int, bytes]]:
        found: list[tuple[int, bytes]] = []
        for segment in self._found():
            offset = 0
            while True:
                records, offset = self._read_from(segment, offset)
                if not records:
                    break
                found.extend(records)
        return found

    def _read_from(self, segment: int, offset: int) -> tuple[list[tuple[int, bytes]], int]:
        """The whole records in the next piece of a segment, and where they end."""
        try:
            descriptor = os.open(self._path(segment), os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return [], offset
        try:
            data = os.pread(descriptor, 256 * 1024, offset)
        finally:
            os.close(descriptor)
        return _records(data, offset)

    def _found(self) -> list[int]:
        suffixes = (path.suffix[1:] for path in self._folder.glob(f"{self._name}.*"))
        return sorted(int(suffix) for suffix in suffixes if suffix.isdigit())

    def _path(self, segment: int) -> Path:
        return self._folder / f"{self._name}.{segment}"


def _records(data: bytes, offset: int) -> tuple[list[tuple[int, bytes]], int]:
    records: list[tuple[int, bytes]] = []
    position = 0
    while position + _HEAD.size <= len(data):
        stream, length = _HEAD.unpack_from(data, position)
        end = position + _HEAD.size + length
        if end > len(data):
            break
        records.append((stream, data[position + _HEAD.size : end]))
        position = end
    return records, offset + position
