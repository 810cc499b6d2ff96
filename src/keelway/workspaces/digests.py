"""SHA-256 of what versions hold, so that a sandbox's own hashes can be compared with a tree.

Why SHA-256: `sha256sum` is in every image and hashes a whole tree in one process (7 ms for 300 files),
while git's own name of a file needs a length before its bytes, so a process for each file, or git.
"""

import hashlib
from collections.abc import Iterable

from keelway.fragments.store import FragmentStore
from keelway.fragments.tree import LINK, Entry

BATCH_BYTES = 16 * 1024 * 1024
CAPACITY = 200_000
"""Objects remembered, about 200 bytes each."""


class Digests:
    """Object name to SHA-256, remembered: objects never change."""

    def __init__(self, store: FragmentStore) -> None:
        self.store = store
        self._known: dict[str, str] = {}

    async def of(self, project: int, entries: Iterable[Entry]) -> dict[str, str]:
        """SHA-256 (hexadecimal) to object name, for all files among the entries."""
        sizes = {entry.oid: entry.size for entry in entries if entry.mode != LINK}
        await self._learn(project, {o: s for o, s in sizes.items() if o not in self._known})
        return {self._known[oid]: oid for oid in sizes}

    async def _learn(self, project: int, sizes: dict[str, int]) -> None:
        if len(self._known) + len(sizes) > CAPACITY:
            self._known.clear()
        batch: list[str] = []
        held = 0
        for oid, size in sizes.items():
            batch.append(oid)
            held += size
            if held > BATCH_BYTES:
                await self._read(project, batch)
                batch, held = [], 0
        if batch:
            await self._read(project, batch)

    async def _read(self, project: int, oids: list[str]) -> None:
        for oid, data in (await self.store.read(project, oids)).items():
            self._known[oid] = hashlib.sha256(data).hexdigest()
