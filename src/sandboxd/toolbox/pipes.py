"""Pipes between the engine and processes inside, without a thread or a subprocess module."""

import asyncio
import os
from collections.abc import Callable

CHUNK = 64 * 1024


class Output:
    """What a process wrote, the first and the last part of it when it is too much to hold."""

    def __init__(self, limit: int) -> None:
        self._half = limit // 2
        self._head = bytearray()
        self._tail = bytearray()
        self._dropped = 0

    def add(self, data: bytes) -> None:
        room = self._half - len(self._head)
        if room > 0:
            self._head += data[:room]
            data = data[room:]
        if data:
            self._tail += data
            excess = len(self._tail) - self._half
            if excess > self._half // 4:  # cut rarely: deleting from the front copies
                del self._tail[:excess]
                self._dropped += excess

    def text(self) -> str:
        note = f"\n[{self._dropped} bytes left out]\n".encode() if self._dropped else b""
        return (bytes(self._head) + note + bytes(self._tail)).decode(errors="replace")


class Reader:
    """Reads a descriptor whenever there is something, until its end; owns the descriptor."""

    def __init__(self, descriptor: int, take: Callable[[bytes], None]) -> None:
        os.set_blocking(descriptor, False)
        self._descriptor = descriptor
        self._take = take
        self._loop = asyncio.get_running_loop()
        self.ended = asyncio.Event()
        self._loop.add_reader(descriptor, self._read)

    def _read(self) -> None:
        try:
            data = os.read(self._descriptor, CHUNK)
        except BlockingIOError:
            return
        except OSError:
            data = b""  # a terminal whose other side is gone says EIO
        if data:
            self._take(data)
        else:
            self.close()

    def drain(self) -> None:
        """Take what is there now, without waiting."""
        while not self.ended.is_set():
            try:
                data = os.read(self._descriptor, CHUNK)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            if not data:
                self.close()
                return
            self._take(data)

    def close(self) -> None:
        if not self.ended.is_set():
            self._loop.remove_reader(self._descriptor)
            os.close(self._descriptor)
            self.ended.set()


async def write_all(descriptor: int, data: bytes) -> None:
    """Write everything to a non-blocking descriptor, waiting while it is full."""
    loop = asyncio.get_running_loop()
    rest = memoryview(data)
    while rest:
        try:
            rest = rest[os.write(descriptor, rest) :]
        except BlockingIOError:
            writable = asyncio.Event()
            loop.add_writer(descriptor, writable.set)
            try:
                await writable.wait()
            finally:
                loop.remove_writer(descriptor)


def output_pipe(owner: tuple[int, int]) -> tuple[int, int]:
    """A pipe whose end inside belongs to the sandbox's user, so that /dev/stdout can be opened."""
    reading, writing = os.pipe2(os.O_CLOEXEC)
    if os.geteuid() == 0:
        os.fchown(writing, *owner)
    return reading, writing
