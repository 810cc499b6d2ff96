"""All projects' caches: opened when needed, retried once when somebody removed one under a reader."""

from collections import OrderedDict
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TypeVar

import pygit2
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncSession

from keelway.db.session import Database
from keelway.fragments import rows
from keelway.fragments.cache import BROKEN, Cache
from keelway.fragments.errors import CacheBroken, StoreUnavailable
from keelway.fragments.pack import GitObject

T = TypeVar("T")

OPEN = 64
"""Most repositories held open; each costs a few file descriptors."""


class Repositories:
    """`KEELWAY_HOME/repositories`: one bare repository per project, by its internal key."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database = database
        self.folder = folder
        self._caches: OrderedDict[int, Cache] = OrderedDict()

    def cache(self, project: int) -> Cache:
        found = self._caches.get(project)
        if found is None:
            source = partial(rows.packs_after, self.database, project)
            found = self._caches[project] = Cache(self.folder / f"{project}.git", source)
            if len(self._caches) > OPEN:
                self._caches.popitem(last=False)[1].close()
        self._caches.move_to_end(project)
        return found

    @asynccontextmanager
    async def reading(self) -> AsyncGenerator[AsyncSession]:
        """A session for reads; a database that does not answer is StoreUnavailable."""
        try:
            async with self.database.reading() as session:
                yield session
        except (DBAPIError, PoolTimeout) as error:
            raise StoreUnavailable("The database does not answer.") from error

    async def use(
        self,
        project: int,
        work: Callable[[pygit2.Repository], Awaitable[T]],
        *,
        seq: int | None = None,
    ) -> T:
        """Do `work` with the repository, which holds everything up to `seq`.

        Without `seq` it may lag: objects are named by their content, so what is found is right. A
        gap means that the cache lags or is damaged: it is brought up to date, then made anew.

        Raises:
            CacheBroken: The database does not have what `work` asked for.
        """
        cache = self.cache(project)
        for attempt in ("as it is", "up to date", "made anew"):
            if seq is None and (attempt != "as it is" or cache.have() < 0):
                async with self.reading() as session:
                    seq = await rows.last_seq(session, project)
            try:
                return await work(await cache.at_least(seq or 0))
            except BROKEN as error:
                if attempt == "made anew":
                    raise CacheBroken("This version's files could not be read.") from error
                if attempt == "up to date":
                    await cache.drop()
        raise AssertionError

    def add(self, project: int, seq: int, objects: Sequence[GitObject]) -> None:
        self.cache(project).add(seq, objects)

    async def drop(self, project: int) -> None:
        await self.cache(project).drop()

    async def forget(self, project: int) -> None:
        """The project is gone: so is its cache, with its lock file."""
        cache = self.cache(project)
        await cache.drop()
        cache.remove_lock()
        self._caches.pop(project, None)

    def close(self) -> None:
        for cache in self._caches.values():
            cache.close()
        self._caches.clear()
