"""Imports held against an independent oracle: the old system's storing rules, written in JavaScript.

The default is quick. `ORACLE_COUNT=200 ORACLE_FIRST=1000 pytest tests/migration/test_oracle.py` looks
harder; `python -m tests.migration.oracle.hunt` looks for hours, and prints what it finds.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from tests.migration.oracle.hunt import hunt
from tests.migration.oracle.judge import Verdict, judge
from tests.migration.oracle.node import Node, opened
from tests.support.legacy import Tables, git, import_from, project, version, write_dump
from tests.support.postgres import Cluster

FIRST = int(os.environ.get("ORACLE_FIRST", "1"))
COUNT = int(os.environ.get("ORACLE_COUNT", "3"))
MOST = 30 if COUNT > 3 else 12
"""Versions of a project."""
SEEDS = list(range(FIRST, FIRST + COUNT))

KINDS: dict[str, str] = {
    "emailVerified": "timestamp(3)", "createdAt": "timestamp(3)", "updatedAt": "timestamp(3)",
    "files": "jsonb", "messagingVersion": "integer",
}  # fmt: skip


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    with opened("emit.mjs") as asked:
        yield asked


@pytest.mark.parametrize(
    ("form", "base", "wish"),
    [
        ("dump", "none", {"versions": MOST}),
        ("lines", "none", {"versions": MOST, "lone": True}),
        ("dump", "none", {"versions": MOST, "hard": True, "robbed": True}),
        ("dump", "react-vite", {"versions": MOST}),
    ],
    ids=["as it was", "with halves of characters", "hard, and robbed", "on a template"],
)
async def test_every_file_of_every_version_is_whole_or_named(
    node: Node, form: str, base: str, wish: dict[str, Any]
) -> None:
    found = await hunt(node, SEEDS, form, wish, base)
    assert found.wrong == []
    assert found.missed == []
    assert found.counts["whole"] > COUNT * 10
    assert found.counts["repaired"] > 0


def blocks(dump: Path) -> Iterator[tuple[str, list[str], str]]:
    """Table, columns and rows of each COPY block of a dump."""
    text = dump.read_bytes().decode()
    for found in re.finditer(
        r"COPY public\.(\S+) \((.*?)\) FROM stdin;\n(.*?)\\\.\n", text, re.DOTALL
    ):
        yield found[1].strip('"'), [name.strip('"') for name in found[2].split(", ")], found[3]


def restore(address: str, dump: Path) -> None:
    """Put a dump into a real PostgreSQL, and see that it would be dumped as it is."""
    with psycopg.connect(address) as connection:
        for table, names, rows in blocks(dump):
            columns = sql.SQL(", ").join(
                sql.Identifier(name) + sql.SQL(" " + KINDS.get(name, "text"))  # pyright: ignore[reportArgumentType]
                for name in names
            )
            where = sql.Identifier(table)
            connection.execute(sql.SQL("CREATE TABLE {} ({})").format(where, columns))
            with connection.cursor().copy(sql.SQL("COPY {} FROM STDIN").format(where)) as into:
                into.write(rows)
            with connection.cursor().copy(sql.SQL("COPY {} TO STDOUT").format(where)) as out:
                assert b"".join(bytes(piece) for piece in out).decode() == rows


def keelway(home: Path, source: str, *flags: str) -> int:
    """The exit status of the real command, in a process of its own."""
    run = subprocess.run(
        [sys.executable, "-c", "from keelway.cli import main; main()", "import-legacy", source,
         "--home", home, "--base", "none", "--report", home / "report.json", *flags],
        capture_output=True, text=True,
    )  # fmt: skip
    assert "Traceback" not in run.stderr
    return run.returncode


async def test_a_dump_a_live_database_and_json_lines_give_the_same_and_again_nothing(
    node: Node, home: Path, postgres: Cluster
) -> None:
    wish = {"seeds": SEEDS[:2], "wish": {"versions": 8}}
    told = node.ask({**wish, "folder": str(home), "form": "dump"})
    node.ask({**wish, "folder": str(home / "lines"), "form": "lines"})
    postgres.execute("CREATE DATABASE oracle")
    restore(postgres.address("oracle"), home / "old.sql")
    dump = home / "old.sql"
    sources = [dump, f"postgresql://keelway@/oracle?host={postgres.folder}", home / "lines"]
    by_id: list[dict[str, Any]] = []
    for number, source in enumerate(sources):
        _, report = await import_from(source, home / f"data{number}")
        by_id.append({one["id"]: one for one in report["projects"]})
    assert by_id[0] == by_id[1] == by_id[2]
    verdict = Verdict()
    for one in told:
        judge(home / "data1", one, by_id[1][one["id"]], verdict)
    assert verdict.wrong == []
    _, report = await import_from(dump, home / "data0")
    assert {one["status"] for one in report["projects"]} == {"unchanged"}
    for one in report["projects"]:
        again = [each["commit"] for each in one["fragments"]]
        assert again == [each["commit"] for each in by_id[0][one["id"]]["fragments"]]
    assert keelway(home / "data0", str(dump), "--verify") == 0


HEAD = "const a = 1;\n" * 900
ONE, TWO, THREE = (f"{HEAD}// {name}\n" for name in ("one", "two", "three"))
LEFT = "\n" + HEAD[:9_800] + "\n\n/* Code truncated */\n"
"""What is left of all three."""
PLACE = "src/a.js"


def wrote(text: str, success: bool = True) -> dict[str, Any]:
    given = {"path": PLACE, "content": text}
    return {"type": "tool-createOrEditFiles", "state": "output-available", "input": given,
            "output": {"success": success}}  # fmt: skip


def said(minute: int, *parts: dict[str, Any], made: str | None = None) -> dict[str, Any]:
    end = {
        "type": "tool-finalizeWorkingFragment",
        "state": "output-available",
        "output": {"fragmentId": made},
    }
    at = f"2025-09-01 00:{minute:02}:30"
    content = json.dumps([*parts, *([end] if made else [])])
    return {"id": f"m{minute}", "projectId": "p1", "role": "ASSISTANT", "createdAt": at, "updatedAt": at,
            "content": content}  # fmt: skip


def at(number: int, text: str, **more: str) -> dict[str, Any]:
    return version(number, {PLACE: text, **more})


@pytest.mark.parametrize(
    ("rows", "messages", "which", "expected"),
    [
        ([at(2, LEFT)], [said(1, wrote(TWO, success=False))], 0, LEFT),
        ([at(2, LEFT)], [said(1, wrote(ONE), wrote(TWO, success=False))], 0, ONE),
        ([at(2, LEFT)], [said(1, wrote(ONE), wrote(TWO), wrote(THREE))], 0, THREE),
        ([at(2, LEFT)], [said(1, wrote(THREE), wrote(TWO), wrote(ONE))], 0, ONE),
        ([at(1, LEFT), at(2, TWO)], [said(2, wrote(TWO), made="p1-f2")], 0, LEFT),
        ([at(1, LEFT), at(2, LEFT), at(3, "short"), at(4, TWO)], [], 1, LEFT),
        ([at(1, TWO), at(2, LEFT)], [said(1, wrote(ONE), wrote(TWO))], 1, TWO),
        ([at(1, ONE), at(2, TWO), at(3, LEFT)], [said(2, wrote(TWO), made="p1-f2")], 2, TWO),
        ([at(1, ONE), at(2, TWO), at(3, LEFT), at(4, ONE)], [], 2, TWO),
    ],
    ids=["a write that failed", "one that failed after one that did not", "the last write",
         "the last write, whichever it is", "a later version that was written anew",
         "a later version after another text", "the row before, not the first try",
         "the nearest of two versions", "the version before, not the one after"],
)  # fmt: skip
async def test_of_texts_that_are_cut_to_the_same_the_one_that_was_cut_is_taken_or_none(
    home: Path, rows: list[Any], messages: list[Any], which: int, expected: str
) -> None:
    tables: Tables = {"Project": [project()], "V2Fragment": rows, "V2Message": messages}
    _, report = await import_from(write_dump(home / "old.sql", tables), home / "data")
    found = report["projects"][0]["fragments"][which]
    assert git(home / "data", "show", f"{found['commit']}:{PLACE}") == expected
    assert [one["outcome"] for one in found["files"]] == [
        "damaged" if expected == LEFT else "repaired"
    ]
