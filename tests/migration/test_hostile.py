"""Dumps that are made to hurt: a clear report, bounded memory, and never a traceback."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.support.legacy import git, import_from, project, version, write_dump

from keelway.legacy.source import Problems, indexed
from keelway.legacy.untyped import parsed

MEASURED = """
import re
from pathlib import Path
from keelway.cli import main
try:
    main()
finally:  # what getrusage says of a child includes the process that it was forked from
    Path("peak").write_text(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
"""
AT = "2025-08-24 09:12:02.9"
TIMES = (
    "99999-01-01 00:00:00", "-infinity", "infinity", "0044-03-15 00:00:00 BC", "-5", "1e400", None,
    "2025-02-30 00:00:00", "2025-08-24 24:00:00", "2025-08-24 09:12:60", "", "9" * 5000,
    "2025-08-24T09:12:02.999999999Z", "2025-08-24 09:12:02+14:59", "1969-12-31 23:59:59",
    "2099-12-31 23:59:59",
)  # fmt: skip


def lines(folder: Path, **tables: list[Any]) -> Path:
    """JSON Lines; a row that is text is written as it is."""
    folder.mkdir()
    for table, rows in tables.items():
        text = [row if isinstance(row, str) else json.dumps(row) for row in rows]
        (folder / f"{table}.jsonl").write_text("\n".join(text) + "\n")
    return folder


async def test_times_that_no_calendar_has(home: Path) -> None:
    source = lines(
        home / "rows",
        Project=[project("p1", updatedAt=TIMES[0]), project("p2", createdAt="infinity")],
        V2Fragment=[
            version(n, {"a": str(n)}, createdAt=at, updatedAt=TIMES[-1 - n])
            for n, at in enumerate(TIMES)
        ] + [version(90, {"b": "1"}, createdAt=10**4000, updatedAt=1.5)],
        V2Message=[{"id": f"m{n}", "projectId": "p1", "createdAt": at, "content": "a"}
                   for n, at in enumerate(TIMES)],
    )  # fmt: skip
    status, report = await import_from(source, home)
    assert status == 3  # p2 has no versions
    assert len(report["projects"][0]["fragments"]) == len(TIMES) + 1
    git(home, "fsck", "--strict")
    status, again = await import_from(source, home)
    assert {one["status"] for one in again["projects"]} == {"unchanged"}


async def test_json_that_is_made_to_fill_the_memory_or_the_stack(home: Path) -> None:
    digits, deep = "9" * 100_000, "[" * 100_000
    many = ",".join(f'"{n}":[]' for n in range(400_000))
    source = lines(
        home / "rows",
        Project=[project("p1")],
        V2Fragment=[
            f'{{"id":"f1","projectId":"p1","createdAt":"{AT}","files":{{"a":{digits}}}}}',
            f'{{"id":"f2","projectId":"p1","createdAt":"{AT}","files":{deep}}}',
            '{"id":"f3","projectId":"p1","createdAt":1e999,"files":{"a":NaN,"b":"1"}}',
            {**version(4, {}), "files": f"{{{many}}}"},
            version(5, {"d": "\ud83d \0 \x1b[31m"}),
        ],
        V2Message=[
            {"id": "m1", "projectId": "p1", "createdAt": AT, "content": deep},
            {"id": "m2", "projectId": "p1", "createdAt": AT, "content": f'[{{"type":{digits}}}]'},
        ],
    )  # fmt: skip
    status, report = await import_from(source, home)
    assert status == 3
    (one,) = report["projects"]
    assert [each["id"] for each in one["fragments"]] == ["p1-f4", "p1-f5", "f3"]
    assert one["fragments"][0]["note"] == "Its files are not valid JSON."
    assert len(report["problems"]) == 2
    assert one["messages"] == 2


def test_many_values_are_counted_before_they_are_parsed() -> None:
    many = "[" + ",".join(["[]"] * 1_000_000) + "]"
    with pytest.raises(ValueError, match="millions"):
        parsed(many)
    text = json.dumps({f"src/{n}.ts": '{"a":[1,2,3]},' * 20 for n in range(100_000)})
    assert len(text) > 20_000_000
    assert len(parsed(text)) == 100_000
    for broken in ('"' + '\\"' * 1_000_000, '{"a": "' + "x" * 2_000_000):
        with pytest.raises(ValueError):  # json's own
            parsed(broken)


async def test_ids_and_titles_of_megabytes(home: Path) -> None:
    long = "y" * 3_000_000
    source = write_dump(home / "old.sql", {
        "Project": [project("p1", activeFragmentId=long), project(long)],
        "V2Fragment": [version(1, {"a": "1"}, id=long), version(2, {"b": "1"}, title=long),
                       version(3, {"c": "1"}, id=long + "z")],
        "GitFragment": [{"id": long, "createdAt": AT, "title": "Step 1", "commitHash": long,
                         "authorName": long, "authorEmail": long + "@", "projectId": "p1"}],
        "V2Message": [{"id": long, "projectId": "p1", "createdAt": AT, "content": "1"}],
    })  # fmt: skip
    status, report = await import_from(source, home)
    assert status == 3
    assert len(report["projects"][0]["fragments"]) == 3
    git(home, "fsck", "--strict")
    assert indexed(long) != indexed(long + "z")
    assert indexed("short") == "short"


def test_what_ends_copys_data_or_calls_a_program_is_only_text(home: Path) -> None:
    dump = (
        f'COPY public."Project" (id, name, "createdAt") FROM stdin;\np1\ta\\\\.b\t{AT}\n'
        f"\\\\.\tx\\n\\\\.\\ny\t{AT}\n\\.\n"
        'COPY public."V2Fragment" (id, "projectId", "createdAt", title, files) FROM stdin;\n'
        f'f1\tp1\t{AT}\tT\t{{"a": "\\\\n\\\\\\\\.\\\\n\\\\u0000"}}\n\\.\n'
        f"\\! touch {home}/owned\nDROP TABLE x;\n\\copy x from program 'touch {home}/owned'\n"
    )
    (home / "old.sql").write_text(dump)
    words = ["import-legacy", "old.sql", "--home", "h", "--base", "none"]
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, *words],
        cwd=home, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 3, done.stderr
    assert not (home / "owned").exists()
    report = json.loads((home / "report.json").read_text())
    assert [one["id"] for one in report["projects"]] == ["\\.", "p1"]
    assert report["projects"][1]["name"] == "a\\.b"
    assert int((home / "peak").read_text()) / 1024 < 400  # MB


async def test_a_million_bad_rows_are_a_line_with_their_number(home: Path) -> None:
    lost = [{"userId": f"u{n}", "teamId": "t"} for n in range(3_000)]
    users = [{"id": "x" * 65, "password": "p"} for _ in range(5)]
    twice = [{**project("p1"), "name": str(n)} for n in range(1_500)]
    odd = [{"id": "", "createdAt": AT} for _ in range(1_200)]
    source = lines(home / "rows", Project=[*twice, *odd], team_members=lost, users=users)
    status, report = await import_from(source, home)
    assert status == 3
    assert set(report["problems"]) == {
        "team_members: a row names a user or a team that is not there. (3,000 times)",
        "users: a row has no id that can be kept. (5 times)",
        "Project: two rows have the id p1; the first was taken. (1,499 times)",
        "Project: a row has no id that can be kept; it was left out. (1,200 times)",
    }
    many = Problems()
    for n in range(5_000):
        many.append(f"row {n}")
    assert len(many.told()) == 1_001
    assert many.told()[-1] == "4,000 more problems."
