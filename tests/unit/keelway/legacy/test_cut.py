import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.node import node

from keelway.legacy import cut as legacy

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)


def test_a_file_of_exactly_ten_thousand_units_is_kept() -> None:
    assert legacy.cut("a.md", "x" * 10_000) == "x" * 10_000
    assert legacy.cut("a.md", "x" * 10_001) == (
        "x" * 9_800 + "\n\n/* File truncated - 201 characters omitted */"
    )


def test_an_emoji_counts_twice_and_may_be_cut_in_half() -> None:
    text = "x" * 9_799 + "\N{SEEDLING}" * 200
    assert legacy.units(text) == 10_199
    kept = legacy.cut("a.md", text)
    assert kept[9_799] == "\ud83c"
    assert legacy.proves("a.md", text, legacy.settled(kept))


def test_code_keeps_imports_first_and_three_exports_last() -> None:
    body = "\n".join(f"const line{n} = {n};" for n in range(1000))
    text = f"import a from 'a';\n{body}\nexport const b = 1;\nexport default b;\n"
    kept = legacy.cut("src/a.tsx", text)
    assert kept.startswith("import a from 'a';\n\nconst line0 = 0;\n")
    assert kept.endswith("\n\n/* Code truncated */\n\nexport const b = 1;\nexport default b;")


def test_a_wall_of_imports_is_cut_like_plain_text() -> None:
    text = "\n".join(f"import x{n} from 'x{n}';" for n in range(800))
    assert legacy.cut("a.ts", text) == text[:9_900] + "\n/* Code truncated */"


def test_a_shortened_file_does_not_prove_itself() -> None:
    stored = legacy.cut("a.css", "p{}\n" * 4000)
    assert not legacy.proves("a.css", stored, stored)


def test_a_cut_may_have_been_cut_again() -> None:
    text = "y" * 30_000
    once = legacy.cut("a.md", text)
    assert legacy.units(once) <= 10_000 or legacy.proves("a.md", text, legacy.cut("a.md", once))


def test_files_after_fifty_thousand_units_are_dropped_in_order_of_importance() -> None:
    files = {f"notes{n}.md": "n" * 9_000 for n in range(7)} | {"src/App.tsx": "a" * 9_999}
    kept = legacy.shorten(files)
    assert next(iter(kept)) == "src/App.tsx"
    assert list(kept)[1:] == [f"notes{n}.md" for n in range(5)]


NUMBERS = st.one_of(
    st.integers(-(10**25), 10**25), st.floats(allow_nan=False, allow_infinity=False)
)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXTS, inner, max_size=4)),
    max_leaves=12,
)


@pytest.fixture(scope="module")
def javascript(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("js") / "print.js"
    path.write_text(
        "const rows = JSON.parse(require('fs').readFileSync(0, 'utf8'));"
        "console.log(JSON.stringify(rows.map(r => JSON.stringify(JSON.parse(r), null, 2))))"
    )
    return path


def test_json_is_printed_as_javascript_prints_it(javascript: Path) -> None:
    examples: list[str] = []

    @given(VALUES)
    def collect(value: object) -> None:
        examples.append(json.dumps(value, ensure_ascii=False))

    collect()
    examples += ["1e21", "1e-7", "-0", "123456789012345680000", "0.000001", '{"10":1,"b":2,"9":3}']
    printed = json.loads(node(javascript, stdin=json.dumps(examples)))
    for example, expected in zip(examples, printed, strict=True):
        assert legacy.stringify(json.loads(example, parse_int=float)) == expected
