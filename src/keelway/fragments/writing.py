"""The write path: read, fill, build in memory, one transaction, acknowledge, only then the cache."""

import asyncio
import random
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pygit2
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncSession

from keelway import faults
from keelway.db import models
from keelway.fragments import history, rows
from keelway.fragments.build import Builder, Built, Change, Write, plain
from keelway.fragments.cache import open_repository
from keelway.fragments.compare import Stats
from keelway.fragments.errors import BranchBusy, StoreUnavailable
from keelway.fragments.fragment import Describe, Fragment
from keelway.fragments.repositories import Repositories
from keelway.ids import new_id

THREAD_BYTES = 1024 * 1024
"""Above this a commit is built in a thread, one at a time."""
TRIES = 20

Work = Callable[[Builder], tuple[Built, Stats] | None]
"""Builds a commit, or None when there is nothing to commit."""
Make = Callable[[Fragment | None, str, datetime], Work]
"""Work for this head, fragment id and time."""


class Writer:
    """Adds fragments to branches, for any number of writers at once."""

    def __init__(self, repositories: Repositories) -> None:
        self.repositories = repositories
        self.database = repositories.database
        self._big = asyncio.Lock()

    async def first(
        self, project: int, branch: str, make: Make, describe: Describe, files: Sequence[Write]
    ) -> Fragment | None:
        """A branch's first commit; None when the branch exists."""
        fragment_id, when = new_id(), datetime.now(UTC)
        made = await self._build(None, make(None, fragment_id, when), files)
        assert made is not None
        draft = rows.Draft(fragment_id, branch, made[0], None, describe, made[1], when)
        return await self._commit(project, draft, None)

    async def next(
        self,
        project: int,
        branch: str,
        make: Make,
        describe: Describe,
        fence: int,
        changes: Sequence[Change],
    ) -> Fragment | None:
        """Read, fill, build, write; again while others are faster. None: nothing to commit."""
        for attempt in range(TRIES):
            await asyncio.sleep(random.uniform(0, 0.01 * attempt))  # noqa: S311
            async with self.repositories.reading() as session:
                earlier = await _earlier(session, project, describe)
                if earlier is not None:
                    return earlier
                head, seq = await rows.head(session, project, branch)
            fragment_id, when = new_id(), datetime.now(UTC)
            made = await self._on_top(project, seq, make(head, fragment_id, when), changes)
            if made is None:
                return None
            draft = rows.Draft(fragment_id, branch, made[0], head, describe, made[1], when)
            written = await self._commit(project, draft, fence)
            if written is not None:
                return written
        raise BranchBusy("Others are changing this project right now; try again.", branch=branch)

    async def _on_top(
        self, project: int, seq: int, work: Work, changes: Sequence[Change]
    ) -> tuple[Built, Stats] | None:
        async def build(cache: pygit2.Repository) -> tuple[Built, Stats] | None:
            return await self._build(cache, work, changes)

        return await self.repositories.use(project, build, seq=seq)

    async def _build(
        self, cache: pygit2.Repository | None, work: Work, changes: Sequence[Change]
    ) -> tuple[Built, Stats] | None:
        size = sum(len(change.data) for change in changes if isinstance(change, Write))
        if size <= THREAD_BYTES:
            return work(Builder(cache))
        path = None if cache is None else cache.path

        def in_thread() -> tuple[Built, Stats] | None:
            return work(Builder(None if path is None else open_repository(Path(path))))

        async with self._big:
            return await asyncio.to_thread(in_thread)

    async def _commit(self, project: int, draft: rows.Draft, fence: int | None) -> Fragment | None:
        """The one transaction; None when it has to be built anew. Raises Fenced, StoreUnavailable."""
        try:
            async with self.database.transaction() as tx:
                written = await rows.write(tx, project, draft, fence)
                faults.point("store.before_commit")
        except (rows.Moved, IntegrityError):
            return None  # another writer, or a twin of this very call, was first
        except (DBAPIError, PoolTimeout) as error:
            written = await self._look_for(project, draft)
            if written is None and not _passing(error):
                raise StoreUnavailable("The database did not take the change.") from error
        faults.point("store.after_commit")
        if written is not None:
            self.repositories.add(project, written.seq, draft.built.objects)
        return written

    async def _look_for(self, project: int, draft: rows.Draft) -> Fragment | None:
        """COMMIT got no answer: is the fragment there?"""
        sha = draft.built.commit
        async with self.repositories.reading() as session:
            return await history.find(
                session, models.Fragment.project == project, models.Fragment.sha == sha
            )


async def _earlier(session: AsyncSession, project: int, describe: Describe) -> Fragment | None:
    """What this tool call wrote before its server died."""
    if describe.turn_id is None or describe.tool_call_id is None:
        return None
    return await history.find(
        session,
        models.Fragment.project == project,
        models.Fragment.turn_id == describe.turn_id,
        models.Fragment.tool_call_id == describe.tool_call_id,
    )


def _passing(error: Exception) -> bool:
    """Deadlock, serialisation, a busy file, a lost connection: worth another try."""
    if not isinstance(error, DBAPIError):
        return False
    state = getattr(error.orig, "sqlstate", None)
    return (
        error.connection_invalidated
        or state in {"40001", "40P01", "55P03"}
        or "database is locked" in str(error.orig)
    )


def message(describe: Describe, fragment_id: str, restores: str | None) -> str:
    """A commit's message: title, text, and trailers that lead back to the rows."""
    title = " ".join(plain(describe.title).split()) or "Untitled"
    blocks = [title]
    if describe.message and (text := plain(describe.message).strip()):
        blocks.append(text)
    trailers = f"Fragment: {fragment_id}"
    if restores is not None:
        trailers += f"\nRestores: {restores}"
    return "\n\n".join([*blocks, trailers]) + "\n"
