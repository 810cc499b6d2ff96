"""Errors of workspaces, as the page gets them."""

from keelway.workspaces.errors import InstallFailed, RestoreFailed, WorkspaceBusy


def test_each_says_by_its_kind_what_one_may_do() -> None:
    assert WorkspaceBusy("x").status == 409
    assert RestoreFailed("x").retryable
    assert WorkspaceBusy("x", code="TurnRunning").code == "TurnRunning"


def test_npms_words_come_after_the_sentence() -> None:
    assert InstallFailed("a\nb\nc").split() == ("a", "b\nc")
    assert InstallFailed("a").split() == ("a", None)
