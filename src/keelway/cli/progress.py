"""What the terminal shows: one line a step, and a sign of life while a step takes long."""

import asyncio
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import TextIO

EVERY = 5.0
"""Seconds between two signs of life."""


def clean(text: str) -> str:
    """Control characters made visible: text from elsewhere must not steer the terminal (TRUST.md T29)."""
    return "".join(c if c in "\n\t" or c.isprintable() else f"\\x{ord(c):02x}" for c in text)


class Progress:
    """Says what happens, on stdout unless told otherwise."""

    def __init__(self, out: TextIO | None = None) -> None:
        self.out = out or sys.stdout

    def say(self, text: str = "") -> None:
        self.out.write(clean(text) + "\n")
        self.out.flush()

    @contextmanager
    def step(self, text: str) -> Generator[None]:
        """Name what begins, and every five seconds how long it has taken."""
        self.say(f"{text} ...")
        life = _Life(self, time.monotonic())
        try:
            yield
        finally:
            life.timer.cancel()


class _Life:
    """Says again and again that the step still runs."""

    def __init__(self, progress: Progress, begun: float) -> None:
        self.progress = progress
        self.begun = begun
        self.timer = asyncio.get_running_loop().call_later(EVERY, self.show)

    def show(self) -> None:
        self.progress.say(f"  {time.monotonic() - self.begun:.0f} s")
        self.timer = asyncio.get_running_loop().call_later(EVERY, self.show)
