from collections.abc import AsyncIterator
from typing import Any

import pytest
from pydantic_ai.messages import PartDeltaEvent, TextPartDelta
from pydantic_ai.ui.vercel_ai.response_types import TextDeltaChunk

from keelway.chat import encoder
from keelway.chat.encoder import Encoder, counted, wire
from keelway.chat.errors import AnswerTooLong


async def deltas(count: int) -> AsyncIterator[Any]:
    for _ in range(count):
        yield PartDeltaEvent(index=0, delta=TextPartDelta("x" * 1000))


async def test_a_model_that_never_ends_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoder, "ANSWER", 5000)
    assert len([event async for event in counted(deltas(5))]) == 5
    with pytest.raises(AnswerTooLong):
        async for _ in counted(deltas(6)):
            pass


async def test_what_ended_a_run_is_kept_and_not_shown() -> None:
    async def broken() -> AsyncIterator[Any]:
        raise ValueError("secret")
        yield

    stream = Encoder(sdk_version=7)
    assert [chunk async for chunk in stream.transform_stream(broken())] == []
    assert isinstance(stream.failure, ValueError)


def test_what_providers_say_beside_their_text_is_not_for_the_page() -> None:
    chunk = TextDeltaChunk(id="t", delta="hi", provider_metadata={"x": {"signature": "s"}})
    assert wire(chunk) == {"type": "text-delta", "id": "t", "delta": "hi"}
