"""Versions are written whole, in order, once, and read back byte for byte."""

import asyncio
import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import delete, select, update
from tests.support.store import EDIT, START, files, new_project, store_of

from keelway.db import models
from keelway.db.session import Database
from keelway.fragments.build import Delete, Write
from keelway.fragments.cache import MARK
from keelway.fragments.errors import (
    Fenced,
    FileTooLarge,
    FragmentNotFound,
    PathClash,
    UnsafePath,
)
from keelway.fragments.store import Describe, FragmentStore, Signature
from keelway.ids import TreeSha, TurnId

FIRST = [Write("a.txt", b"one\n"), Write("src/b.ts", b"x\n" * 10), Write("run", b"#!\n", 0o100755)]


@pytest.fixture
async def store(any_database: Database, home: Path) -> AsyncIterator[FragmentStore]:
    made = store_of(any_database, home)
    yield made
    made.close()


@pytest.fixture
async def project(any_database: Database, store: FragmentStore) -> int:
    key = await new_project(any_database)
    await store.initialise(key, FIRST, START)
    return key


async def test_a_version_holds_exactly_what_was_written(store: FragmentStore, project: int) -> None:
    made = await store.append(
        project, "main", [Write("a.txt", b"two\r\n"), Delete("run")], EDIT, fence=0
    )
    assert made is not None
    expected = {"a.txt": (0o100644, b"two\r\n"), "src/b.ts": (0o100644, b"x\n" * 10)}
    assert await files(store, project, made.tree) == expected
    assert (made.files_changed, made.lines_added, made.lines_removed) == (2, 1, 2)


async def test_changing_nothing_makes_no_fragment(store: FragmentStore, project: int) -> None:
    head = await store.head(project, "main")
    for change in (Write("a.txt", b"one\n"), Delete("nothing/there")):
        assert await store.append(project, "main", [change], EDIT, fence=0) is None
    assert await store.head(project, "main") == head


async def test_a_tool_call_run_again_gets_the_fragment_it_made(
    store: FragmentStore, project: int
) -> None:
    call = Describe("agent", "Edit", turn_id=TurnId("t"), tool_call_id="c")
    first = await store.append(project, "main", [Write("a.txt", b"2")], call, fence=0)
    assert first is not None
    await store.append(project, "main", [Write("a.txt", b"3")], EDIT, fence=0)
    assert await store.append(project, "main", [Write("a.txt", b"2")], call, fence=0) == first
    assert await store.by_tool_call(TurnId("t"), "c") == first
    assert (
        await store.read(
            project,
            [(await store.tree(project, (await store.head(project, "main")).tree))["a.txt"].oid],
        )
    ).popitem()[1] == b"3"


async def test_a_writer_that_lost_its_lease_changes_nothing(
    store: FragmentStore, project: int
) -> None:
    head = await store.head(project, "main")
    with pytest.raises(Fenced):
        await store.append(project, "main", [Write("a.txt", b"2")], EDIT, fence=1)
    assert await store.head(project, "main") == head


async def test_forty_racing_writers_make_one_line(
    any_database: Database, home: Path, store: FragmentStore, project: int
) -> None:
    other = store_of(any_database, home)

    async def write(which: FragmentStore, number: int) -> None:
        assert await which.append(project, "main", [Write(f"f{number}", b"x")], EDIT, fence=0)

    async with asyncio.TaskGroup() as group:
        for number in range(10):
            group.create_task(write(store, number))
            group.create_task(write(other, number + 10))
    head = await store.head(project, "main")
    assert head.seq == 21
    assert len(await store.tree(project, head.tree)) == 23
    other.close()


async def test_versions_are_numbered_restored_and_paged(store: FragmentStore, project: int) -> None:
    first = await store.get(project, "v1")
    step = await store.append(project, "main", [Write("a.txt", b"2\n")], EDIT, fence=0)
    assert step is not None
    assert step.number is None
    closing = Describe("agent", "Say two", version=True)
    second = await store.append_tree(
        project, "main", step.tree, closing, fence=0, against=first.tree
    )
    assert (second.number, second.files_changed, second.parent) == (2, 1, step.sha)
    back = Describe("restore", "Back", restored_from=first.id, version=True)
    third = await store.append_tree(project, "main", first.tree, back, fence=0)
    assert (third.number, third.tree) == (3, first.tree)
    assert [each.number for each in await store.page(project)] == [3, 2, 1]
    assert [each.number for each in await store.page(project, before=3, limit=1)] == [2]
    assert await store.previous_version(third) == second
    assert await store.get(project, third.sha) == third == await store.get(project, third.id)
    with pytest.raises(FragmentNotFound):
        await store.get(project, "v9")
    with pytest.raises(FragmentNotFound):
        await store.append_tree(project, "main", TreeSha("0" * 40), back, fence=0)


async def test_what_a_version_may_not_hold_is_refused_by_name(
    store: FragmentStore, project: int
) -> None:
    refused = [
        (Write(".git/config", b""), UnsafePath),
        (Write(".env", b"KEY=1"), UnsafePath),
        (Write("big.bin", b"x" * (5 * 1024 * 1024 + 1)), FileTooLarge),
        (Write("a.txt/b", b""), PathClash),
        (Write("src", b""), PathClash),
        (Write("l", b"../out", 0o120000), UnsafePath),
    ]
    for change, error in refused:
        with pytest.raises(error, match=change.path.split("/")[0].replace(".", r"\.")):
            await store.append(project, "main", [change], EDIT, fence=0)


