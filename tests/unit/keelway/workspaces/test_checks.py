"""What a dev server's log says about the app."""

from keelway.workspaces.checks import trouble

GOOD = "VITE v8 ready in 200 ms\n  Local: x\n"
BAD = "10:02:03 [vite] Internal server error: Failed to resolve import './x'\n  at App.tsx:1\n"


def test_a_quiet_log_has_no_trouble() -> None:
    assert trouble("") == ""
    assert trouble(GOOD) == ""


def test_an_error_is_quoted_with_what_follows() -> None:
    said = trouble(GOOD + BAD)
    assert said.startswith("10:02:03 [vite] Internal server error")
    assert said.endswith("at App.tsx:1")


def test_an_error_that_was_mended_since_is_past() -> None:
    assert trouble(GOOD + BAD + "10:02:09 [vite] (client) hmr update /src/App.tsx\n") == ""
