"""The room that sandboxes may take: a bound for each, and a floor that the host always keeps.

Plain folders know no quota, so nothing can refuse a write; but what writes can be ended. The free space
is asked for once a second, which costs nothing; only when it has shrunk are the running sandboxes
measured, and those beyond their bound, or growing while the host runs out, lose their processes. Their
files and the machine stay, so that somebody can remove what is too much.
"""

import asyncio
import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from sandboxd.box import Box
from sandboxd.errors import SandboxdError
from sandboxd.runtime.usage import Usage, usage
from sandboxd.store import Store

log = logging.getLogger(__name__)

GIB = 1024**3
EVERY = 1.0
"""Seconds between two looks; what is written in between may exceed the bound."""
STEP = 256 * 1024**2
"""Bytes by which the free space must shrink before sandboxes are measured again."""
STEP_FILES = 50_000
FLOOR = 2 * GIB
FLOOR_FILES = 100_000
FILES_PER_GIB = 125_000
"""Files that a sandbox may have for each GiB: a million in the default 8 GiB."""


class Boxes(Protocol):
    """What this needs of the engine."""

    @property
    def store(self) -> Store: ...

    def all(self) -> list[Box]: ...


@dataclass(frozen=True, slots=True)
class Free:
    """What the host's file system has left: bytes, and files (a file system without a count has many)."""

    size: int
    files: int


def free(folder: Path) -> Free:
    found = os.statvfs(folder)
    return Free(found.f_bavail * found.f_frsize, found.f_favail if found.f_files else 2**62)


@dataclass(slots=True)
class DiskGuard:
    """Watches one engine's sandboxes.

    The floor is 2 GiB and 100,000 files, or half of what was free when the engine started: on a
    machine that is nearly full already, sandboxes still run.
    """

    boxes: Boxes
    floor: Free
    _measured_at: Free | None = None
    _last: dict[str, Usage] = field(default_factory=dict[str, Usage])

    @classmethod
    def of(cls, boxes: Boxes) -> "DiskGuard":
        left = free(boxes.store.home)
        floor = Free(min(FLOOR, left.size // 2), min(FLOOR_FILES, left.files // 2))
        return cls(boxes, floor)

    async def watch(self) -> None:
        """Look until cancelled."""
        while True:
            try:
                await self.look(free(self.boxes.store.home))
            except (OSError, SandboxdError) as error:
                log.warning("disk use not measured: %r", error)
            await asyncio.sleep(EVERY)

    async def look(self, left: Free) -> Sequence[str]:
        """End what writes too much; the ids of the sandboxes that were too big. `left`: free now."""
        low = left.size < self.floor.size or left.files < self.floor.files
        if not self._shrunk(left, low=low):
            return ()
        ended: list[str] = []
        now: dict[str, Usage] = {}
        for box in self.boxes.all():
            if box.running is None:
                continue
            now[box.id] = taken = await usage(self.boxes.store.machine_home(box.id) / "upper")
            why = self._too_much(taken, box.record.disk)
            if why is None and low and self._grows(self._last.get(box.id), taken):
                why = "it grew while the host had hardly any room left"
            if why is not None and await self._end(box, why):
                ended.append(box.id)
        self._last, self._measured_at = now, left
        return ended

    def _shrunk(self, left: Free, *, low: bool) -> bool:
        """Whether enough was written since the last measurement to measure again."""
        before = self._measured_at
        if before is None:
            self._measured_at = left
            return low
        if left.size > before.size or left.files > before.files:
            self._measured_at = Free(max(left.size, before.size), max(left.files, before.files))
        step, files = (STEP // 16, STEP_FILES // 16) if low else (STEP, STEP_FILES)
        return before.size - left.size >= step or before.files - left.files >= files

    @staticmethod
    def _too_much(taken: Usage, gib: int) -> str | None:
        if taken.size > gib * GIB:
            return f"it holds {taken.size / GIB:.1f} GiB; its limit is {gib}"
        if taken.files > gib * FILES_PER_GIB:
            return f"it holds {taken.files} files; its limit is {gib * FILES_PER_GIB}"
        return None

    @staticmethod
    def _grows(before: Usage | None, taken: Usage) -> bool:
        """Whether it is one of those that take the last room; where it cannot be seen, it is."""
        if before is None or taken.hidden:
            return taken.hidden
        return (
            taken.size - before.size > STEP // 32 or taken.files - before.files > STEP_FILES // 32
        )

    @staticmethod
    async def _end(box: Box, why: str) -> bool:
        running = box.running
        if running is None:
            return False
        log.warning("sandbox %s: its processes are ended: %s", box.id, why)
        await running.machine.kill_all()
        return True
