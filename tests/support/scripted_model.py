"""A model that says and does exactly what a test tells it, through pydantic-ai's own streaming.

It keeps no state: which move is next is read from the conversation, so it goes on correctly after the
server that asked it was killed.
"""

import asyncio
import json
import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from pydantic_ai.messages import ModelMessage, ModelRequest, ToolReturnPart, UserPromptPart
from pydantic_ai.models import Model
from pydantic_ai.models.function import AgentInfo, DeltaToolCall, DeltaToolCalls, FunctionModel

from keelway.agent.models import Chosen


@dataclass(frozen=True, slots=True)
class Call:
    """One response that calls a tool, after a few words."""

    tool: str
    args: dict[str, Any] = field(default_factory=dict[str, Any])
    say: str = ""
    id: str | None = None
    """The call's id; a fresh one where it does not matter."""


@dataclass(frozen=True, slots=True)
class Fail:
    """A response that breaks off with this error, after these words; `times` times, then it is left out."""

    error: Callable[[], Exception]
    say: str = ""


Move = Call | Fail | str
"""A string is the last response of a turn, or of the script's part up to the next prompt."""


def write(path: str, content: str) -> Call:
    return Call("write_file", {"path": path, "content": content})


def command(line: str, **more: Any) -> Call:
    return Call("run_command", {"command": line, **more})


def scripted(*moves: Move, pace: float = 0.0, fails: list[Fail] | None = None) -> FunctionModel:
    """A model that makes these moves in each turn, then says "Done.".

    Args:
        moves: One response each.
        pace: Pause after each word and each piece of arguments, seconds.
        fails: Responses that come first, once each, whatever the conversation has come to.
    """
    failing = list(fails or ())

    async def stream(
        messages: list[ModelMessage], _: AgentInfo
    ) -> AsyncIterator[str | DeltaToolCalls]:
        at = answered(messages)
        move = failing.pop(0) if failing else moves[at] if at < len(moves) else "Done."
        words = move if isinstance(move, str) else move.say
        for word in words.split():
            yield f"{word} "
            await asyncio.sleep(pace)
        if isinstance(move, Call):
            name = move.id or f"call-{at}-{secrets.token_hex(3)}"
            yield {0: DeltaToolCall(name=move.tool, tool_call_id=name)}
            text = json.dumps(move.args)
            for start in range(0, len(text), 100):
                yield {0: DeltaToolCall(json_args=text[start : start + 100])}
                await asyncio.sleep(pace)
        elif isinstance(move, Fail):
            raise move.error()
        elif not words:
            yield ""

    return FunctionModel(stream_function=stream, model_name="scripted")


def answered(messages: list[ModelMessage]) -> int:
    """How many tool answers have come since the last prompt."""
    count = 0
    for message in messages:
        if isinstance(message, ModelRequest):
            for part in message.parts:
                if isinstance(part, UserPromptPart):
                    count = 0
                elif isinstance(part, ToolReturnPart):
                    count += 1
    return count


def always(model: Model) -> Callable[[str | None], AbstractAsyncContextManager[Chosen]]:
    """What `Turns` asks for a model: this one, whatever was wanted."""

    @asynccontextmanager
    async def choose(wanted: str | None) -> AsyncGenerator[Chosen]:
        del wanted
        yield Chosen(model, model.model_name, "The scripted model")

    return choose
