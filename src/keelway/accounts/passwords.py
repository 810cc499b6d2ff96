"""Hashes of passwords: our own kind, and those of an import, which are an attacker's data.

A hash runs in one of two threads, so that the server goes on answering; a few may wait for one, the rest
are sent away. What an imported hash may cost is bounded before anything of it is run: a `$2b$31$` would
take days, an argon2 of 4 GiB the machine.
"""

import asyncio
import base64
import hmac
import re
import secrets
import threading
import unicodedata
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Literal, TypeVar

import bcrypt
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.low_level import Type, hash_secret, verify_secret

from keelway.accounts.limits import TooManyRequests

T = TypeVar("T")

MEMORY_KIB, PASSES, LANES = 19_456, 2, 1
"""OWASP's argon2id, about 40 ms here (TRUST.md T36)."""
SALT_BYTES, HASH_BYTES = 16, 32
THREADS = 2
WAITING = 16
"""So many wait for a thread; with our own hashes the last one waits 0.3 s."""
BUSY_SECONDS = 2

BCRYPT_BYTES = 72
"""All that bcrypt reads. The old system's bcryptjs cut off the rest in silence, so we do for its hashes."""
BCRYPT_COST = 14
"""The dearest that is run: 1.1 s here."""
MOST_MEMORY_KIB = 256 << 10
MOST_WORK_KIB = 1 << 20
"""Memory times passes: about 1.5 s here."""
MOST_LANES = 8

_BCRYPT = re.compile(r"\$2[abxy]\$(\d\d)\$[./A-Za-z0-9]{53}", re.ASCII)
_ARGON2 = re.compile(
    r"\$argon2(?P<kind>id|i|d)(?:\$v=(?:16|19))?"
    r"\$m=(?P<memory>\d{1,7}),t=(?P<passes>\d{1,4}),p=(?P<lanes>\d{1,2})"
    r"\$[A-Za-z0-9+/]{11,86}\$[A-Za-z0-9+/]{22,86}",
    re.ASCII,
)
_TYPES = {"id": Type.ID, "i": Type.I, "d": Type.D}
_OURS = f"$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p={LANES}$"

Kind = Literal["ours", "argon2", "bcrypt"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a password was right, and our own hash of it where the stored one is of another kind."""

    right: bool
    better: str | None = None


class Passwords:
    """Hashes and checks, two at a time. Close it at the end."""

    def __init__(self, *, waiting: int = WAITING) -> None:
        self.ran: Counter[str] = Counter()
        """How many hashes of each kind were run: what a check of an unknown person costs, too."""
        self._threads = ThreadPoolExecutor(THREADS, "password")
        self._room = threading.Semaphore(THREADS + waiting)
        self._nobodys = _OURS + f"{_random(SALT_BYTES)}${_random(HASH_BYTES)}"

    async def check(self, password: str, stored: str | None) -> Verdict:
        """Whether `password` belongs to the hash; where none can be run, the work is done all the same.

        Raises TooManyRequests when too many wait already.
        """
        kind = kind_of(stored)
        if kind is None or stored is None:
            await self._run("ours", partial(_is_right, password, self._nobodys, "ours"))
            return Verdict(False)
        return await self._run(kind, partial(_judge, password, stored, kind))

    async def hash(self, password: str) -> str:
        """Our own hash. Raises TooManyRequests when too many wait already."""
        return await self._run("ours", partial(_hash, password))

    def close(self) -> None:
        """Wait for what runs, forget what waits."""
        self._threads.shutdown(cancel_futures=True)

    async def _run(self, kind: Kind, work: Callable[[], T]) -> T:
        if not self._room.acquire(blocking=False):
            raise TooManyRequests(BUSY_SECONDS)
        self.ran[kind] += 1
        try:
            future = self._threads.submit(work)
        except RuntimeError:  # no thread could be started, or the server is ending
            self._room.release()
            raise
        # Also when nobody waits any more: a hash that runs cannot be called off.
        future.add_done_callback(lambda _: self._room.release())
        return await asyncio.wrap_future(future)


def kind_of(stored: str | None) -> Kind | None:
    """What a stored hash is; None where there is none that may be run."""
    if stored is None:
        return None
    if found := _BCRYPT.fullmatch(stored):
        return "bcrypt" if 4 <= int(found[1]) <= BCRYPT_COST else None
    found = _ARGON2.fullmatch(stored)
    if found is None:
        return None
    memory, passes, lanes = (int(found[name]) for name in ("memory", "passes", "lanes"))
    if not (1 <= lanes <= MOST_LANES and 8 * lanes <= memory <= MOST_MEMORY_KIB):
        return None
    if not 1 <= passes <= MOST_WORK_KIB // memory:
        return None
    return "ours" if stored.startswith(_OURS) else "argon2"


def plain(password: str) -> str:
    """The form in which a password is hashed by us: NFC, so that one word typed on two machines is one."""
    return unicodedata.normalize("NFC", password)


def _judge(password: str, stored: str, kind: Kind) -> Verdict:
    if not _is_right(password, stored, kind):
        return Verdict(False)
    return Verdict(True, None if kind == "ours" else _hash(password))


def _is_right(password: str, stored: str, kind: Kind) -> bool:
    try:
        # Others hashed what was typed, as it was.
        typed = (plain(password) if kind == "ours" else password).encode()
        if kind == "bcrypt":
            again = bcrypt.hashpw(typed[:BCRYPT_BYTES], stored.encode())
            # The library writes `$2b$` for `$2y$`.
            return hmac.compare_digest(again[4:], stored.encode()[4:])
        found = _ARGON2.fullmatch(stored)
        assert found is not None
        return verify_secret(stored.encode(), typed, _TYPES[found["kind"]])
    except (VerificationError, InvalidHashError, ValueError):
        return False  # wrong; or it looks like a hash and is none


def _hash(password: str) -> str:
    return hash_secret(
        plain(password).encode(),
        secrets.token_bytes(SALT_BYTES),
        PASSES,
        MEMORY_KIB,
        LANES,
        HASH_BYTES,
        Type.ID,
    ).decode()


def _random(count: int) -> str:
    return base64.b64encode(secrets.token_bytes(count)).decode().rstrip("=")
