"""One run of the agent inside a turn."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from pydantic_ai import CancellationToken, UsageLimits
from pydantic_ai.messages import (
    ModelMessage,
    ModelRequest,
    ModelResponse,
    TextPart,
    ToolCallPart,
    ToolReturnPart,
)

from keelway.agent.agent import build_agent
from keelway.agent.calls import Calls
from keelway.agent.deps import Deps
from keelway.agent.models import Chosen
from keelway.chat.encoder import Encoder, counted, wire
from keelway.chat.parts import Chunk
from keelway.settings import Settings


@dataclass(slots=True)
class Run:
    """What one run left: the history as of its last checkpoint, and why it ended."""

    history: list[ModelMessage] | None = None
    error: Exception | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """All that a run needs, but for where it begins."""

    chosen: Chosen
    told: str
    deps: Deps
    token: CancellationToken
    settings: Settings
    show: Callable[[Chunk], None]
    checkpoint: Callable[[Sequence[ModelMessage]], Awaitable[None]]

    async def run(self, prompt: str | None, past: Sequence[ModelMessage]) -> Run:
        """Run the agent to its end, whatever that is.

        Args:
            prompt: What the person said; None to go on from the end of `past`, where calls without
                an answer run first.
            past: The history so far.
        """
        run = Run()

        async def checkpoint(messages: Sequence[ModelMessage]) -> None:
            run.history = list(messages)
            await self.checkpoint(messages)

        agent = build_agent(self.chosen.model, self.told, checkpoint)
        encoder = Encoder(sdk_version=7)
        async with agent.run_stream_events(
            prompt,
            message_history=past,
            deps=self.deps,
            cancellation_token=self.token,
            timeout=self.settings.turn_seconds,
            usage_limits=UsageLimits(request_limit=self.settings.turn_requests),
        ) as events:
            async for chunk in encoder.transform_stream(counted(events)):
                self.show(wire(chunk))
        run.error = encoder.failure
        return run


def complete(history: Sequence[ModelMessage]) -> bool:
    """The model has said its last word: text, and nothing more to do."""
    if not history or not isinstance(history[-1], ModelResponse):
        return False
    parts = history[-1].parts
    calls = any(isinstance(part, ToolCallPart) for part in parts)
    return not calls and any(isinstance(part, TextPart) and part.content for part in parts)


def last_words(history: Sequence[ModelMessage]) -> str:
    """The text of the last response."""
    return "".join(part.content for part in history[-1].parts if isinstance(part, TextPart))


def answered(history: Sequence[ModelMessage]) -> list[str]:
    """The ids of the calls that the history holds an answer to."""
    return [
        part.tool_call_id
        for message in history
        if isinstance(message, ModelRequest)
        for part in message.parts
        if isinstance(part, ToolReturnPart)
    ]


def going_on(history: Sequence[ModelMessage]) -> dict[str, str]:
    """The calls that a run from here answers first: the model's id for each, and its name in the turn."""
    if not history or not isinstance(history[-1], ModelResponse):
        return {}
    calls = Calls()
    calls.seen(answered(history))
    parts = (part for part in history[-1].parts if isinstance(part, ToolCallPart))
    return {part.tool_call_id: calls.begin(part.tool_call_id) for part in parts}
