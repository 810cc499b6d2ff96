"""Long answers: asked again, while they go on, whether they still may (TRUST.md T34)."""

import asyncio
from collections.abc import AsyncIterable, Awaitable, Callable, Coroutine, Mapping
from typing import Any

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

RECHECK_SECONDS = 4.0
"""How often. Who was shut out reads on for five seconds at most, the question's own time included."""

Still = Callable[[], Awaitable[bool]]
"""Whether it is still allowed, asked of the database."""


class _NoLonger(Exception):
    """The answer was no."""


async def while_allowed(work: Coroutine[Any, Any, None], still: Still) -> None:
    """Run `work` to its end, or cancel it when `still` says no, or fails."""
    try:
        async with asyncio.TaskGroup() as tasks:
            watching = tasks.create_task(_watch(still))
            await work
            watching.cancel()
    except* _NoLonger:
        pass


async def _watch(still: Still) -> None:
    while True:
        await asyncio.sleep(RECHECK_SECONDS)
        if not await still():
            raise _NoLonger


class WatchedStream(StreamingResponse):
    """A stream that breaks off when its reader may no longer read it."""

    def __init__(
        self, lines: AsyncIterable[str], still: Still, *, headers: Mapping[str, str]
    ) -> None:
        super().__init__(lines, media_type="text/event-stream", headers=headers)
        self._still = still

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await while_allowed(super().__call__(scope, receive, send), self._still)
