"""The right to be the one writer of a project.

A lease is three columns of the project's row and a number, the fence, that grows with every taking.
Whoever writes a fragment names the fence it holds, so one who lost the lease without noticing cannot
write. Renewal runs on a thread of its own: a busy event loop or a slow disk does not lose a lease.
"""

import asyncio
import logging
import threading
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from sqlalchemy import func, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from keelway.db import models
from keelway.db.session import Database
from keelway.projects.projects import ProjectNotFound
from keelway.workspaces import owner
from keelway.workspaces.errors import WorkspaceBusy

log = logging.getLogger(__name__)

GIVE_UP = 0.8
"""The part of a lease's life after which a holder that could not renew it stops by itself."""

WORDS = {
    "turn": "A turn is running in this project. Yours can start after it.",
    "restore": "A version is being restored. Yours can start after it.",
    "open": "The project is being opened. Try again in a moment.",
}


@dataclass(frozen=True, slots=True)
class Lease:
    """Held while its context is entered. `lost` is set when it is held no longer: stop writing."""

    project: int
    fence: int
    purpose: str
    lost: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(slots=True)
class _Held:
    lease: Lease
    loop: asyncio.AbstractEventLoop
    renewed: float

    def lose(self) -> None:
        self.loop.call_soon_threadsafe(self.lease.lost.set)


class Leases:
    """Takes and keeps leases for this process. `seconds`: how long one lives without renewal."""

    def __init__(self, database: Database, *, seconds: float = 20, name: str | None = None) -> None:
        self.database = database
        self.seconds = seconds
        self.owner = name or owner.this()
        self._held: dict[int, _Held] = {}
        self._guard = threading.Lock()
        self._thread: threading.Thread | None = None
        self._wake = threading.Event()

    @asynccontextmanager
    async def hold(self, project: int, purpose: str) -> AsyncGenerator[Lease]:
        """Be the one writer of the project while inside.

        A lease whose owner is dead (same machine, same boot) is taken at once; one of another machine
        after it ran out.

        Raises:
            WorkspaceBusy: somebody living holds it; the context says who, what for, until when.
        """
        lease = await self._take(project, purpose)
        try:
            self._keep(lease)
            yield lease
        finally:
            self._drop(lease)
            await asyncio.shield(self._release(lease))

    @asynccontextmanager
    async def adopt(self, project: int, fence: int) -> AsyncGenerator[Lease]:
        """Go on with a lease that this process took earlier and did not release.

        Raises:
            WorkspaceBusy: the lease has moved on.
        """
        async with self.database.transaction() as tx:
            row = await self._row(tx, project)
            if row.lease != fence or row.lease_owner != self.owner:
                raise _busy(row)
            row.lease_until = await self._now(tx) + timedelta(seconds=self.seconds)
            lease = Lease(project, fence, row.lease_purpose or "")
        try:
            self._keep(lease)
            yield lease
        finally:
            self._drop(lease)
            await asyncio.shield(self._release(lease))

    async def holder(self, project: int) -> str | None:
        """What the project's living lease is held for, or None."""
        async with self.database.reading() as session:
            row = await session.get(models.Project, project)
            if row is None or self._free(row, await self._now(session)):
                return None
            return row.lease_purpose

    async def _take(self, project: int, purpose: str) -> Lease:
        async with self.database.transaction() as tx:
            row = await self._row(tx, project)
            now = await self._now(tx)
            if not self._free(row, now):
                raise _busy(row)
            row.lease += 1
            row.lease_owner = self.owner
            row.lease_purpose = purpose
            row.lease_until = now + timedelta(seconds=self.seconds)
            fence = row.lease
        return Lease(project, fence, purpose)

    def _free(self, row: models.Project, now: datetime) -> bool:
        """Nobody holds it, or its time is over, or its owner is dead beyond doubt."""
        if row.lease_owner is None or row.lease_until is None:
            return True
        return row.lease_until <= now or owner.is_dead(row.lease_owner)

    async def _row(self, tx: AsyncSession, project: int) -> models.Project:
        """The project's row, locked until the transaction ends."""
        query = select(models.Project).where(models.Project.key == project).with_for_update()
        row = (await tx.execute(query)).scalar_one_or_none()
        if row is None:
            raise ProjectNotFound("There is no such project.")
        return row

    async def _now(self, tx: AsyncSession) -> datetime:
        """The database's clock where several machines share it, else this machine's."""
        if self.database.sqlite:
            return datetime.now(UTC)
        return (await tx.execute(select(func.clock_timestamp()))).scalar_one()

    async def _release(self, lease: Lease) -> None:
        try:
            async with self.database.transaction() as tx:
                await tx.execute(
                    update(models.Project)
                    .where(models.Project.key == lease.project, models.Project.lease == lease.fence)
                    .values(lease_owner=None, lease_purpose=None, lease_until=None)
                )
        except SQLAlchemyError:
            # It runs out by itself; what the holder did must not look failed because of it.
            log.exception("lease not released", extra={"project": lease.project})

    # Renewal

    def _keep(self, lease: Lease) -> None:
        with self._guard:
            self._held[lease.fence << 32 | lease.project] = _Held(
                lease, asyncio.get_running_loop(), owner.boottime()
            )
            if self._thread is None:
                self._wake.clear()
                self._thread = threading.Thread(target=self._run, name="leases", daemon=True)
                self._thread.start()

    def _drop(self, lease: Lease) -> None:
        with self._guard:
            self._held.pop(lease.fence << 32 | lease.project, None)
            self._wake.set()

    def _run(self) -> None:
        """Until no lease is held any more; then the next `_keep` starts another thread."""
        while True:
            self._wake.wait(self.seconds / 4)
            with self._guard:
                self._wake.clear()
                held = list(self._held.values())
                if not held:
                    self._thread = None
                    return
            asyncio.run(self._renew_all(held))

    async def _renew_all(self, held: list[_Held]) -> None:
        async with Database(self.database.url) as database:
            for one in held:
                await self._renew(database, one)

    async def _renew(self, database: Database, held: _Held) -> None:
        before = owner.boottime()
        if before - held.renewed < self.seconds / 5:
            return
        if before - held.renewed > self.seconds * GIVE_UP:
            held.lose()
            return
        try:
            async with asyncio.timeout(self.seconds * GIVE_UP - (before - held.renewed)):
                renewed = await self._extend(database, held.lease)
        except (SQLAlchemyError, TimeoutError, OSError):
            log.warning("lease not renewed", extra={"project": held.lease.project})
            return
        if renewed:
            held.renewed = before
        else:
            held.lose()

    async def _extend(self, database: Database, lease: Lease) -> bool:
        async with database.transaction() as tx:
            query = (
                update(models.Project)
                .where(models.Project.key == lease.project, models.Project.lease == lease.fence)
                .where(models.Project.lease_owner == self.owner)
                .values(lease_until=await self._now(tx) + timedelta(seconds=self.seconds))
                .returning(models.Project.key)
            )
            return (await tx.execute(query)).first() is not None


def _busy(row: models.Project) -> WorkspaceBusy:
    purpose = row.lease_purpose or "work"
    return WorkspaceBusy(
        WORDS.get(purpose, "Somebody else is changing this project right now."),
        code="TurnRunning" if purpose == "turn" else None,
        purpose=purpose,
        owner=row.lease_owner,
        until=row.lease_until,
    )
