"""How much one caller may ask for: so many at once, so many a minute, so many bytes."""

import asyncio
import time
from collections import defaultdict, deque
from collections.abc import Coroutine, Generator
from contextlib import contextmanager
from typing import Any

from starlette.exceptions import HTTPException
from starlette.types import Message, Receive

from keelway.accounts.arrival import Refused


class BodyTooLarge(HTTPException):
    """The body grew past its limit while it was read."""

    def __init__(self, limit: int) -> None:
        super().__init__(413, f"At most {limit} bytes.")


class Rate:
    """At most `limit` in any `seconds`, for each name."""

    def __init__(self, limit: int, seconds: float) -> None:
        self.limit = limit
        self.seconds = seconds
        self._taken: dict[str, deque[float]] = defaultdict(deque)

    def take(self, name: str) -> None:
        """Raises Refused (429) when there is none left."""
        now = time.monotonic()
        taken = self._taken[name]
        while taken and taken[0] <= now - self.seconds:
            taken.popleft()
        if len(taken) >= self.limit:
            wait = int(taken[0] + self.seconds - now) + 1
            raise Refused(
                429,
                "TooManyRequests",
                f"At most {self.limit} in {self.seconds:.0f} s. Try again in {wait} s.",
                retry_after=str(wait),
            )
        taken.append(now)
        if len(self._taken) > 10_000:
            self._forget(now)

    def _forget(self, now: float) -> None:
        for name in [n for n, t in self._taken.items() if not t or t[-1] <= now - self.seconds]:
            del self._taken[name]


class Count:
    """At most `limit` at once, for each name."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._open: dict[str, int] = defaultdict(int)

    @contextmanager
    def one(self, name: str) -> Generator[None]:
        """Raises Refused (429) when all are taken."""
        if self._open[name] >= self.limit:
            raise Refused(429, "TooManyAtOnce", f"At most {self.limit} at once.", retry_after="1")
        self._open[name] += 1
        try:
            yield
        finally:
            self._open[name] -= 1
            if not self._open[name]:
                del self._open[name]


class Ending:
    """Lets what would go on for ever end when the server does."""

    def __init__(self) -> None:
        self._end = asyncio.Event()

    def set(self) -> None:
        self._end.set()

    async def unless(self, work: Coroutine[Any, Any, None]) -> None:
        """Run `work` to its end, or cancel it when the end comes first."""
        async with asyncio.TaskGroup() as tasks:
            working = tasks.create_task(work)
            ending = tasks.create_task(self._end.wait())
            await asyncio.wait({working, ending}, return_when=asyncio.FIRST_COMPLETED)
            working.cancel()
            ending.cancel()


def counted(receive: Receive, limit: int) -> Receive:
    """`receive`, but the body's bytes are counted whatever its header said. Raises BodyTooLarge."""
    seen = 0

    async def receiving() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > limit:
            raise BodyTooLarge(limit)
        return message

    return receiving
