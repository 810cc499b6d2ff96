"""Turns: start one, follow one, stop one, and go on with those whose server died."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from functools import partial

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from keelway import faults
from keelway.accounts.accounts import User
from keelway.agent.models import Chosen, chosen
from keelway.chat import rows
from keelway.chat.close import Close, Outcome
from keelway.chat.errors import NothingSaid, PromptTooLong, TooManyTurns, TurnRunning
from keelway.chat.event_log import Bells, EventLog, follow
from keelway.chat.opening import Opening
from keelway.chat.runner import Runner
from keelway.chat.supervisor import Supervisor
from keelway.chat.turn import Turn
from keelway.db import models
from keelway.db.session import Database
from keelway.errors import KeelwayError
from keelway.fragments.store import FragmentStore
from keelway.ids import TurnId
from keelway.projects.projects import Project, Projects
from keelway.settings import Settings
from keelway.workspaces.errors import WorkspaceBusy
from keelway.workspaces.lease import Lease, Leases
from keelway.workspaces.workspaces import Workspaces

log = logging.getLogger(__name__)

PROMPT_BYTES = 100_000
SCAN = 2.0
"""How often turns without a living server are looked for, seconds."""
DRAIN = 10.0
"""How long a server that ends waits for its turns to put everything down, seconds."""
ATTEMPTS = 4
"""A turn that has killed so many servers is not tried again."""

Models = Callable[[str | None], AbstractAsyncContextManager[Chosen]]


class Turns:
    """All turns of this server. Entered once; on leaving, running turns are left resumable."""

    def __init__(
        self,
        database: Database,
        store: FragmentStore,
        leases: Leases,
        workspaces: Workspaces,
        projects: Projects,
        settings: Settings,
        *,
        models: Models | None = None,
        per_user: int = 4,
        per_server: int = 8,
    ) -> None:
        self.database = database
        self.store = store
        self.leases = leases
        self.workspaces = workspaces
        self.projects = projects
        self.settings = settings
        self.models: Models = models or partial(chosen, settings)
        self.per_user = per_user
        self.per_server = per_server
        self.bells = Bells()
        self._runners: dict[TurnId, Runner] = {}
        self._supervisor = Supervisor()
        self._ending = False

    async def __aenter__(self) -> "Turns":
        await self._supervisor.__aenter__()
        self._scanning = self._supervisor.start(self._scan(), "resume orphaned turns")
        return self

    async def __aexit__(self, *error: object) -> None:
        self._ending = True
        self._scanning.cancel()
        for runner in self._runners.values():
            runner.halt()
        if not await self._supervisor.settled(DRAIN):
            log.warning("turns cut off", extra={"turns": list(self._runners)})
        await self._supervisor.__aexit__(*error)

    async def start(
        self,
        project: Project,
        user: User,
        text: str,
        *,
        model: str | None = None,
        idempotency_key: str | None = None,
    ) -> Turn:
        """Begin a turn; it is durable, and at work, when this returns.

        The same `idempotency_key` again gives the turn that it began.

        Raises:
            TurnRunning: One is at work in this project.
            WorkspaceBusy: Something else is, such as a restore.
            PromptTooLong, NothingSaid, TooManyTurns, ModelMisconfigured: It cannot begin.
        """
        if not text.strip():
            raise NothingSaid("Write what you want to have built or changed.")
        if len(text.encode()) > PROMPT_BYTES:
            raise PromptTooLong("A message may have 100 KB at most.")
        known = await rows.by_key(self.database, project.key, idempotency_key)
        if known is not None:
            return known
        await self._check_room(project, user)
        wanted = rows.NewTurn(user.id, text, model, idempotency_key)
        begun: asyncio.Future[Turn] = asyncio.get_running_loop().create_future()
        self._supervisor.start(self._new(project, wanted, begun), f"turn in {project.id}")
        try:
            return await asyncio.shield(begun)
        except (TurnRunning, WorkspaceBusy):
            known = await rows.by_key(self.database, project.key, idempotency_key)
            if known is None:
                raise
            return known

    async def stop(self, project: Project) -> bool:
        """Ask the project's turn to stop; False when none runs. It ends within half a second."""
        for runner in self._runners.values():
            if runner.project.key == project.key:
                runner.stop()  # at once; what follows makes it last
        return await rows.ask_to_stop(self.database, project.key) is not None

    async def running(self, project: Project) -> Turn | None:
        """The turn at work in the project, whichever server runs it."""
        return await rows.active(self.database, project.key)

    def follow(self, project: Project, turn_id: TurnId) -> AsyncGenerator[str]:
        """The turn's log as server-sent events, from its first chunk; ends when the turn does."""
        del project  # access was decided on it; the turn was found through it
        return follow(self.database, self.bells, turn_id)

    async def resume_orphans(self) -> int:
        """Go on with the turns whose server died; returns how many are at work again."""
        count = 0
        for turn in await rows.unfinished(self.database):
            if turn.id not in self._runners and not self._ending:
                count += await self._resume(turn)
        return count

    async def _scan(self) -> None:
        while not self._ending:
            try:
                await self.resume_orphans()
                await rows.forget_old_events(self.database)
            except Exception:
                log.exception("turns not looked after")
            await asyncio.sleep(SCAN)

    async def _check_room(self, project: Project, user: User) -> None:
        if await self.running(project) is not None:
            raise TurnRunning("A turn is running in this project. Stop it, or wait for its end.")
        query = select(func.count()).where(
            models.Turn.user_id == user.id, models.Turn.status.in_(rows.ACTIVE)
        )
        async with self.database.reading() as session:
            mine = await session.scalar(query) or 0
        if mine >= self.per_user or len(self._runners) >= self.per_server:
            raise TooManyTurns("Too many turns are running. Yours can start after one of them.")

    async def _new(
        self, project: Project, wanted: rows.NewTurn, begun: "asyncio.Future[Turn]"
    ) -> None:
        """The task of a new turn: take the lease, make it durable, work."""
        try:
            async with self._ready(project, wanted.model) as (lease, model):
                head = await self.store.head(project.key, project.current_branch)
                turn = await rows.insert(
                    self.database, project.key, wanted, fence=lease.fence, base=head.tree
                )
                faults.point("turn.leased")
                begun.set_result(turn)
                await self._run(turn, project, lease, model)
        except IntegrityError:
            begun.set_exception(TurnRunning("A turn is running in this project."))
        except BaseException as error:
            if begun.done():
                raise
            if isinstance(error, KeelwayError):
                begun.set_exception(error)
            else:
                begun.cancel()
                raise

    async def _resume(self, turn: Turn) -> bool:
        """Start to go on with a turn, unless a living server has it."""
        begun: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._supervisor.start(self._again(turn, begun), f"turn {turn.id} again")
        return await asyncio.shield(begun)

    async def _again(self, turn: Turn, begun: "asyncio.Future[bool]") -> None:
        """The task of a resumed turn."""
        try:
            project = await self.projects.get(await rows.project_id(self.database, turn.project))
            async with self.leases.hold(project.key, "turn") as lease:
                taken = await rows.claim(self.database, turn, fence=lease.fence)
                begun.set_result(taken is not None)
                if taken is not None:
                    await self._go_on(taken, project, lease)
        except WorkspaceBusy:
            pass  # its server lives
        finally:
            if not begun.done():
                begun.set_result(False)

    async def _go_on(self, turn: Turn, project: Project, lease: Lease) -> None:
        log.info("turn resumed", extra={"turn": turn.id, "attempt": turn.attempt})
        if turn.attempt > ATTEMPTS:
            await self._give_up(turn, project, "interrupted", "Interrupted", None)
            return
        try:
            async with self.models(turn.model) as model:
                await self._run(turn, project, lease, model)
        except KeelwayError as error:
            await self._give_up(turn, project, "failed", error.message, error.code)

    async def _give_up(
        self, turn: Turn, project: Project, status: str, message: str, code: str | None
    ) -> None:
        """Close a turn that cannot go on; what it did is kept."""
        events = EventLog(self.database, self.bells, turn.id, turn.fence)
        await events.restore()
        await Close(turn, project, self.store, events).close(Outcome(status, message, code))

    @asynccontextmanager
    async def _ready(
        self, project: Project, model: str | None
    ) -> AsyncGenerator[tuple[Lease, Chosen]]:
        async with self.models(model) as opened, self.leases.hold(project.key, "turn") as lease:
            yield lease, opened

    async def _run(self, turn: Turn, project: Project, lease: Lease, model: Chosen) -> None:
        runner = Runner(
            turn=replace(turn, fence=lease.fence),
            project=project,
            lease=lease,
            store=self.store,
            settings=self.settings,
            chosen=model,
            log=EventLog(self.database, self.bells, turn.id, lease.fence),
            opening=Opening(self.workspaces, project, lease),
        )
        self._runners[turn.id] = runner
        self.bells.here.add(turn.id)
        if self._ending:
            runner.halt()
        try:
            await runner.run()
        finally:
            del self._runners[turn.id]
            self.bells.here.discard(turn.id)
            self.bells.ring(turn.id)
