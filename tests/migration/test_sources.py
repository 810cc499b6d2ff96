"""Live PostgreSQL, its dump, and JSON Lines give the same import; broken ones give a clear report."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.migration.test_truth import make
from tests.support.legacy import (
    SAMPLE,
    Tables,
    fill,
    import_from,
    project,
    version,
    write_dump,
    write_json_lines,
)
from tests.support.postgres import Cluster, as_nobody

from keelway.errors import KeelwayError

HASH = "$2b$10$" + "a" * 53


def tables() -> Tables:
    made = make(Random(4), 6)
    at = "2025-08-24 09:12:02.9"
    part = {
        "type": "tool-invocation", "toolInvocationId": "t1", "toolName": "createOrEditFiles",
        "state": "result", "args": {"path": "a.ts", "content": "x"}, "result": {"success": True},
    }  # fmt: skip
    first = {"a.txt": "first\tversion\n", "späße/ü.txt": "ö\\n"}
    return {
        "users": [
            {"id": "u1", "name": "Ada", "email": "Ada@example.org", "role": "ADMIN", "createdAt": at,
             "updatedAt": at, "password": HASH},
            {"id": "u2", "name": None, "email": None, "role": "USER", "createdAt": at,
             "updatedAt": at, "password": "not a hash"},
        ],
        "teams": [{"id": "t1", "name": "Garden", "slug": "garden", "isPersonal": False}],
        "team_members": [{"userId": "u1", "teamId": "t1", "role": "OWNER"},
                         {"userId": "gone", "teamId": "t1", "role": "VIEWER"}],
        "Project": [project("p1", userId="u1", teamId="t1", activeFragmentId="p1-f2"),
                    project("p2", userId="nobody"), project("p3")],
        "V2Fragment": [*made.tables(set(range(6)))["V2Fragment"], version(9, {"x": "y"}, "gone"),
                       version(1, {"x": "y"}, "p2", createdAt="2025-09-01 10:00:00")],
        "GitFragment": [{"id": "g1", "createdAt": at, "title": "Step 1", "commitHash": "ab" * 20,
                         "authorEmail": "Grace", "authorName": "grace@example.org",
                         "projectId": "p1"}],
        "V2Message": [
            {"id": "m1", "projectId": "p1", "role": "user", "createdAt": at, "updatedAt": at,
             "content": json.dumps([{"type": "text", "text": "Hi\tthere"}])},
            {"id": "m2", "projectId": "p1", "role": "ASSISTANT", "createdAt": at, "updatedAt": at,
             "content": json.dumps([part, {"type": "odd", "a": 1}])},
        ],
        "Message": [{"id": "o1", "content": "Old words", "role": "ASSISTANT", "type": "RESULT",
                     "projectId": "p3", "createdAt": at}],
        "Fragment": [{"id": "of1", "messageId": "o1", "title": "First version", "files": first,
                      "createdAt": "2025-08-24 09:13:00"}],
        "project_errors": [{"id": "e1", "projectId": "p1", "errorType": "IMPORT",
                            "fragmentId": "p1-f1"}],
    }  # fmt: skip


def told(report: dict[str, Any]) -> Any:
    return {key: report[key] for key in ("projects", "problems", "totals")}


async def test_all_three_sources_give_the_same(postgres: Cluster, home: Path) -> None:
    postgres.execute("CREATE DATABASE old_system")
    address = postgres.address("old_system")
    fill(address, tables())
    live = f"postgresql://keelway@/old_system?host={postgres.folder}"
    dump = home / "old.sql"
    dumped = subprocess.run(
        [*as_nobody(), str(postgres.binaries / "pg_dump"), "-d", address],
        check=True, capture_output=True,
    ).stdout  # fmt: skip
    dump.write_bytes(dumped)
    lines = write_json_lines(home / "lines", tables())
    reports: list[dict[str, Any]] = []
    for at, source in enumerate((live, dump, lines, write_dump(home / "own.sql", tables()))):
        status, report = await import_from(source, home / f"home{at}")
        assert status == 3
        reports.append(report)
    assert told(reports[0]) == told(reports[1]) == told(reports[2]) == told(reports[3])
    assert [each["id"] for each in reports[0]["projects"]] == ["p1", "p2", "p3"]
    assert "V2Fragment: 1 rows belong to no project and were left out." in reports[0]["problems"]
    status, _ = await import_from(dump, home / "home0", verify=True)
    assert status == 3  # a row belongs to nobody: a human decides


async def test_a_dump_is_only_ever_read(home: Path) -> None:
    dump = write_dump(home / "old.sql", tables())
    before = dump.read_bytes(), dump.stat().st_mtime_ns
    await import_from(dump, home)
    assert (dump.read_bytes(), dump.stat().st_mtime_ns) == before


async def test_a_database_that_does_not_answer_is_said_without_its_password(home: Path) -> None:
    with pytest.raises(KeelwayError) as caught:
        await import_from("postgresql://x:secretword@127.0.0.1:9/old", home)
    assert "secretword" not in str(caught.value)


BROKEN: dict[str, Callable[[str], str]] = {
    "cut in a row": lambda text: text[: text.index('"src/App.tsx"') + 40],
    "cut before the rows": lambda text: text[: text.index("COPY public.users")],
    "a field too many": lambda text: text.replace("\tDETECTED\t", "\tDETECTED\tmore\t"),
    "files no JSON": lambda text: text.replace('\t{"src/App.tsx"', '\t{src/App.tsx"', 1),
    "files a list": lambda text: text.replace('\t{"src/App.tsx"', '\t[1]\t{"x', 1),
    "an unknown table": lambda text: "COPY public.odd (a) FROM stdin;\n1\n\\.\n" + text,
    "an unknown column": lambda text: text.replace('"projectId", role', 'odd, "projectId", role'),
    "no end of table": lambda text: text.replace("\\.\n", ""),
    "inserts": lambda text: text + 'INSERT INTO public."Project" VALUES (1);\n',
    "messages no JSON": lambda text: text.replace('[{"type": "text"', '{"type": '),
    "a date of nothing": lambda text: text.replace("2025-08-24 09:12:03.114", "yesterday"),
    "a date before all": lambda text: text.replace("2025-08-24 09:12:03.114", "0001-01-01 00:00:00"),
    "octal escapes": lambda text: text.replace("ferns", "\\101\\x42\\777"),
    "zero bytes": lambda text: text.replace("Habit Garden", "Habit\0Garden"),
}  # fmt: skip


@pytest.mark.parametrize("how", BROKEN)
async def test_a_broken_dump_gives_a_report_or_a_reason(home: Path, how: str) -> None:
    dump = home / "broken.sql"
    dump.write_text(BROKEN[how](SAMPLE.read_text()))
    try:
        status, report = await import_from(dump, home)
    except KeelwayError as error:
        assert str(error).endswith(".")  # noqa: PT017  # one of two good ends
        assert how == "cut before the rows"
    else:
        assert status in (1, 3)
        assert report["problems"] or report["projects"]


QUICK: dict[str, Any] = {
    "max_examples": 12,
    "deadline": None,
    "suppress_health_check": [HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
}


@settings(**QUICK)
@given(
    cuts=st.lists(
        st.tuples(
            st.integers(0, 8800),
            st.integers(0, 60),
            st.binary(max_size=30)
            | st.sampled_from([b"\t", b"\n", b"\\", b'"', b"\\.\n", b"\xff"]),
        ),
        min_size=1,
        max_size=4,
    )
)
async def test_a_dump_with_bytes_changed_anywhere_never_gives_a_traceback(
    home: Path, cuts: list[tuple[int, int, bytes]]
) -> None:
    data = SAMPLE.read_bytes()
    for at, gone, new in cuts:
        data = data[:at] + new + data[at + gone :]
    dump = home / "fuzzed.sql"
    dump.write_bytes(data)
    try:
        status, report = await import_from(dump, home / "home", dry_run=True)
    except KeelwayError as error:
        assert str(error)  # noqa: PT017  # one of two good ends
    else:
        assert status in (0, 1, 3)
        assert "totals" in report


async def test_ids_twice_and_huge_rows_are_named(home: Path) -> None:
    twice = [version(1, {"a": "1"}), version(1, {"a": "2"}), version(2, {"a": "3" * 6_000_000})]
    rows: Tables = {"Project": [project(), project()], "V2Fragment": twice}
    status, report = await import_from(write_json_lines(home / "rows", rows), home)
    assert status == 3
    assert "Project: two rows have the id p1; the first was taken." in report["problems"]
    assert report["projects"][0]["notes"] == ["Two versions have the id p1-f1; both are kept."]
    assert len(report["projects"][0]["fragments"]) == 3


async def test_it_is_brought_into_postgresql_just_the_same(postgres: Cluster, home: Path) -> None:
    source = write_dump(home / "old.sql", tables())
    url = postgres.new_database().render_as_string(hide_password=False)
    _, into = await import_from(source, home / "one", database_url=url)
    _, plain = await import_from(source, home / "two")
    assert told(into) == told(plain)
    status, again = await import_from(source, home / "one", database_url=url)
    assert {each["status"] for each in again["projects"]} == {"unchanged"}
    assert status == 3
