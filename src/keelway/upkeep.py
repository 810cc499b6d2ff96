"""What nobody waits for: old versions' packs are folded into smaller ones, now and then."""

import asyncio
import logging

from keelway.errors import KeelwayError
from keelway.fragments.store import FragmentStore

log = logging.getLogger(__name__)

PAUSE = 120.0
"""Seconds between two looks; a fold of 100 fragments takes about 0.1 s (STORE.md 4)."""


async def keep_up(store: FragmentStore, *, pause: float = PAUSE) -> None:
    """Fold whatever is due, for ever. A project that cannot be folded is left for the next look."""
    while True:
        await asyncio.sleep(pause)
        for project in await _due(store):
            await _fold(store, project)


async def _due(store: FragmentStore) -> list[int]:
    try:
        return await store.fold_due()
    except KeelwayError:
        log.warning("not looked for what to fold", exc_info=True)
        return []


async def _fold(store: FragmentStore, project: int) -> None:
    try:
        while await store.fold(project):
            log.info("folded", extra={"project": project})
    except KeelwayError:
        log.warning("not folded", extra={"project": project}, exc_info=True)
