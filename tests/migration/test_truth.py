"""True histories, put through the old system's storing rules, imported, and compared with the truth."""

import base64
import json
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support.legacy import (
    Tables,
    files_at,
    import_from,
    project,
    version,
    write_dump,
    write_json_lines,
)

from keelway.fragments.build import Write
from keelway.legacy.cut import FILE_LIMIT, settled, shorten
from keelway.legacy.files import spelling
from keelway.legacy.overlay import FileReport
from keelway.legacy.plan import Base, Plan
from keelway.legacy.source import open_source

NAMED = {
    "repaired", "carried_forward", "damaged", "placeholder", "binary_cut", "refused", "duplicate",
}  # fmt: skip
PATHS = (
    "src/App.tsx", "src/main.tsx", "index.html", "package.json", "src/components/List.tsx",
    "src/lib/dates.ts", "src/index.css", "README.md", "data/big.json", "notes.txt",
    "src/App.test.ts", "public/logo.png", "public/font.bin", "src/größe.ts", "docs/a b.md",
)  # fmt: skip
EDGES = (0, 1, 199, 9_799, 9_800, 9_999, 10_000, 10_001, 10_200, 25_000, 50_000)


def some_text(chance: Random, path: str) -> str:
    size = chance.choice(EDGES)
    line = chance.choice(["const a = 1;", "import b from 'b';", "export const c = 3;", "x", "  "])
    if path.endswith(".json") and chance.random() < 0.7:
        return json.dumps({f"k{n}": line for n in range(size // 20)})
    end = chance.choice(["\n", "\r\n"])
    lines: list[str] = []
    while sum(map(len, lines)) < size:
        odd = chance.choice(["", "🌱", "ö", "\\", "\t"])
        lines.append(f"{line} {chance.random()} {odd}{end}")
    text = "".join(lines)
    return text if size in (0, 25_000) else text[:size].removesuffix("\r")


def some_bytes(chance: Random) -> bytes:
    return chance.randbytes(chance.choice([0, 1, 300, 7_000, 40_000]))


def spelled(chance: Random, path: str) -> str:
    form = chance.choice([0, 0, 0, 0, 1, 2, 3, 4, 5])
    return (
        path, f"/home/daytona/workspace/{path}", f"/home/user/{path}", f"./{path}", f"/{path}",
        path.replace("/", "\\"),
    )[form]  # fmt: skip


@dataclass
class History:
    """`truth[k]`: path to bytes after version k; `rows[k]`: what the old system stored of it."""

    truth: list[dict[str, bytes]] = field(default_factory=list[dict[str, bytes]])
    rows: list[dict[str, str]] = field(default_factory=list[dict[str, str]])

    def tables(self, kept: set[int]) -> Tables:
        fragments = [version(k, row) for k, row in enumerate(self.rows) if k in kept]
        return {"Project": [project()], "V2Fragment": fragments}


def make(chance: Random, versions: int, *, older_spellings: float = 0.1) -> History:
    made = History()
    truth: dict[str, bytes] = {}
    row: dict[str, str] = {}
    for _ in range(versions):
        if chance.random() < 0.6:  # the route that stored what it had shortened for a prompt
            row = {key: settled(text) for key, text in shorten(jsonb_order(row)).items()}
        row = dict(row)
        for path in chance.sample(PATHS, chance.randint(1, 6)):
            key = spelled(chance, path)
            if path.endswith((".png", ".bin")):
                data = some_bytes(chance)
                head = chance.choice(["data:image/x-test;base64,", "__BASE64__"])
                value = head + base64.b64encode(data).decode()
            else:
                value = some_text(chance, path)
                data = value.encode()
            # The agent wrote this spelling; a longer one of before would win, so it has none.
            row = {other: text for other, text in row.items() if not same(other, path)}
            row[key] = value
            truth = {**truth, path: data}
            if chance.random() < older_spellings:  # written before under a name that sorts earlier
                second = min([f"./{path}", f"//{path}", path], key=spelling)
                if spelling(second) < spelling(key):
                    row[second] = "an older spelling"
        made.truth.append(truth)
        made.rows.append(row)
    return made


def same(key: str, path: str) -> bool:
    return key.replace("\\", "/").endswith(path)


def jsonb_order(row: dict[str, str]) -> dict[str, str]:
    return dict(sorted(row.items(), key=lambda one: spelling(one[0])))


def imported(source: Path) -> list[tuple[dict[str, bytes], list[FileReport]]]:
    """The files after every version, and what the report says of it."""
    opened = open_source(str(source))
    row = next(iter(opened.rows("Project")))
    files: dict[str, bytes] = {}
    found: list[tuple[dict[str, bytes], list[FileReport]]] = []
    for each in Plan(opened, row, Base("none", ()), {}).versions():
        for change in each.past.changes:
            if isinstance(change, Write):
                files[change.path] = change.data
            else:
                del files[change.path]
        found.append((dict(files), list(each.files)))
    opened.close()
    return found


QUICK: dict[str, Any] = {
    "max_examples": 15,
    "deadline": None,
    "suppress_health_check": [HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
}


@settings(**QUICK)
@given(seed=st.integers(0, 2**32), versions=st.integers(1, 8))
def test_a_history_of_which_every_row_is_there_comes_over_whole(
    home: Path, seed: int, versions: int
) -> None:
    made = make(Random(seed), versions)
    source = write_json_lines(home / "rows", made.tables(set(range(versions))))
    for (files, said), truth in zip(imported(source), made.truth, strict=True):
        assert files == truth
        assert not [one for one in said if one.outcome in ("damaged", "binary_cut", "refused")]


@settings(**QUICK)
@given(seed=st.integers(0, 2**32), versions=st.integers(2, 8))
def test_where_rows_are_lost_every_file_is_whole_or_named(
    home: Path, seed: int, versions: int
) -> None:
    chance = Random(seed)
    # Of an older spelling, alone in the first row that is left, nothing says that it is one.
    made = make(chance, versions, older_spellings=0)
    kept = {k for k in range(versions) if chance.random() < 0.6} or {versions - 1}
    source = write_json_lines(home / "rows", made.tables(kept))
    for (files, said), k in zip(imported(source), sorted(kept), strict=True):
        named = {one.path for one in said if one.outcome in NAMED}
        for path in files:
            assert files[path] == made.truth[k].get(path) or path in named, (k, path)
        assert set(files) <= set(made.truth[k])


async def test_the_whole_way_through_git_is_the_truth(home: Path) -> None:
    made = make(Random(20261124), 25)
    source = write_dump(home / "old.sql", made.tables(set(range(25))))
    status, report = await import_from(source, home)
    assert status in (0, 3)
    commits = [each["commit"] for each in report["projects"][0]["fragments"]]
    for at in (0, 7, 24):
        assert files_at(home, commits[at]) == made.truth[at]
    assert any(
        each["outcome"] == "repaired"
        for f in report["projects"][0]["fragments"]
        for each in f["files"]
    )
    assert FILE_LIMIT == 10_000
