import base64

import pytest

from keelway.fragments.errors import UnsafePath
from keelway.legacy.files import decode, normalise, unfinished, winner

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 40 + b"IEND\xaeB`\x82"


@pytest.mark.parametrize(
    "key",
    [
        "src/a.ts", "/home/daytona/workspace/src/a.ts", "/home/user/src/a.ts", "./src/a.ts",
        "/src/a.ts", "src\\a.ts", "src//a.ts", "././/src/a.ts", "\\home\\user\\src\\a.ts",
    ],
)  # fmt: skip
def test_every_spelling_means_one_file(key: str) -> None:
    assert normalise(key) == "src/a.ts"


def test_composed_and_decomposed_letters_are_one_file() -> None:
    assert normalise("u\u0308.ts") == normalise("\u00fc.ts")


@pytest.mark.parametrize(
    "key",
    ["", "/", "../a", "a/../b", ".git/config", "a/.GIT/x", "git~1/x", ".g\u200cit/x", "a\x07b",
     "x" * 256, "a/" * 2100 + "b", ".gitmodules", "a/"],
)  # fmt: skip
def test_an_unsafe_key_is_refused_with_a_sentence(key: str) -> None:
    with pytest.raises(UnsafePath, match=r"\.$"):
        normalise(key)


def test_the_spelling_that_was_written_last_wins() -> None:
    assert winner(["src/a.ts", "./src/a.ts", "/src/a.ts"]) == "./src/a.ts"
    assert winner(["ü", "xx"]) == "ü"  # two bytes each; bytes decide


def test_values_are_decoded_and_what_was_cut_is_known() -> None:
    text = base64.b64encode(PNG).decode()
    assert decode(f"data:image/png;base64,{text}").data == PNG
    assert decode(f"__BASE64__{text}").data == PNG
    assert decode(f"__BASE64__{text[:-3]}").cut
    assert decode("[Binary image file: a.png]").encoding == "placeholder"
    assert decode("half \ud83c").cut
    assert not decode("plain\r\n").cut


def test_base64_cut_at_a_multiple_of_four_is_found_by_the_format_itself() -> None:
    text = base64.b64encode(PNG).decode()
    assert decode(f"__BASE64__{text[:40]}").encoding == "binary_cut"
    assert unfinished(b"\xff\xd8\xff\xe0" + b"x" * 100) is not None
    assert unfinished(b"RIFF\xff\0\0\0WEBP") is not None
    assert unfinished(b"anything else") is None
