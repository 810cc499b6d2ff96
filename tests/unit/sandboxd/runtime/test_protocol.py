"""Packets: there and back, and what does not fit into one."""

import pytest

from sandboxd.runtime.protocol import COUNTS, HEAD, Message, Op, words


def test_a_message_survives_the_way() -> None:
    message = Message(7, Op.DIAL, 1, -2, 65535, b"body")
    assert Message.unpack(message.pack()) == message
    assert len(message.pack()) == HEAD.size + 4


def test_words_are_counted_and_ended_by_zero_bytes() -> None:
    body = words(["echo", "", "two words"], {"A": "1", "B": "=x"}, "/tmp")
    assert body[: COUNTS.size] == COUNTS.pack(3, 2)
    assert body[COUNTS.size :] == b"/tmp\0echo\0\0two words\0A=1\0B==x\0"


def test_names_that_are_not_utf_8_pass() -> None:
    assert b"caf\xe9\0" in words(["ls", "caf\udce9"], {}, "/")


@pytest.mark.parametrize("argv", [[], ["a\0b"]])
def test_what_no_command_can_be_is_refused(argv: list[str]) -> None:
    with pytest.raises(ValueError, match=r"zero byte|nothing to run"):
        words(argv, {}, "/")
