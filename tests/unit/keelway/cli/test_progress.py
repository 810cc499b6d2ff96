import asyncio
import io

import pytest

from keelway.cli import progress as module
from keelway.cli.progress import Progress, clean


def test_text_from_elsewhere_cannot_steer_the_terminal() -> None:
    assert clean("a\x1b[2Jb\x9b\r\u202e") == "a\\x1b[2Jb\\x9b\\x0d\\x202e"
    assert clean("two\nlines\tand ‘quotes’") == "two\nlines\tand ‘quotes’"


async def test_a_long_step_gives_signs_of_life(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "EVERY", 0.01)
    out = io.StringIO()
    with Progress(out).step("Building"):
        await asyncio.sleep(0.08)
    said = out.getvalue().splitlines()
    assert said[0] == "Building ..."
    assert len(said) >= 3
    assert set(said[1:]) == {"  0 s"}
    await asyncio.sleep(0.05)
    assert out.getvalue().splitlines() == said


async def test_a_short_step_is_one_line() -> None:
    out = io.StringIO()
    with Progress(out).step("Building"):
        pass
    assert out.getvalue() == "Building ...\n"
