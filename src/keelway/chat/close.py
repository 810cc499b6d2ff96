"""The end of a turn: its version, its message, its outcome."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pydantic_ai.messages import ModelMessage, ModelResponse
from sqlalchemy import func, select, update

from keelway import faults
from keelway.chat.event_log import EventLog
from keelway.chat.parts import Chunk
from keelway.chat.turn import Turn, first_words, status_chunk, version_chunk
from keelway.db import models
from keelway.fragments.fragment import Describe, Fragment
from keelway.fragments.store import FragmentStore
from keelway.projects.projects import Project

VERSION = "version"
"""Stands for the tool call of a turn's version: a close that runs again finds it."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a turn ended. `status`: completed, stopped, failed or interrupted."""

    status: str
    message: str | None = None
    code: str | None = None
    history: Sequence[ModelMessage] = ()


@dataclass(frozen=True, slots=True)
class Close:
    """Closes one turn. Every part of it may run again after a crash, to the same end.

    The version comes first, in the store's own transaction; then message, outcome and the last chunks
    in one. A crash between leaves a turn that still runs and whose version is found again.
    """

    turn: Turn
    project: Project
    store: FragmentStore
    log: EventLog

    async def close(self, outcome: Outcome) -> None:
        """Raises TurnLost or Fenced when another server has the turn."""
        self.log.append(*self.log.transcript.closing())
        faults.point("turn.closing")
        version, steps = await self._version()
        if version is not None:
            self.log.append(version_chunk(version, steps))
        now = datetime.now(UTC)
        values = {
            "status": outcome.status,
            "finished_at": now,
            "version_id": version.id if version else None,
            "error": outcome.message,
            "error_code": outcome.code,
            "cost": cost(outcome.history),
        }
        async with (
            self.log.last(*self._last_chunks(outcome, now)) as chunks,
            self.log.database.transaction() as tx,
        ):
            await self.log.write(tx, chunks, values)
            tx.add(await self._message(tx, now))
            await tx.execute(
                update(models.Project)
                .where(models.Project.key == self.project.key)
                .values(updated_at=now)
            )
        self.log.bells.ring(self.turn.id)

    async def _version(self) -> tuple[Fragment | None, Sequence[Fragment]]:
        """The version that this turn's steps fold into; None when it made none."""
        steps = (await self.store.steps(self.project.key, [self.turn.id]))[self.turn.id]
        if not steps:
            return None, ()
        describe = Describe(
            kind="agent",
            title=self._title(),
            message=self.turn.prompt,
            turn_id=self.turn.id,
            tool_call_id=VERSION,
            version=True,
        )
        version = await self.store.append_tree(
            self.project.key,
            steps[-1].branch,
            steps[-1].tree,
            describe,
            fence=self.turn.fence,
            against=self.turn.base_tree,
        )
        return version, steps

    def _title(self) -> str:
        """What `finish` said, else the prompt's first words."""
        titles = [str(given["title"]) for given in self.log.transcript.inputs("finish")]
        return first_words(titles[-1] if titles else self.turn.prompt, 80)

    def _last_chunks(self, outcome: Outcome, now: datetime) -> list[Chunk]:
        status = status_chunk(
            self.turn,
            outcome.status,
            self.log.transcript.steps(),
            message=outcome.message,
            code=outcome.code,
        )
        metadata = {"status": outcome.status, "finishedAt": now.isoformat()}
        reasons = {"completed": "stop", "failed": "error"}
        return [
            status,
            {"type": "message-metadata", "messageMetadata": metadata},
            {"type": "finish", "finishReason": reasons.get(outcome.status, "other")},
        ]

    async def _message(self, tx: Any, now: datetime) -> models.Message:
        transcript = self.log.transcript
        return models.Message(
            project=self.project.key,
            position=await next_position(tx, self.project.key),
            id=self.turn.message_id,
            role="assistant",
            parts=json.dumps(transcript.parts, separators=(",", ":")),
            metadata_json=json.dumps(transcript.metadata, separators=(",", ":")),
            turn_id=self.turn.id,
            created_at=now,
        )


async def next_position(tx: Any, project: int) -> int:
    """Where the next message of a project goes; its lease keeps others from asking at once."""
    row = models.Message
    last = await tx.scalar(select(func.max(row.position)).where(row.project == project))
    return (last or 0) + 1


def cost(history: Sequence[ModelMessage]) -> float | None:
    """What the provider billed, where it says so."""
    billed = [
        details["cost"]
        for message in history
        if isinstance(message, ModelResponse) and (details := message.provider_details)
        if isinstance(details.get("cost"), int | float)
    ]
    return float(sum(billed)) if billed else None
