"""Values are compared by what they hold."""

import pytest

from keelway.workspaces.values import Ran, Step


def test_a_step_by_hand_has_neither_turn_nor_call() -> None:
    assert Step("hand", "Edit") == Step("hand", "Edit", None, None)


def test_what_was_answered_cannot_be_changed() -> None:
    ran = Ran(0, "", False, None)
    with pytest.raises(AttributeError):
        ran.output = "other"  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]