async def test_a_large_file_is_built_aside_stored_in_parts_and_read_back(
    store: FragmentStore, project: int
) -> None:
    data = bytes(range(256)) * 14_000
    made = await store.append(project, "main", [Write("video.bin", data)], EDIT, fence=0)
    assert made is not None
    await store.drop_cache(project)
    assert (await files(store, project, made.tree))["video.bin"][1] == data


async def test_removing_or_damaging_the_repositories_costs_a_delay_only(
    store: FragmentStore, project: int, home: Path
) -> None:
    head = await store.head(project, "main")
    before = await files(store, project, head.tree)
    shutil.rmtree(home / "repositories")
    assert await files(store, project, head.tree) == before
    (cache,) = (home / "repositories").glob("*.git")
    for damaged in ("objects", "config", "HEAD"):
        target = cache / damaged
        shutil.rmtree(target) if target.is_dir() else target.write_bytes(b"")
        store.close()
        assert await files(store, project, head.tree) == before
    for pack in (cache / "objects" / "pack").iterdir():  # what a power cut may leave
        pack.chmod(0o600)
        pack.write_bytes(b"")
    store.close()
    assert await files(store, project, head.tree) == before


async def test_a_cache_of_another_boot_or_ahead_of_the_database_is_made_anew(
    store: FragmentStore, project: int, home: Path
) -> None:
    head = await store.head(project, "main")
    before = await files(store, project, head.tree)
    (cache,) = (home / "repositories").glob("*.git")
    inode = cache.stat().st_ino
    (cache / MARK).write_text("1 00000000-0000-0000-0000-000000000000")
    assert await files(store, project, head.tree) == before
    assert cache.stat().st_ino != inode or (cache / MARK).read_text().split()[1] != "0" * 8


async def test_git_itself_finds_every_version_in_order_and_clones_them(
    store: FragmentStore, project: int, home: Path
) -> None:
    author = Signature("Ada <x> \n Lovelace", "ada@example.org")
    odd = Describe("hand", "  A title\nof two lines ", message="Why\0", author=author)
    made = await store.append(project, "main", [Write("é/ü.txt", b"x")], odd, fence=0)
    assert made is not None
    repository = await store.repository(project)
    for command in (["fsck", "--full", "--strict"], ["clone", "-q", ".", str(home / "clone")]):
        done = subprocess.run(["git", *command], cwd=repository, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr
    log = subprocess.run(
        ["git", "log", "-1", "--format=%H%n%s%n%an%n%(trailers:key=Fragment,valueonly)"],
        cwd=home / "clone",
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    assert log[:2] == [made.sha, "A title of two lines"]
    assert log[3] == made.id
    assert (home / "clone" / "é" / "ü.txt").read_bytes() == b"x"


async def test_folding_keeps_every_version_in_a_fraction_of_the_space(
    any_database: Database, store: FragmentStore, project: int, home: Path
) -> None:
    for number in range(160):
        text = b"line\n" * 200 + str(number).encode()
        await store.append(project, "main", [Write("src/b.ts", text)], EDIT, fence=0)
    assert await store.fold_due() == [project]
    assert await store.fold(project)
    assert not await store.fold(project)
    assert await store.fold_due() == []
    shutil.rmtree(home / "repositories")
    for fragment_sha in [
        (await store.head(project, "main")).sha,
        (await store.get(project, "v1")).sha,
    ]:
        fragment = await store.get(project, fragment_sha)
        assert "a.txt" in await files(store, project, fragment.tree)


async def test_deleting_a_projects_versions_leaves_nothing(
    store: FragmentStore, project: int, home: Path
) -> None:
    await store.delete(project)
    with pytest.raises(FragmentNotFound):
        await store.head(project, "main")
    assert list((home / "repositories").iterdir()) == []


async def test_the_cache_of_a_deleted_project_is_never_taken_for_anothers_of_the_same_id(
    any_database: Database, store: FragmentStore, project: int, home: Path
) -> None:
    database = any_database
    with pytest.raises(FragmentNotFound):
        await store.tree(project + 1, TreeSha("0" * 40))
    async with database.transaction() as tx:
        name = await tx.scalar(select(models.Project.id).where(models.Project.key == project))
        await tx.execute(delete(models.Project).where(models.Project.key == project))
    again = await new_project(database)
    async with database.transaction() as tx:
        await tx.execute(update(models.Project).where(models.Project.key == again).values(id=name))
    made = await store.initialise(again, [Write("other.txt", b"2")], START)
    repository = await store.repository(again)
    assert repository == home / "repositories" / f"{name}.git"
    assert (repository / MARK).read_text().split()[2] == str(again)
    assert set(await files(store, again, made.tree)) == {"other.txt"}
    subprocess.run(["git", "fsck", "--full", "--strict"], cwd=repository, check=True)
    listed = ["git", "rev-list", "--all"]
    said = subprocess.run(listed, cwd=repository, check=True, capture_output=True, text=True)
    assert said.stdout.split() == [made.sha]


async def test_caches_that_were_named_by_number_are_removed_and_those_of_ids_stay(
    any_database: Database, store: FragmentStore, project: int, home: Path
) -> None:
    folder = home / "repositories"
    shutil.copytree(await store.repository(project), folder / "7.git")
    (folder / "7.git" / MARK).write_text("3 00000000-0000-0000-0000-000000000000")
    (folder / "7.git.lock").touch()
    shutil.copytree(folder / "7.git", folder / "8.git")
    (folder / "8.git" / MARK).write_text("3 00000000-0000-0000-0000-000000000000 5")
    store.close()
    fresh = store_of(any_database, home)
    await fresh.repository(project)
    fresh.close()
    assert not list(folder.glob("7.git*"))
    assert (folder / "8.git").is_dir()
