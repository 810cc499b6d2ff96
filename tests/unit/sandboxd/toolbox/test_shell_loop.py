import os
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandboxd.toolbox.shell_loop import End, Splitter, command_line, loop_script

MARK = b"\x1e@n c 7\x1e"


def pieces(data: bytes, sizes: list[int]) -> list[bytes | End]:
    splitter = Splitter("n")
    found: list[bytes | End] = []
    position = 0
    for size in sizes:
        found += splitter.feed(data[position : position + size])
        position += size
    found += splitter.feed(data[position:])
    rest = splitter.flush()
    joined: list[bytes | End] = []
    for piece in [*found, *([rest] if rest else [])]:
        if isinstance(piece, bytes) and joined and isinstance(joined[-1], bytes):
            joined[-1] += piece
        else:
            joined.append(piece)
    return joined


@given(st.lists(st.integers(1, 6), max_size=30))
def test_ends_are_found_wherever_the_stream_is_cut(sizes: list[int]) -> None:
    data = b"out\x1e\x1e@" + MARK + b"more" + MARK
    assert pieces(data, sizes) == [b"out\x1e\x1e@", End("c", 7), b"more", End("c", 7)]


@given(st.binary(max_size=200), st.lists(st.integers(1, 20), max_size=20))
def test_what_is_no_mark_passes_unchanged(data: bytes, sizes: list[int]) -> None:
    assert pieces(data, sizes) == ([data] if data else [])


def test_something_that_only_begins_like_a_mark_is_not_held_back_for_ever() -> None:
    data = b"\x1e@n " + b"x" * 1000
    assert b"".join(piece for piece in pieces(data, [5]) if isinstance(piece, bytes)) == data


@pytest.mark.parametrize("shell", ["bash", "sh"])
def test_a_real_shell_runs_what_it_is_told_and_says_how_it_ended(shell: str) -> None:
    commands = ["x=1; cd /", "echo \"$x\" 'a\\nb' '\n' \"$PWD\"; (exit 3)", "read y; echo <$y>"]
    commands[2] = 'read y; echo "<$y>" >&2'
    told = b"".join(
        command_line("n", f"c{number}", command) for number, command in enumerate(commands)
    )
    answer = subprocess.run(
        [shell, "-c", loop_script("n")], input=told + b"input\nleft over", capture_output=True,
        env={**os.environ, "LC_ALL": "C"}, timeout=20,
    )  # fmt: skip
    out, err = (list(Splitter("n").feed(stream)) for stream in (answer.stdout, answer.stderr))
    shown = b"1 a\\nb \n /\n" if shell == "bash" else None
    if shown is not None:
        assert out == [End("c0", 0), shown, End("c1", 3), End("c2", 0)]
    assert [piece for piece in out if isinstance(piece, End)][1] == End("c1", 3)
    assert err[-2:] == [b"<input>\n", End("c2", 0)]
