"""The sample dump, the whole way: the command, the report, the database, plain git, the API's names."""

import json
from collections import Counter
from pathlib import Path

import pytest
from sqlalchemy import select
from tests.support.legacy import SAMPLE, git, import_from

from keelway.chat.rows import messages
from keelway.cli.importing import Bar
from keelway.db import models
from keelway.db.session import Database, database_url
from keelway.fragments.store import FragmentStore
from keelway.legacy.source import SourceUnreadable

PROJECT = "5b0f2b6e-3c1d-4a77-9a0e-2f6d1f0c9a11"
LAST = "0d3c1c52-7b1e-4f4e-8a51-6f1b1d0a0004"


async def test_every_version_becomes_a_commit_and_plain_git_reads_them(home: Path) -> None:
    status, report = await import_from(SAMPLE, home, base="react-vite")
    assert status == 3  # a picture was never stored, a file was cut
    (project,) = report["projects"]
    assert project["id"] == PROJECT
    assert project["base"] == "react-vite (assumed)"
    assert project["active_fragment"] == LAST
    assert [each["id"][-1] for each in project["fragments"]] == ["1", "2", "3", "4"]
    log = git(home, "log", "--reverse", "--format=%H %aI %cI %s", "main").splitlines()
    assert len(log) == 5
    assert log[0].endswith("Starter app (assumed)")
    assert [line[:40] for line in log[1:]] == [each["commit"] for each in project["fragments"]]
    assert log[1][41:] == (
        "2025-08-24T09:12:03+00:00 2025-08-24T09:14:40+00:00 "
        "Built the habit list with a first garden view"
    )
    assert "Legacy-Fragment: " + LAST in git(home, "log", "-1", "--format=%B", "main")
    assert "Legacy-Title: Work in progress - 9/13/2025" in git(home, "log", "-1", "--format=%B")
    git(home, "fsck", "--full", "--strict")
    page = (home / "report.html").read_text()
    assert "habit-garden" in page
    assert "garden.png" in page


async def test_old_names_messages_people_and_errors_are_there(home: Path) -> None:
    await import_from(SAMPLE, home, base="react-vite")
    async with Database(database_url(home, None)) as database:
        store = FragmentStore(database, home / "repositories")
        head = await store.head(1, "main")
        assert (head.id, head.number, head.kind) == (LAST, 5, "import")
        twin = await store.get(1, "7c1f0a9e-1111-4c3a-9f5f-000000000001")
        same = await store.get(1, "3f9c1d7a0b6e4c2d8f15a7b9c0d1e2f3a4b5c6d7")
        assert twin.id == same.id == "0d3c1c52-7b1e-4f4e-8a51-6f1b1d0a0002"
        assert twin.author_name == "Builder AI"
        assert twin.author_email == "ai@example.org"
        shown = await messages(database, 1)
        assert [one["role"] for one in shown] == ["user", "assistant", "user", "assistant"]
        assert shown[1]["parts"][1]["type"] == "tool-write_file"
        assert shown[1]["parts"][1]["input"]["path"] == "src/App.tsx"
        card = shown[3]["parts"][-1]
        assert (card["type"], card["id"], card["data"]["number"]) == ("data-version", twin.id, 3)
        async with database.reading() as session:
            user = await session.get_one(models.User, "cmb1u0q7x0000jz08habit001")
            assert (user.email, user.role) == ("ada@example.org", "member")
            project = await session.get_one(models.Project, 1)
            assert project.user_id == user.id
            kept = Counter(await session.scalars(select(models.LegacyRow.table_name)))
            assert kept == {"Project": 1, "GitFragment": 1, "project_errors": 1}
            error = select(models.LegacyRow).where(models.LegacyRow.table_name == "project_errors")
            row = (await session.scalars(error)).one()
            assert row.fragment_id == twin.id
            assert json.loads(row.body)["errorType"] == "IMPORT"
        store.close()


async def test_a_second_run_changes_nothing_and_verify_says_that_all_is_here(home: Path) -> None:
    await import_from(SAMPLE, home)
    before = git(home, "rev-parse", "main")
    size = (home / "keelway.db").stat().st_size
    _, report = await import_from(SAMPLE, home)
    assert report["projects"][0]["status"] == "unchanged"
    assert git(home, "rev-parse", "main") == before
    assert (home / "keelway.db").stat().st_size == size
    status, _ = await import_from(SAMPLE, home, verify=True)
    assert status == 0


async def test_a_dry_run_says_the_same_and_writes_nothing(home: Path) -> None:
    _, dry = await import_from(SAMPLE, home, dry_run=True)
    assert sorted(path.name for path in home.iterdir()) == ["report.html", "report.json"]
    _, real = await import_from(SAMPLE, home)
    assert dry["projects"][0]["fragments"] == real["projects"][0]["fragments"]


async def test_a_source_that_is_none_is_said_so(home: Path) -> None:
    with pytest.raises(SourceUnreadable, match="neither a PostgreSQL URL"):
        await import_from(home / "nothing", home)
    custom = home / "custom.dump"
    custom.write_bytes(b"PGDMP\x01\x0e")
    with pytest.raises(SourceUnreadable, match="pg_restore"):
        await import_from(custom, home)


def test_the_bar_counts_and_says_how_long_it_takes() -> None:
    from keelway.cli.importing import line

    assert line(500, 1000, 12) == "##########..........  500 of 1,000 versions, 12 s left"
    assert line(0, 0, 0).startswith("####################")
    assert Bar.__doc__
