"""The append-only log of one turn: written by the server that runs it, read by anybody, late or again.

One row holds a batch of chunks, one JSON a line, numbered without gaps. A row is written together with
the turn's own row, whose fence it must still hold, so a server that lost the turn cannot add to it.
"""

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from keelway.chat.errors import TurnLost
from keelway.chat.parts import Chunk, Transcript, merged
from keelway.db import models
from keelway.db.session import Database
from keelway.ids import TurnId

EVERY = 0.05
"""How long a chunk may wait for others before it is written, seconds."""
OUTPUT_EVERY = 0.25
"""The same for a running command's output, which each time is written whole, seconds."""
POLL = 0.1
"""How often a reader looks for what another process wrote, seconds."""
PING = 15.0
"""A comment is sent after so long a silence, so that nobody in between hangs up, seconds."""
PAGE = 200
FINAL = frozenset({"stopped", "completed", "failed", "interrupted"})


class Bells:
    """Wakes the readers in this process when something was written in it."""

    def __init__(self) -> None:
        self._events: dict[TurnId, asyncio.Event] = {}
        self.here: set[TurnId] = set()
        """Turns that this process runs: whatever is written of them rings."""

    def ring(self, turn: TurnId) -> None:
        event = self._events.pop(turn, None)
        if event is not None:
            event.set()

    async def wait(self, turn: TurnId) -> None:
        """Until the next ring, or until it is time to look by oneself."""
        seconds = 1.0 if turn in self.here else POLL
        event = self._events.setdefault(turn, asyncio.Event())
        try:
            async with asyncio.timeout(seconds):
                await event.wait()
        except TimeoutError:
            pass


class EventLog:
    """The writing end. `transcript` is what all that was appended amounts to."""

    def __init__(self, database: Database, bells: Bells, turn: TurnId, fence: int) -> None:
        self.database = database
        self.bells = bells
        self.turn = turn
        self.fence = fence
        self.transcript = Transcript()
        self._pending: list[Chunk] = []
        self._writing = asyncio.Lock()
        self._closed = False
        self._output_at = 0.0

    async def restore(self) -> None:
        """Read what an earlier attempt wrote."""
        query = (
            select(models.TurnEvent.payload)
            .where(models.TurnEvent.turn_id == self.turn)
            .order_by(models.TurnEvent.seq)
        )
        async with self.database.reading() as session:
            for payload in await session.scalars(query):
                self.transcript.restore(json.loads(line) for line in payload.splitlines())

    def append(self, *chunks: Chunk) -> None:
        """Take chunks; they are written within 50 ms, or by the next `flush`. None after `last`."""
        if self._closed:
            return
        for chunk in chunks:
            sent = self.transcript.apply(chunk)
            if sent is not None:
                self._pending.append(sent)

    async def keep_writing(self) -> None:
        """Write what was appended, until cancelled."""
        while True:
            await asyncio.sleep(EVERY)
            if self._pending and not self._only_output():
                await self.flush()

    async def flush(self, **values: Any) -> None:
        """Write all that was appended and, in the same transaction, these columns of the turn.

        Whoever is cancelled here leaves at once, but what was begun is written, and written once.

        Raises:
            TurnLost: Another server took the turn over.
        """
        await asyncio.shield(self._flush(values))

    async def _flush(self, values: dict[str, Any]) -> None:
        async with self._writing:
            pending, self._pending = merged(self._pending), []
            if not pending and not values:
                return
            try:
                async with self.database.transaction() as tx:
                    await self.write(tx, pending, values)
            except BaseException:
                self._pending = [*pending, *self._pending]
                raise
        self._output_at = time.monotonic()
        self.bells.ring(self.turn)

    async def write(
        self, tx: AsyncSession, chunks: Sequence[Chunk], values: dict[str, Any]
    ) -> None:
        """A batch inside somebody's transaction."""
        row = models.Turn
        seq = row.last_event + (1 if chunks else 0)
        query = (
            update(row)
            .where(row.id == self.turn, row.fence == self.fence, row.status.not_in(FINAL))
            .values(last_event=seq, **values)
            .returning(row.last_event)
        )
        number = (await tx.execute(query)).scalar_one_or_none()
        if number is None:
            raise TurnLost("Another server has taken this turn over.", turn=self.turn)
        if chunks:
            payload = "\n".join(json.dumps(chunk, separators=(",", ":")) for chunk in chunks)
            tx.add(models.TurnEvent(turn_id=self.turn, seq=number, payload=payload))

    @asynccontextmanager
    async def last(self, *chunks: Chunk) -> AsyncGenerator[Sequence[Chunk]]:
        """What waits to be written and, behind it, `chunks`: for the transaction that closes the turn.

        From here on nothing is taken any more, so that log and transcript say the same for ever.
        """
        async with self._writing:
            self.append(*chunks)
            self._closed = True
            yield merged(self._pending)
            self._pending = []

    def _only_output(self) -> bool:
        recent = time.monotonic() - self._output_at < OUTPUT_EVERY
        return recent and all(chunk["type"] == "data-command-output" for chunk in self._pending)


async def follow(database: Database, bells: Bells, turn: TurnId) -> AsyncGenerator[str]:
    """A turn's log as server-sent events, from its first chunk to its end."""
    seen, quiet_since = 0, time.monotonic()
    while True:
        # The state first: what was written before it became final is then certainly read below.
        over, payloads = await _after(database, turn, seen)
        for payload in payloads:
            seen += 1
            for line in payload.splitlines():
                yield f"data: {line}\n\n"
            quiet_since = time.monotonic()
        if len(payloads) == PAGE:
            continue
        if over:
            break
        if time.monotonic() - quiet_since > PING:
            quiet_since = time.monotonic()
            yield ": ping\n\n"
        await bells.wait(turn)
    yield "data: [DONE]\n\n"


async def _after(database: Database, turn: TurnId, seen: int) -> tuple[bool, Sequence[str]]:
    """Whether the turn is over, and the batches behind `seen`."""
    event = models.TurnEvent
    query = (
        select(event.payload)
        .where(event.turn_id == turn, event.seq > seen)
        .order_by(event.seq)
        .limit(PAGE)
    )
    async with database.reading() as session:
        status = await session.scalar(select(models.Turn.status).where(models.Turn.id == turn))
        payloads = (await session.scalars(query)).all()
    return status is None or status in FINAL, payloads
