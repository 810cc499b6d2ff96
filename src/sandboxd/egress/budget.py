"""How much one machine may move over the network in a while."""

from collections.abc import Callable

GIBIBYTE = 1024**3


class BudgetSpent(ConnectionError):
    """The machine has moved all it may for now."""


class Budget:
    """At most `limit` bytes, both directions together, in each window of `seconds`."""

    def __init__(
        self, clock: Callable[[], float], limit: int = 2 * GIBIBYTE, seconds: float = 1800
    ) -> None:
        self._clock = clock
        self._limit = limit
        self._seconds = seconds
        self._since = clock()
        self._spent = 0

    def spend(self, size: int) -> None:
        """Count bytes that are about to move; raises `BudgetSpent` when they are too many."""
        now = self._clock()
        if now - self._since > self._seconds:
            self._since, self._spent = now, 0
        self._spent += size
        if self._spent > self._limit:
            raise BudgetSpent("The sandbox has used up its network volume; try again later.")
