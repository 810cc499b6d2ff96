"""A turn as a value, and the wire form of what it announces."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from keelway.chat.parts import Chunk
from keelway.db import models
from keelway.fragments.fragment import Fragment
from keelway.fragments.wire import alone
from keelway.ids import TreeSha, TurnId, UserId


@dataclass(frozen=True, slots=True)
class Turn:
    """A row as a value. `status`: working stopping stopped completed failed interrupted."""

    id: TurnId
    project: int
    user_id: UserId
    status: str
    prompt: str
    model: str | None
    fence: int
    attempt: int
    cancel_requested: bool
    history: str | None
    base_tree: TreeSha | None
    started_at: datetime

    @property
    def message_id(self) -> str:
        """The answer's id: the same in every attempt and after every reload."""
        return f"answer-{self.id}"


def turn(row: models.Turn) -> Turn:
    return Turn(
        id=TurnId(row.id),
        project=row.project,
        user_id=UserId(row.user_id),
        status=row.status,
        prompt=row.prompt,
        model=row.model,
        fence=row.fence,
        attempt=row.attempt,
        cancel_requested=row.cancel_requested,
        history=row.history,
        base_tree=TreeSha(row.base_tree) if row.base_tree else None,
        started_at=row.started_at,
    )


def start_chunk(of: Turn) -> Chunk:
    return {
        "type": "start",
        "messageId": of.message_id,
        "messageMetadata": {
            "turnId": of.id,
            "status": "working",
            "startedAt": of.started_at.isoformat(),
        },
    }


def status_chunk(
    of: Turn, status: str, step: int, *, message: str | None = None, code: str | None = None
) -> Chunk:
    data: dict[str, Any] = {
        "turnId": of.id,
        "status": status,
        "step": step,
        "startedAt": of.started_at.isoformat(),
        "message": message,
        "code": code,
    }
    return {"type": "data-run-status", "id": "run", "data": data}


def workspace_chunk(state: str, message: str) -> Chunk:
    return {
        "type": "data-workspace",
        "id": "workspace",
        "data": {"state": state, "message": message},
    }


def first_words(prompt: str, limit: int = 60) -> str:
    """A version's title where the model gave none."""
    words = " ".join(prompt.split())
    if len(words) <= limit:
        return words
    return words[:limit].rsplit(" ", 1)[0].rstrip(" ,;:") + "…"


def version_chunk(version: Fragment, steps: Sequence[Fragment]) -> Chunk:
    """The change card: a whole fragment, as `GET …/fragments/{fid}` gives it."""
    return {"type": "data-version", "id": version.id, "data": alone(version, steps)}
