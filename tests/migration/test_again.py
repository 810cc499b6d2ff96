"""Imports that are killed, repeated, or meet work that was done since."""

import asyncio
import multiprocessing
import os
import signal
from pathlib import Path

import pytest
from sqlalchemy import func, select
from tests.support.legacy import Tables, git, import_from, project, version, write_dump

from keelway import faults
from keelway.db import models
from keelway.db.session import Database, database_url
from keelway.fragments import importing
from keelway.fragments.build import Write
from keelway.fragments.store import Describe, FragmentStore
from keelway.ids import ProjectId
from keelway.projects.projects import Projects
from keelway.workspaces import template


def history(projects: int = 3, versions: int = 7) -> Tables:
    files = {f"src/f{n}.ts": f"export const a = {n};\n" * 20 for n in range(8)}
    return {
        "Project": [project(f"p{p}") for p in range(projects)],
        "V2Fragment": [
            version(k, {**files, f"src/f{k % 8}.ts": f"// {p} {k}\n"}, f"p{p}")
            for p in range(projects)
            for k in range(versions)
        ],
        "V2Message": [
            {"id": f"m{p}", "projectId": f"p{p}", "role": "USER", "content": '"Hello"',
             "createdAt": "2025-08-24 09:12:02.9", "updatedAt": "2025-08-24 09:12:02.9"}
            for p in range(projects)
        ],
    }  # fmt: skip


def run_and_die(dump: Path, home: Path, point: str, nth: int) -> None:
    left = [nth]

    def hook(passed: str) -> None:
        if passed == point:
            left[0] -= 1
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    faults.hook = hook
    importing.COMMITS = 3
    asyncio.run(import_from(dump, home))


@pytest.mark.parametrize(
    ("point", "nth"),
    [
        ("store.after_commit", 1), ("store.after_commit", 5), ("cache.before_mark", 2),
        ("store.before_commit", 1), ("store.before_commit", 3),
    ],
)  # fmt: skip
async def test_killed_anywhere_it_goes_on_to_the_same_end(home: Path, point: str, nth: int) -> None:
    dump = write_dump(home / "old.sql", history())
    killed = multiprocessing.get_context("spawn").Process(
        target=run_and_die, args=(dump, home / "killed", point, nth)
    )
    killed.start()
    await asyncio.to_thread(killed.join, 60)
    assert killed.exitcode == -signal.SIGKILL
    async with Database(database_url(home / "killed", None)) as database:
        for one in await Projects(database).list():  # what is shown is whole
            store = FragmentStore(database, home / "killed" / "repositories")
            head = await store.head(one.key, "main")
            assert len(await store.tree(one.key, head.tree)) == 8
            assert head.number == 7
            store.close()
    status, report = await import_from(dump, home / "killed")
    assert status == 0
    _, straight = await import_from(dump, home / "straight")
    assert [f["commit"] for p in report["projects"] for f in p["fragments"]] == [
        f["commit"] for p in straight["projects"] for f in p["fragments"]
    ]
    async with (
        Database(database_url(home / "killed", None)) as database,
        database.reading() as session,
    ):
        staged = select(func.count()).where(models.Project.id.like("import:%"))
        assert await session.scalar(staged) == 0
        assert await session.scalar(select(func.count(models.Message.id))) == 3


async def test_what_the_old_system_wrote_since_is_brought_in_the_second_time(home: Path) -> None:
    tables = history(1)
    await import_from(write_dump(home / "old.sql", tables), home)
    before = git(home, "rev-parse", "main").strip()
    draft = {**tables["V2Fragment"][-1], "title": "Done", "files": {"src/f0.ts": "// changed\n"}}
    more = [*tables["V2Fragment"][:-1], draft, version(9, {"new.ts": "1"}, "p0")]
    status, report = await import_from(
        write_dump(home / "old.sql", {**tables, "V2Fragment": more}), home
    )
    assert status == 0
    assert report["projects"][0]["status"] == "imported"
    log = git(home, "log", "--format=%s", "main").splitlines()
    assert log[:3] == ["Step 9", "Done", "Step 5"]
    assert git(home, "rev-parse", "main").strip() != before
    git(home, "fsck", "--full")
    async with Database(database_url(home, None)) as database:
        store = FragmentStore(database, home / "repositories")
        assert (await store.head(1, "main")).number == 8
        await store.drop_cache(1)
        assert (await store.get(1, "p0-f6")).title == "Done"
        store.close()


async def test_an_old_version_is_restored_like_any_other(home: Path) -> None:
    await import_from(write_dump(home / "old.sql", history(1)), home)
    async with Database(database_url(home, None)) as database:
        store = FragmentStore(database, home / "repositories")
        old = await store.get(1, "p0-f2")
        back = Describe("restore", "Restored v3", restored_from=old.id, version=True)
        made = await store.append_tree(1, "main", old.tree, back, fence=0)
        assert (made.tree, made.number) == (old.tree, 8)
        changes = await store.compare(1, (await store.get(1, "p0-f6")).tree, made.tree)
        assert {change.path for change in changes} == {f"src/f{n}.ts" for n in (2, 6)}
        store.close()


