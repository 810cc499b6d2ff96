"""All projects' caches: opened when needed, retried once when somebody removed one under a reader."""

import asyncio
import contextlib
import shutil
from collections import OrderedDict
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TypeVar

import pygit2
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncSession

from keelway.db import models
from keelway.db.session import Database
from keelway.fragments import rows
from keelway.fragments.cache import BROKEN, Cache, remove_numbered, remove_unlocked
from keelway.fragments.errors import CacheBroken, FragmentNotFound, StoreUnavailable
from keelway.fragments.folders import folder
from keelway.fragments.pack import GitObject
from keelway.projects.projects import STAGED

T = TypeVar("T")

OPEN = 64
"""Most repositories held open; each costs a few file descriptors."""
NAMES = 10_000
"""Most ids remembered; a project that is opened again then costs no query."""


class Repositories:
    """`KEELWAY_HOME/repositories`: one bare repository per project, named by its id (folders.py)."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database = database
        self.folder = folder
        self._caches: OrderedDict[int, Cache] = OrderedDict()
        self._ids: OrderedDict[int, str] = OrderedDict()
        self._looked = False

    @property
    def aside(self) -> Path:
        """Where an import packs what it writes; its next run clears it."""
        return self.folder.with_name(f"{self.folder.name}.import")

    async def cache(self, project: int) -> Cache:
        """The cache of the project with this key. Raises FragmentNotFound: no such project."""
        found = self._caches.get(project)
        if found is None:
            name = await self._id(project)
            found = self._caches.get(project) or self._cache(project, name)
            if name.startswith(STAGED):
                return found  # it is to get another name, which must not be missed
            self._caches[project] = found
            if len(self._caches) > OPEN:
                self._caches.popitem(last=False)[1].close()
        self._caches.move_to_end(project)
        return found

    def _cache(self, project: int, name: str) -> Cache:
        source = partial(rows.packs_after, self.database, project)
        return Cache(self.folder / folder(name), source, project, name)

    async def _id(self, project: int) -> str:
        """The id of a project; it never changes, but for a staged one's, which is not remembered."""
        if not self._looked:
            self._looked = True
            await asyncio.to_thread(remove_numbered, self.folder)
        if (known := self._ids.get(project)) is not None:
            return known
        async with self.reading() as session:
            query = select(models.Project.id).where(models.Project.key == project)
            name = await session.scalar(query)
        if name is None:
            raise FragmentNotFound("There is no such project.", project=project)
        if not name.startswith(STAGED):
            self._ids[project] = name
            if len(self._ids) > NAMES:
                self._ids.popitem(last=False)
        return name

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
        cache = await self.cache(project)
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
        """New objects, when the cache is open; else the next reader fills it."""
        cache = self._caches.get(project)
        if cache is not None:
            cache.add(seq, objects)

    async def drop(self, project: int) -> None:
        await (await self.cache(project)).drop()

    async def forget(self, project: int) -> None:
        """The project is about to go: so does its cache, with its lock file. Its row is still there."""
        cache = await self.cache(project)
        await cache.remove()
        self._caches.pop(project, None)
        self._ids.pop(project, None)

    async def settle(self, project: int, staged: str, written: int) -> None:
        """What was written under the key `written` and the id `staged` has become the project.

        Its cache, which has the same content, is put in place; where that cannot be, one is filled.
        """
        old, cache = self._cache(written, staged), await self.cache(project)
        with contextlib.suppress(*BROKEN):
            if written == project:
                await cache.take(old)
            await old.remove()

    async def forget_staged(self) -> None:
        """Caches of projects that were still being written; the caller knows that none is."""
        await asyncio.to_thread(shutil.rmtree, self.aside, ignore_errors=True)
        beginning = folder(STAGED).removesuffix(".git")
        left = {path.name.partition(".git")[0] for path in self.folder.glob(f"{beginning}*")}
        for name in sorted(left):
            path = self.folder / f"{name}.git"
            await asyncio.to_thread(remove_unlocked, path)
            for rest in self.folder.glob(f"{name}.git.*"):
                await asyncio.to_thread(shutil.rmtree, rest, ignore_errors=True)

    def close(self) -> None:
        for cache in self._caches.values():
            cache.close()
        self._caches.clear()
