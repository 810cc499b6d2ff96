"""Stored messages as model context, within a budget."""

import json
from collections.abc import Sequence
from typing import Any

from pydantic_ai.messages import (
    ModelMessage,
    ModelRequest,
    ModelResponse,
    TextPart,
    UserPromptPart,
)
from sqlalchemy import select

from keelway.agent.instructions import PromptText, excerpt
from keelway.db import models
from keelway.db.session import Database

BUDGET = 60_000
"""Characters of earlier conversation that a model is given."""
LONGEST = 8_000
"""Characters of one earlier message."""
MESSAGES = 60


async def earlier(database: Database, project: int, before_turn: str) -> list[ModelMessage]:
    """The conversation before a turn, newest kept first when it does not all fit."""
    row = models.Message
    query = (
        select(row)
        .where(row.project == project, row.turn_id.is_distinct_from(before_turn))
        .order_by(row.position.desc())
        .limit(MESSAGES)
    )
    async with database.reading() as session:
        found = [(each.role, each.parts) for each in await session.scalars(query)]
    return context([(role, json.loads(parts)) for role, parts in reversed(found)])


def context(messages: Sequence[tuple[str, list[dict[str, Any]]]]) -> list[ModelMessage]:
    """Roles and parts, oldest first, as alternating model messages that begin with the person's."""
    kept: list[tuple[str, PromptText]] = []
    left = BUDGET
    for role, parts in reversed(messages):
        text = _text(role, parts)
        if not text:
            continue
        left -= len(text)
        if left < 0:
            break
        kept.append((role, text))
    kept.reverse()
    while kept and kept[0][0] != "user":
        kept.pop(0)
    return [_message(role, text) for role, text in kept]


def _message(role: str, text: PromptText) -> ModelMessage:
    if role == "user":
        return ModelRequest(parts=[UserPromptPart(text)])
    return ModelResponse(parts=[TextPart(text)])


def _text(role: str, parts: list[dict[str, Any]]) -> PromptText:
    """What was said; of the work itself only what it became, since files are read anew."""
    said = "\n".join(part["text"] for part in parts if part["type"] == "text").strip()
    if role != "user":
        made = [part["data"] for part in parts if part["type"] == "data-version"]
        said += "".join(f"\n(Kept as v{one['number']}: {one['title']})" for one in made)
    return excerpt(said.strip(), LONGEST)
