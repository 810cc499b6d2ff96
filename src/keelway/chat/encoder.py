"""Events of the agent, as chunks of the AI SDK's UI message stream."""

from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

from pydantic_ai.exceptions import RunCancelled
from pydantic_ai.messages import PartDeltaEvent, TextPartDelta, ThinkingPartDelta, ToolCallPartDelta
from pydantic_ai.ui.vercel_ai import VercelAIEventStream
from pydantic_ai.ui.vercel_ai.response_types import BaseChunk

from keelway.agent.deps import Deps
from keelway.chat.errors import AnswerTooLong
from keelway.chat.parts import Chunk

ANSWER = 8 * 1024 * 1024
"""The most that a model may say in one run, characters."""


class Encoder(VercelAIEventStream[Deps, str]):
    """The library's encoder for one run, without the beginning and end that a turn has only once.

    What ended the run, if it did not end by itself, is in `failure`.
    """

    failure: Exception | None = None

    async def before_stream(self) -> AsyncIterator[BaseChunk]:
        return
        yield

    async def after_stream(self) -> AsyncIterator[BaseChunk]:
        return
        yield

    async def handle_run_result(self, event: Any) -> AsyncIterator[BaseChunk]:  # noqa: ARG002
        return
        yield

    async def on_error(self, error: Exception) -> AsyncIterator[BaseChunk]:
        self.failure = error
        return
        yield

    async def on_cancelled(self, cancelled: RunCancelled) -> AsyncIterator[BaseChunk]:
        self.failure = cancelled
        return
        yield


def wire(chunk: BaseChunk) -> Chunk:
    """As the page gets it. What providers add beside their text is for the model's history only."""
    dumped: Chunk = chunk.model_dump(mode="json", by_alias=True, exclude_none=True)
    dumped.pop("providerMetadata", None)
    return dumped


async def counted(events: AsyncIterator[Any]) -> AsyncGenerator[Any]:
    """The same events, as long as the model stays within what a run may say.

    Raises:
        AnswerTooLong: It does not.
    """
    said = 0
    async for event in events:
        if isinstance(event, PartDeltaEvent):
            said += _length(event.delta)
            if said > ANSWER:
                raise AnswerTooLong("The model's answer was longer than a turn takes.")
        yield event


def _length(delta: object) -> int:
    match delta:
        case TextPartDelta() | ThinkingPartDelta():
            return len(delta.content_delta or "")
        case ToolCallPartDelta():
            return len(delta.args_delta) if isinstance(delta.args_delta, str) else 0
        case _:
            return 0
