"""The engine's many words are five states for a caller."""

import pytest

from keelway.sandboxes.state import SandboxState, of


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("started", SandboxState.RUNNING),
        ("stopped", SandboxState.STOPPED),
        ("archived", SandboxState.STOPPED),
        ("error", SandboxState.BROKEN),
        ("build_failed", SandboxState.BROKEN),
        ("destroyed", SandboxState.GONE),
        ("starting", SandboxState.CHANGING),
        ("a word of next year", SandboxState.CHANGING),
        (None, SandboxState.CHANGING),
    ],
)
def test_every_word_has_a_state(word: str | None, state: SandboxState) -> None:
    assert of(word) is state
