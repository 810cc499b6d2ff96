"""What a dev server says, made fit for people and models."""

from keelway.workspaces.dev_server import COMMAND, plain


def test_colours_frames_and_padding_are_left_out() -> None:
    said = "\x1b[31merror\x1b[39m in App.tsx      \u2502\n   \u2502        \n\u2500\u2500\u2500\u2500\nend\n"
    assert plain(said) == "error in App.tsx\nend"


def test_it_listens_where_the_preview_looks() -> None:
    assert "--port 5173 --strictPort" in COMMAND
    assert "</dev/null" in COMMAND
