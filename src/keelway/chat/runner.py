"""One turn at work, from its lease to its close, or to the moment another server must go on."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field

from pydantic_ai import CancellationToken
from pydantic_ai.exceptions import RunCancelled
from pydantic_ai.messages import ModelMessage, ModelMessagesTypeAdapter

from keelway.agent.calls import Calls
from keelway.agent.deps import Deps
from keelway.agent.events import fragment_data, output_chunk
from keelway.agent.instructions import instructions
from keelway.agent.models import Chosen
from keelway.chat.attempt import Attempt, answered, complete, going_on, last_words
from keelway.chat.close import Close, Outcome
from keelway.chat.encoder import wire
from keelway.chat.errors import TurnLost
from keelway.chat.event_log import EventLog
from keelway.chat.failures import UNEXPECTED, Failure, explain
from keelway.chat.history import earlier
from keelway.chat.opening import Opening
from keelway.chat.parts import Chunk
from keelway.chat.turn import Turn, start_chunk, status_chunk, workspace_chunk
from keelway.db import models
from keelway.fragments.errors import Fenced
from keelway.fragments.fragment import Fragment
from keelway.fragments.store import FragmentStore
from keelway.projects.projects import Project
from keelway.settings import Settings
from keelway.workspaces.lease import Lease
from keelway.workspaces.values import Step

log = logging.getLogger(__name__)

LOOK = 0.2
"""How often a turn looks whether it was asked to stop through another server, seconds."""
SHOWN_RESULTS = ("tool-output-available", "tool-output-error", "tool-input-error")


@dataclass
class Runner:
    """Owns one running turn. `stop` and `halt` may be called from any task of this process."""

    turn: Turn
    project: Project
    lease: Lease
    store: FragmentStore
    settings: Settings
    chosen: Chosen
    log: EventLog
    opening: Opening
    _token: CancellationToken = field(default_factory=CancellationToken)
    _stopping: asyncio.Event = field(default_factory=asyncio.Event)
    _halting: bool = False
    _deps: Deps = field(init=False)

    def __post_init__(self) -> None:
        self._deps = Deps(
            project=self.project,
            turn=self.turn.id,
            workspace=self.opening.wait,
            made=self._made,
            started=self._started,
            command_seconds=self.settings.command_seconds,
        )

    def stop(self) -> None:
        """The person wants it to end: what is done is kept."""
        if not self._stopping.is_set():
            self._stopping.set()
            self._token.cancel()
            if self.log.transcript.metadata:
                self.log.append(self._status())

    def halt(self) -> None:
        """The server ends: leave everything so that another one can go on."""
        self._halting = True
        self._stopping.set()
        self._token.cancel()

    async def run(self) -> None:
        """Work until the turn is closed, or must be left to another server."""
        try:
            async with asyncio.TaskGroup() as group:
                helpers = [
                    group.create_task(self.log.keep_writing()),
                    group.create_task(self._watch()),
                    group.create_task(self.opening.open(self._workspace_state)),
                ]
                outcome = await self._work()
                if self._halting:
                    await self.log.flush()
                else:
                    await self._keep_unfinished(outcome)
                    await Close(self.turn, self.project, self.store, self.log).close(outcome)
                for helper in helpers:
                    helper.cancel()
        except* (TurnLost, Fenced):
            log.warning("turn lost", extra={"turn": self.turn.id})

    async def _work(self) -> Outcome:
        """Run the agent until it is done, stopped, or failed for good."""
        history = await self._begin()
        if history is not None and complete(history):
            self._say_rest(history)
            return Outcome("completed", history=history)
        attempt = await self._attempt()
        tries = 0
        while not self._stopping.is_set() and not self.turn.cancel_requested:
            before = self.log.transcript.steps()
            if history is None:
                past = await earlier(self.log.database, self.project.key, self.turn.id)
                run = await attempt.run(self.turn.prompt, past)
            else:
                run = await attempt.run(None, history)
            history = run.history or history
            if run.error is None:
                return Outcome("completed", history=history or ())
            if isinstance(run.error, RunCancelled) and self._stopping.is_set():
                break
            tries = 1 if self.log.transcript.steps() > before else tries + 1
            failure = explain(run.error, self.chosen.provider, tries)
            if failure.wait is None:
                return self._failed(run.error, failure, history or ())
            self.log.append(*self.log.transcript.closing(going_on(history or ())))
            await self._wait_for_next_try(failure)
        return Outcome("stopped", history=history or ())

    async def _begin(self) -> list[ModelMessage] | None:
        """Say that the turn works. The history of a turn that another server began, else None."""
        await self.log.restore()
        history = None
        if self.turn.history is not None:
            history = ModelMessagesTypeAdapter.validate_json(self.turn.history)
            self._deps.calls = Calls(
                begun=self.log.transcript.commands(), answered=self.log.transcript.answers()
            )
            self._deps.calls.seen(answered(history))
        if not self.log.transcript.metadata:
            self.log.append(start_chunk(self.turn))
        self.log.append(*self.log.transcript.closing(going_on(history or ())), self._status())
        await self.log.flush()
        return history

    async def _attempt(self) -> Attempt:
        head = await self.store.head(self.project.key, self.project.current_branch)
        paths = sorted(await self.store.tree(self.project.key, head.tree))
        return Attempt(
            chosen=self.chosen,
            told=instructions(self.project.name, paths),
            deps=self._deps,
            token=self._token,
            settings=self.settings,
            show=self._show,
            checkpoint=self._checkpoint,
        )

    def _failed(
        self, error: Exception, failure: Failure, history: Sequence[ModelMessage]
    ) -> Outcome:
        if failure.code == UNEXPECTED:
            log.error("turn failed", exc_info=error, extra={"turn": self.turn.id})
        return Outcome("failed", failure.message, failure.code, history)

    async def _wait_for_next_try(self, failure: Failure) -> None:
        wait = failure.wait or 0.0
        self.log.append(self._status(f"{failure.message} Next try in {wait:.0f} s.", failure.code))
        await self._pause(wait)
        self.log.append(self._status())

    def _say_rest(self, history: Sequence[ModelMessage]) -> None:
        """The end of a finished answer that a killed server had no time to show."""
        said, shown = last_words(history), self.log.transcript.last_text()
        if not said.startswith(shown) or said == shown:
            return
        part = f"rest-{self.turn.attempt}"
        self.log.append(
            {"type": "text-start", "id": part},
            {"type": "text-delta", "id": part, "delta": said.removeprefix(shown)},
            {"type": "text-end", "id": part},
        )

    # What the page sees

    def _show(self, chunk: Chunk) -> None:
        if self._halting:
            return  # "interrupted" would be shown of calls that the next server answers
        self.log.append(chunk)
        if chunk["type"] in SHOWN_RESULTS:
            self.log.append(self._status())

    def _status(self, message: str | None = None, code: str | None = None) -> Chunk:
        status = "stopping" if self._stopping.is_set() else "working"
        steps = self.log.transcript.steps()
        return status_chunk(self.turn, status, steps, message=message, code=code)

    async def _workspace_state(self, state: str, message: str) -> None:
        self.log.append(workspace_chunk(state, message))

    # What is made durable while it works

    async def _checkpoint(self, messages: Sequence[ModelMessage]) -> None:
        """The history, and with it all that was shown before."""
        dumped = ModelMessagesTypeAdapter.dump_json(list(messages)).decode()
        await self.log.flush(history=dumped)

    async def _started(self, call: str) -> None:
        """From here on the command may have run, whatever happens: so it is written first."""
        self.log.append(wire(output_chunk(call, "")))
        await self.log.flush()

    async def _made(self, call: str) -> Fragment | None:
        return await self.store.by_tool_call(self.turn.id, call)

    # Stopping

    async def _watch(self) -> None:
        """Stop when asked to through another server; leave when the lease is gone."""
        while not self._stopping.is_set():
            if self.lease.lost.is_set():
                raise TurnLost("The lease of this turn's project is lost.", turn=self.turn.id)
            if await self._stop_wanted():
                self.stop()
            await self._pause(LOOK)
        await self.opening.kill_commands()
        await self.lease.lost.wait()
        raise TurnLost("The lease of this turn's project is lost.", turn=self.turn.id)

    async def _stop_wanted(self) -> bool:
        async with self.log.database.reading() as session:
            found = await session.get(models.Turn, self.turn.id)
            return found is None or found.cancel_requested

    async def _pause(self, seconds: float) -> None:
        """Wait, but no longer than until the stop."""
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            pass

    async def _keep_unfinished(self, outcome: Outcome) -> None:
        """What stopped commands changed before they were stopped becomes a step."""
        if outcome.status != "stopped":
            return
        await self.opening.kill_commands()  # to its end: `_watch` began it, and is not waited for
        fragments: list[Fragment | None] = []
        if self._deps.command is not None:
            fragments.append(await self.opening.capture(self._deps.command))
        for call in sorted(self._deps.calls.begun & set(going_on(outcome.history).values())):
            # Another server started it, died, and was asked to stop: it may run to this day.
            step = Step("command", "Stopped command", self.turn.id, call)
            await self.opening.interrupted(step)
            fragments.append(await self._made(call))
        for fragment in filter(None, fragments):
            data = fragment_data(fragment)
            self.log.append({"type": "data-fragment", "id": fragment.id, "data": data})
