"""Names of sessions, and how much of what a command says is kept."""

import re

from keelway.ids import TurnId
from keelway.workspaces import commands
from keelway.workspaces.commands import Output, session_name, shown
from keelway.workspaces.values import Step


def step(turn: str, call: str) -> Step:
    return Step("command", "Run", TurnId(turn), call)


def test_a_session_is_named_after_turn_and_call_and_no_two_share_a_name() -> None:
    one = session_name(step("turn-1", "call-1"))
    assert one == session_name(step("turn-1", "call-1"))
    assert "turn-1-call-1" in one
    assert re.fullmatch(r"run-[A-Za-z0-9-]+", session_name(step("t/../x", "c a\nl'l")))
    names = {session_name(step(t, c)) for t in ("a", "a:b") for c in ("c", "b:c", "")}
    assert len(names) == 6


async def test_output_is_handed_on_and_kept_with_its_middle_left_out() -> None:
    heard: list[str] = []

    async def hear(text: str) -> None:
        heard.append(text)

    output = Output(hear, kept=100)
    for number in range(40):
        await output.add(f"line {number:02}\n")
    text = output.text()
    assert "".join(heard) == "".join(f"line {n:02}\n" for n in range(40))
    assert text.startswith("line 00\n")
    assert text.endswith("line 39\n")
    assert "characters left out" in text
    assert len(text) < 160


def test_a_long_text_is_shown_by_its_beginning_and_its_end() -> None:
    text = "b" * 50_000 + "é" * 50_000 + "e" * 50_000
    cut = shown(text)
    assert len(cut.encode()) < commands.SHOWN_BYTES + 100
    assert cut.startswith("b")
    assert cut.endswith("e")
    assert "bytes left out" in cut
    assert shown("short") == "short"
