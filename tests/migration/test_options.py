"""Options, exit statuses, and where the report goes: found out before the work, never after it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from tests.migration.test_again import history
from tests.support.legacy import SAMPLE, Tables, import_from, project, version, write_dump

from keelway.cli.importing import BadBase
from keelway.db import models
from keelway.db.session import Database, database_url
from keelway.errors import KeelwayError
from keelway.legacy.people import OwnerUnknown
from keelway.legacy.report import ReportUnwritable, place_for
from keelway.legacy.source import SourceUnreadable

AT = "2025-08-24 09:12:02.9"


def person(name: str, email: str | None = None) -> dict[str, Any]:
    return {"id": name, "email": email, "role": "USER", "createdAt": AT, "updatedAt": AT}


def run(*arguments: str | Path, cwd: Path, **more: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "keelway", "import-legacy", *map(str, arguments)],
        cwd=cwd, capture_output=True, text=True, check=False, timeout=120, **more,
    )  # fmt: skip


async def owner_of(home: Path, name: str = "p0") -> str:
    async with Database(database_url(home, None)) as database, database.reading() as session:
        query = select(models.Project.user_id).where(models.Project.id == name)
        found = await session.scalar(query)
    assert found is not None
    return found


async def test_owner_by_old_id_or_address_also_in_a_dry_run(home: Path) -> None:
    users = [person("u1", "Ada@Example.org"), person("u2")]
    dump = write_dump(home / "old.sql", {**history(1, 1), "users": users})
    for at, (given, who) in enumerate(
        [("u1", "u1"), ("u2", "u2"), ("ada@example.ORG ", "u1"), (" Ada@Example.org", "u1")]
    ):
        status, _ = await import_from(dump, home / "dry", owner=given, dry_run=True)
        assert status == 0
        await import_from(dump, home / str(at), owner=given)
        assert await owner_of(home / str(at)) == who
    for given in ("", " ", "u3", "nobody@example.org", "' OR 1=1 --"):
        with pytest.raises(OwnerUnknown):
            await import_from(dump, home / "none", owner=given)
    await import_from(dump, home / "default")
    assert await owner_of(home / "default") not in ("u1", "u2")


async def test_projects_twice_unknown_or_empty(home: Path) -> None:
    dump = write_dump(home / "old.sql", history(2, 1))
    status, report = await import_from(dump, home, projects=("p1", "p1"))
    assert status == 0
    assert [each["id"] for each in report["projects"]] == ["p1"]
    status, report = await import_from(dump, home, projects=("p0", "P0"))
    assert status == 3
    assert report["problems"] == ["There is no project P0 in the source."]
    for wanted in ("", "nobody", "import:x"):
        status, report = await import_from(dump, home, projects=(wanted,))
        assert status == 1
        assert report["projects"] == []
        assert report["problems"] == [f"There is no project {wanted} in the source."]


def test_a_report_that_cannot_be_written_is_found_out_before_the_work(home: Path) -> None:
    (home / "folder.json").mkdir()
    (home / "file").write_text("")
    os.mkfifo(home / "pipe.json")
    (home / "page.html").mkdir()
    for bad in (
        "none/report.json", "folder.json", "file/report.json", "pipe.json", "page.json", "x" * 300,
        "report.html", "/dev/null", "/proc/report.json", "a\0b",
    ):  # fmt: skip
        with pytest.raises(ReportUnwritable):
            place_for(home / bad)
    assert sorted(os.listdir(home)) == ["file", "folder.json", "page.html", "pipe.json"]
    assert place_for(home / "good.json").page == home.resolve() / "good.html"
    (home / "other").mkdir()
    (home / "link.json").symlink_to(home / "other" / "real.json")
    assert place_for(home / "link.json").data == home.resolve() / "other" / "real.json"
    assert not (home / "other" / "real.json").exists()


async def test_a_report_of_before_stays_whole_until_the_new_one_is(home: Path) -> None:
    dump = write_dump(home / "old.sql", history(1, 1))
    (home / "report.json").write_text('{"old": true}')
    with pytest.raises(KeelwayError):
        await import_from(dump, home, owner="nobody")
    assert json.loads((home / "report.json").read_text()) == {"old": True}
    before = (home / "report.json").stat().st_ino
    await import_from(dump, home)
    assert (home / "report.json").stat().st_ino != before
    assert not list(home.glob(".report*"))


async def test_names_that_are_no_source_or_no_base(home: Path) -> None:
    for source in ("", "nowhere", "a\0b", "/dev/null"):
        with pytest.raises(SourceUnreadable):
            await import_from(source, home)
    (home / "empty").write_text("")
    with pytest.raises(SourceUnreadable):
        await import_from(home / "empty", home)
    for base in ("", "None", "../react-vite", "x"):
        with pytest.raises(BadBase):
            await import_from(SAMPLE, home, base=base)


def test_the_command_says_it_by_its_status_and_prints_the_report_alone(home: Path) -> None:
    write_dump(home / "old.sql", history(1, 1))
    write_dump(home / "nothing.sql", {"Project": [], "V2Fragment": []})
    done = run("old.sql", "--home", "h", "--report", "r.json", "--base", "none", "--json", cwd=home)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == json.loads((home / "r.json").read_text())
    assert (home / "r.html").read_text().startswith("<!doctype html>")
    assert run("nothing.sql", "--home", "h", cwd=home).returncode == 1
    assert run(SAMPLE, "--home", "h", cwd=home).returncode == 3
    bad = run("old.sql", "--home", "h", "--report", "none/r.json", cwd=home)
    assert bad.returncode == 1
    assert bad.stderr.endswith("none/r.json: No such file or directory.\n")
    assert "Traceback" not in bad.stderr


def test_who_reads_the_report_or_the_terminal_may_go_away(home: Path) -> None:
    tables: Tables = {
        "Project": [project("p0")],
        "V2Fragment": [version(n, {f"{k}.ts": "1" for k in range(40)}, "p0") for n in range(60)],
    }
    write_dump(home / "old.sql", tables)
    command = f"{sys.executable} -m keelway import-legacy old.sql --home h --base none"
    script = f"{{ {command} --json; echo $? > status; }} | head -c 1 > /dev/null"
    done = subprocess.run(
        ["sh", "-c", script], cwd=home, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.stderr.endswith("report.html\n")
    assert (home / "status").read_text() == "0\n"
    script = f"{{ {command} 2>&1; echo $? > status; }} | true"
    subprocess.run(["sh", "-c", script], cwd=home, check=False, timeout=120)
    assert (home / "status").read_text() == "0\n"


def test_names_of_the_old_database_do_not_steer_the_terminal(home: Path) -> None:
    evil = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202egnp\rFake line\nKeelway: all is well\x08\x7f"
    tables: Tables = {
        "Project": [{**project("\x1b[31mp"), "name": evil}, {**project("p1"), "name": evil * 2000}],
        "V2Fragment": [version(0, {"../a\x1b[0m": "1"}, "p1", title=evil)],
        "GitFragment": [{"id": "g", "projectId": evil, "createdAt": AT}],
    }
    write_dump(home / "old.sql", tables)
    done = run("old.sql", "--home", "h", "--json", cwd=home)
    assert done.returncode == 3
    for said in (done.stdout, done.stderr):
        assert not any(c != "\n" and not c.isprintable() for c in said)
    assert not [line for line in done.stderr.splitlines() if line.startswith(("Fake", "Keelway"))]
    assert max(map(len, done.stderr.splitlines())) < 1200
    page = (home / "report.html").read_text()
    assert "<script" not in page
    assert not any(c != "\n" and not c.isprintable() for c in page)
