"""How much one caller may ask for: so many at once, so many a minute, so many bytes."""

import asyncio
import time
from collections import defaultdict, deque
from collections.abc import Coroutine, Generator
from contextlib import contextmanager
from math import ceil
from typing import Any

from starlette.exceptions import HTTPException
from starlette.types import Message, Receive

from keelway.accounts.arrival import Refused

NAMES = 10_000
"""Of so many accounts or addresses at most something is remembered."""
FREE_FAILURES = 5
FORGIVEN_SECONDS = 3600.0


class BodyTooLarge(HTTPException):
    """The body grew past its limit while it was read."""

    def __init__(self, limit: int) -> None:
        super().__init__(413, f"At most {limit} bytes.")


class TooManyRequests(HTTPException):
    """Somebody tries a secret too often; `Retry-After` says in how many seconds they may again."""

    def __init__(self, seconds: int) -> None:
        super().__init__(
            429, f"Too many tries. Try again in {seconds} s.", {"Retry-After": str(seconds)}
        )


class Rate:
    """At most `limit` in any `seconds`, for each name. Past `NAMES` the longest unused is forgotten."""

    def __init__(self, limit: int, seconds: float) -> None:
        self.limit = limit
        self.seconds = seconds
        self._taken: dict[str, deque[float]] = {}

    def take(self, name: str) -> None:
        """Raises Refused (429) when there is none left."""
        wait = self.wait(name)
        if wait:
            raise Refused(
                429,
                "TooManyRequests",
                f"At most {self.limit} in {self.seconds:.0f} s. Try again in {wait} s.",
                retry_after=str(wait),
            )
        self.note(name)

    def wait(self, name: str) -> int:
        """In how many seconds there is one left; 0: now."""
        now = time.monotonic()
        taken = self._taken.get(name, deque[float]())
        while taken and taken[0] <= now - self.seconds:
            taken.popleft()
        if len(taken) < self.limit:
            return 0
        return int(taken[0] + self.seconds - now) + 1

    def note(self, name: str) -> None:
        """One more was taken."""
        taken = self._taken.pop(name, deque[float]())
        taken.append(time.monotonic())
        self._taken[name] = taken
        while len(self._taken) > NAMES:
            del self._taken[next(iter(self._taken))]

    def give_back(self, name: str) -> None:
        """The last one taken was not meant."""
        if self._taken.get(name):
            self._taken[name].pop()


class Attempts:
    """Tries at the secret of an account: so many a minute, and after failures ever longer waits.

    Kept in this process, which is enough for the one server of a home, and forgotten at its end. Nobody is
    locked out: the longest wait is `longest` seconds, and a login address works at any time. Failures that
    are an hour old count no more.
    """

    def __init__(self, *, account: int = 5, address: int = 20, longest: float = 300) -> None:
        self.accounts = Rate(account, seconds=60)
        self.addresses = Rate(address, seconds=60)
        self.longest = longest
        self._failed: dict[str, tuple[int, float]] = {}

    def take(self, account: str, address: str) -> None:
        """One try, counted as failed until `proven` or `unused`. Raises TooManyRequests."""
        wait = max(self.accounts.wait(account), self.addresses.wait(address), self._slowed(account))
        if wait:
            raise TooManyRequests(wait)
        self.accounts.note(account)
        self.addresses.note(address)
        failed, at = self._failed.pop(account, (0, 0.0))
        now = time.monotonic()
        self._failed[account] = (failed + 1 if at > now - FORGIVEN_SECONDS else 1, now)
        while len(self._failed) > NAMES:
            del self._failed[next(iter(self._failed))]

    def unused(self, account: str, address: str) -> None:
        """The try just taken was none: nothing was checked."""
        self.accounts.give_back(account)
        self.addresses.give_back(address)
        failed, at = self._failed.pop(account, (1, 0.0))
        self._failed[account] = (failed - 1, at)

    def proven(self, account: str, address: str) -> None:
        """The try just taken was right; all before it is forgiven to the account, not to the address."""
        self.unused(account, address)
        self._failed.pop(account, None)

    def _slowed(self, account: str) -> int:
        """Seconds still to wait: 1 after the fifth failure in a row, then twice as long each time."""
        failed, at = self._failed.get(account, (0, 0.0))
        if failed < FREE_FAILURES:
            return 0
        wait = min(2.0 ** min(failed - FREE_FAILURES, 30), self.longest)
        return max(0, ceil(at + wait - time.monotonic()))


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
