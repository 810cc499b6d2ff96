"""Signed preview addresses: a token that alone opens one port of one sandbox for a while."""

import time
from dataclasses import dataclass

from sandboxd.ids import new_token


@dataclass(frozen=True, slots=True)
class Pass:
    sandbox_id: str
    port: int
    until: float  # seconds of the monotonic clock


class SignedPreviews:
    """All passes of one engine, in memory: a restart ends them."""

    def __init__(self) -> None:
        self._passes: dict[str, Pass] = {}

    def issue(self, sandbox_id: str, port: int, seconds: float) -> str:
        """A new token, good for `seconds`."""
        moment = time.monotonic()
        self._passes = {key: each for key, each in self._passes.items() if each.until > moment}
        token = new_token()
        self._passes[token] = Pass(sandbox_id, port, moment + seconds)
        return token

    def find(self, token: str, port: int) -> str | None:
        """The id of the sandbox that `token` opens at `port`."""
        found = self._passes.get(token)
        if found is None or found.port != port or found.until <= time.monotonic():
            return None
        return found.sandbox_id

    def expire(self, sandbox_id: str, port: int, token: str) -> bool:
        """End the token now; False when it is not one of this sandbox and port."""
        found = self._passes.get(token)
        if found is None or (found.sandbox_id, found.port) != (sandbox_id, port):
            return False
        del self._passes[token]
        return True
