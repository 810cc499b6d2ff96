"""The cuts that repairs are proved with, against the same rules in JavaScript, where they were written.

`ORACLE_CUTS=20000 pytest tests/migration/test_oracle_cut.py` asks more often.
"""

import json
import os
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.migration.oracle.node import Node, opened

from keelway.legacy.cut import cut, importance, shorten, stringify

ASKED: dict[str, Any] = {
    "max_examples": int(os.environ.get("ORACLE_CUTS", "150")),
    "deadline": None,
    "suppress_health_check": list(HealthCheck),
}

SPACES = [
    "\ufeff",
    "\xa0",
    "\x85",
    "\x1c",
    "\u180e",
    "\u2028",
    "\u2029",
    "\u3000",
    "\x0b",
    "\x0c",
    "\t",
    "\x00",
]
PIECES = [
    "import a from 'a';\n", " import", "export const b = 2;\n", "export", "\n", "\r\n", "\r", "x", "🌱",
    "\ud83c", "\udf31", "ö", "e\u0301", "İ", '"', "\\", "/", "\u007f", *SPACES, "importantly\n", "  code();\n",
]  # fmt: skip
COUNTS = st.one_of(
    st.integers(0, 6),
    st.sampled_from([97, 98, 99, 100, 199, 200, 4_899, 4_900, 9_798, 9_799, 9_800, 9_801, 9_898,
                     9_899, 9_900, 9_901, 9_999, 10_000, 10_001, 10_200]),
)  # fmt: skip
TEXTS = st.lists(
    st.tuples(st.one_of(st.sampled_from(PIECES), st.text(max_size=4)), COUNTS), max_size=7
).map(lambda pieces: "".join(piece * count for piece, count in pieces)[:70_000])
NUMBERS = st.one_of(
    st.floats().map(repr),
    st.integers(-(10**25), 10**25).map(str),
    st.tuples(st.integers(-(10**22), 10**22), st.integers(-340, 330)).map(lambda n: f"{n[0]}e{n[1]}"),
    st.decimals(allow_nan=False, allow_infinity=False).map(str),
    st.sampled_from(["1e21", "-0", "-0.0", "1e-7", "1E+400", "-1e400", "12345678901234567890", "0.1e-6",
                     "1e-324", "5e-324", "123456789012345680000", "1e20", "01", "1.", ".5", "+1", "NaN",
                     "Infinity", "-", "9007199254740993", "0.000001", "1.7976931348623157e308"]),
)  # fmt: skip
KEYS = st.one_of(
    st.sampled_from(["a", "__proto__", "toJSON", "0", "1", "10", "9", "01", "-1", "4294967294", "4294967295",
                     "4294967296", "1.5", "", "constructor", "\ud800", "🌱", "٣", "²", "²3"]),
    st.text(max_size=3),
    st.integers(0, 2**33).map(str),
)  # fmt: skip


def written(key: str) -> st.SearchStrategy[str]:
    """A JSON string in one of the spellings that mean the same."""
    return st.sampled_from([json.dumps(key), json.dumps(key, ensure_ascii=False)])


STRINGS = st.one_of(KEYS, st.text(max_size=9)).flatmap(written)
ESCAPES = st.sampled_from(
    [
        r'"\/\b\f\u000b"',
        r'"\ud83c\udf31"',
        r'"\udf31\ud83c"',
        r'"\uD83C"',
        '"\t"',
        r'"\x41"',
        r'"\u00e"',
    ]
)
SPACE = st.sampled_from(["", " ", "\n", "\r\n\t", " ", " ", "\ufeff", "\x0c"])
PADDING = st.sampled_from([0, 0, 9_600, 9_880, 9_890, 10_000, 30_000]).map(
    lambda n: json.dumps("p" * n)
)


def documents() -> st.SearchStrategy[str]:
    """JSON, and what nearly is."""
    leaves = st.one_of(
        NUMBERS,
        STRINGS,
        ESCAPES,
        PADDING,
        st.sampled_from(["true", "null", "[]", "{ }", "undefined"]),
    )

    def deeper(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        pair = st.tuples(STRINGS, SPACE, inner).map(lambda p: f"{p[0]}{p[1]}:{p[2]}")
        return st.one_of(
            st.lists(inner, max_size=4).map(lambda all_: f"[{','.join(all_)}]"),
            st.lists(pair, max_size=6).map(lambda all_: "{" + ", ".join(all_) + "}"),
        )

    return st.recursive(leaves, deeper, max_leaves=12)


def joined(text: str | None) -> str | None:
    """With halves of a character that meet made one, as JavaScript sees them."""
    return text and text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")


@pytest.fixture(scope="module")
def asked() -> Iterator[Node]:
    with opened("cuts.mjs") as node:
        yield node


PATHS = st.sampled_from(["a.ts", "src/App.tsx", "a.json", "package.json", "a.js", "a.jsx", "a.css", "a.md", "a",
                         "a.d.ts", "A.TS", "a.JSON", "a.mjs", "data.json.txt", "logo.png", "tsx"])  # fmt: skip


@settings(**ASKED)
@given(path=PATHS, text=TEXTS)
def test_a_text_is_cut_as_javascript_cuts_it(asked: Node, path: str, text: str) -> None:
    assert joined(cut(path, joined(text) or "")) == joined(
        asked.ask({"path": path, "text": text})["cut"]
    )


@settings(**ASKED)
@given(pieces=st.lists(documents(), min_size=1, max_size=3), pad=PADDING, space=SPACE)
def test_a_document_is_printed_as_javascript_prints_it(
    asked: Node, pieces: list[str], pad: str, space: str
) -> None:
    text = joined(f"{space}[{pad},{','.join(pieces)}]{space}") or ""
    assert joined(cut("a.json", text)) == joined(asked.ask({"path": "a.json", "text": text})["cut"])


@settings(**ASKED)
@given(text=st.one_of(documents(), st.tuples(SPACE, documents(), SPACE).map("".join)))
def test_a_small_document_too(asked: Node, text: str) -> None:
    padded = text + " " * 10_001
    said = asked.ask({"path": "a.json", "text": padded})
    assert joined(cut("a.json", padded)) == joined(said["cut"])
    if said["pretty"] is not None:
        assert joined(stringify(json.loads(text, parse_int=float))) == joined(said["pretty"])


NAMES = st.sampled_from(["src/App.tsx", "src/app.jsx", "main.tsx", "index.html", "package.json", "2", "10",
                         "src/components/A.tsx", "src/components/a.test.ts", "a.ts", "a.css", "README.md", "a.spec",
                         "types.d.ts", "x.d.ts.map", "öä.md", "COMPONENTS/İ.md", "é.md", "01", "b.js", "test/x"])  # fmt: skip


@settings(**ASKED)
@given(
    files=st.dictionaries(
        NAMES,
        st.tuples(
            st.sampled_from("xö🌱"), st.sampled_from([0, 1, 4_999, 9_999, 10_000, 10_001, 20_000])
        ),
        max_size=16,
    )
)
def test_a_version_is_shortened_as_javascript_shortens_it(
    asked: Node, files: dict[str, tuple[str, int]]
) -> None:
    entries = [(key, char * count) for key, (char, count) in files.items()]
    said = asked.ask({"entries": entries})
    assert [importance(key) for key, _ in entries] == said["ranks"]
    kept = [[joined(key), joined(text)] for key, text in shorten(dict(entries)).items()]
    assert kept == [[joined(key), joined(text)] for key, text in said["kept"]]