async def test_the_active_version_is_on_top_when_it_is_not_the_newest(home: Path) -> None:
    tables = {**history(1), "Project": [project("p0", activeFragmentId="p0-f2")]}
    _, report = await import_from(write_dump(home / "old.sql", tables), home / "known")
    assert report["projects"][0]["active_fragment"] == "p0-f2"
    log = git(home / "known", "log", "--format=%s", "main").splitlines()
    assert log[:2] == ["Went back to “Step 2”", "Step 6"]
    trees = git(home / "known", "rev-parse", "main^{tree}", "main~5^{tree}").split()
    assert trees[0] == trees[1]
    tables["Project"] = [project("p0", activeFragmentId="gone")]
    status, report = await import_from(write_dump(home / "old.sql", tables), home / "gone")
    assert status == 3
    assert "does not exist" in report["projects"][0]["notes"][0]
    assert report["projects"][0]["active_fragment"] == "p0-f6"


async def test_a_project_that_was_worked_on_here_is_left_alone(home: Path) -> None:
    tables = history(1)
    await import_from(write_dump(home / "old.sql", tables), home)
    async with Database(database_url(home, None)) as database:
        store = FragmentStore(database, home / "repositories")
        done = Describe("hand", "My own work", version=True)
        made = await store.append(1, "main", [Write("mine.ts", b"1")], done, fence=0)
        store.close()
    assert made is not None
    more = [*tables["V2Fragment"], version(9, {"new.ts": "1"}, "p0")]
    dump = write_dump(home / "old.sql", {**tables, "V2Fragment": more})
    status, report = await import_from(dump, home)
    assert status == 3
    assert report["projects"][0]["status"] == "attention"
    assert "worked on here since" in report["projects"][0]["notes"][0]
    async with Database(database_url(home, None)) as database:
        store = FragmentStore(database, home / "repositories")
        assert (await store.head(1, "main")).id == made.id
        store.close()


async def test_one_bad_project_never_stops_the_rest(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dump = write_dump(home / "old.sql", history(3))
    verify = importing.verify

    def spoiled(repository: object, trees: object, past: importing.Past, *rest: object) -> None:
        if past.id == "p1-f6":
            raise importing.ImportBroken("It reads back as something else.")
        verify(repository, trees, past, *rest)  # pyright: ignore[reportArgumentType]

    monkeypatch.setattr(importing, "verify", spoiled)
    status, report = await import_from(dump, home)
    assert status == 3
    assert [each["status"] for each in report["projects"]] == ["imported", "failed", "imported"]
    async with Database(database_url(home, None)) as database:
        assert {one.id for one in await Projects(database).list()} == {"p0", "p2"}
    monkeypatch.undo()
    status, report = await import_from(dump, home)
    assert [each["status"] for each in report["projects"]] == ["unchanged", "imported", "unchanged"]


async def test_a_hundred_projects_and_only_some_of_them(home: Path) -> None:
    dump = write_dump(home / "old.sql", history(100, 2))
    _, report = await import_from(dump, home / "some", projects=("p7", "p9"))
    assert [each["id"] for each in report["projects"]] == ["p7", "p9"]
    status, report = await import_from(dump, home / "all")
    assert status == 0
    assert report["totals"]["projects"] == report["totals"]["imported"] == 100


async def test_ids_that_another_project_has_get_a_name_of_their_own(home: Path) -> None:
    tables = history(2, 2)
    clash = [{**row, "id": row["id"].replace("p1", "p0")} for row in tables["V2Fragment"]]
    dump = write_dump(home / "old.sql", {**tables, "V2Fragment": clash})
    status, _ = await import_from(dump, home)
    assert status == 0
    async with Database(database_url(home, None)) as database:
        store = FragmentStore(database, home / "repositories")
        other = await Projects(database).get(ProjectId("p1"))
        one, two = await store.get(1, "p0-f1"), await store.get(other.key, "p0-f1")
        store.close()
    assert one.id == "p0-f1"
    assert (two.id, two.title) != (one.id, None)
    assert two.project == other.key
    _, report = await import_from(dump, home)
    assert {each["status"] for each in report["projects"]} == {"unchanged"}


async def test_an_update_with_another_starter_app_changes_no_commit(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dump = write_dump(home / "old.sql", history(1))
    _, first = await import_from(dump, home, base="react-vite")

    def updated(name: str) -> tuple[Write, ...]:
        return (Write(f"{name}.html", b"new"),)

    monkeypatch.setattr(template, "starter_files", updated)
    status, again = await import_from(dump, home, base="react-vite")
    assert (status, again["projects"][0]["status"]) == (0, "unchanged")
    assert (await import_from(dump, home, verify=True))[0] == 0

    grown = write_dump(home / "grown.sql", history(1, versions=9))
    _, more = await import_from(grown, home, base="react-vite")
    assert more["projects"][0]["status"] == "imported"
    commits = [each["commit"] for each in more["projects"][0]["fragments"]]
    assert commits[:7] == [each["commit"] for each in first["projects"][0]["fragments"]]

    _, other = await import_from(grown, home, base="none")
    assert other["projects"][0]["base"] == "none"
    assert git(home, "ls-tree", "--name-only", "HEAD").split() == ["src"]
