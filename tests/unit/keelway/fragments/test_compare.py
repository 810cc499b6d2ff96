"""Differences say the same whether they are taken in the loop or by a git process."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.support.store import EDIT, START, new_project, store_of

from keelway.db.session import Database
from keelway.fragments import compare as comparing
from keelway.fragments.build import Change, Delete, Write
from keelway.fragments.compare import FileChange
from keelway.fragments.store import FragmentStore

LONG = b"".join(b"line %d\n" % number for number in range(40))
OLD = [
    Write("keep.txt", b"same\n"),
    Write("edit é.txt", b"one\ntwo\n"),
    Write("gone.txt", b"bye\n"),
    Write("moved.ts", LONG),
    Write("exact.ts", LONG + b"exact\n"),
    Write("pixel.png", b"\0\1"),
    Write("run.sh", b"#!\n"),
    Write("becomes-link", b"text\n"),
]
CHANGES: list[Change] = [
    Write("edit é.txt", b"one\nthree\n"),
    Delete("gone.txt"),
    Delete("moved.ts"),
    Write("src/moved.ts", LONG.replace(b"line 7\n", b"line seven\n")),
    Delete("exact.ts"),
    Write("src/exact.ts", LONG + b"exact\n"),
    Write("pixel.png", b"\0\1\2"),
    Write("run.sh", b"#!\n", 0o100755),
    Delete("becomes-link"),
    Write("becomes-link", b"keep.txt", 0o120000),
    Write("new.txt", b"diff --git a/x b/x\n"),
]


@pytest.fixture
async def store(database: Database, home: Path) -> AsyncIterator[FragmentStore]:
    made = store_of(database, home)
    yield made
    made.close()


async def both(database: Database, store: FragmentStore, changes: list[Change]) -> list[FileChange]:
    project = await new_project(database)
    old = await store.initialise(project, OLD, START)
    new = await store.append(project, "main", changes, EDIT, fence=0)
    assert new is not None
    await store.drop_cache(project)
    return await store.compare(project, old.tree, new.tree)


async def test_a_small_difference_names_every_kind_of_change(
    database: Database, store: FragmentStore
) -> None:
    found = {change.path: change for change in await both(database, store, CHANGES)}
    shown = {
        path: (change.status, change.old_path, change.added, change.removed, change.binary)
        for path, change in found.items()
    }
    assert shown == {
        "edit é.txt": ("modified", None, 1, 1, False),
        "gone.txt": ("deleted", None, 0, 1, False),
        "src/moved.ts": ("renamed", "moved.ts", 1, 1, False),
        "src/exact.ts": ("renamed", "exact.ts", 0, 0, False),
        "pixel.png": ("modified", None, 0, 0, True),
        "run.sh": ("modified", None, 0, 0, False),
        "becomes-link": ("modified", None, 1, 1, False),
        "new.txt": ("added", None, 1, 0, False),
    }
    assert all((change.patch or "").startswith("diff --git ") for change in found.values())
    assert (found["pixel.png"].old_size, found["pixel.png"].new_size) == (2, 3)
    assert (found["new.txt"].old_size, found["gone.txt"].new_size) == (None, None)


async def test_a_process_finds_what_the_loop_finds(
    database: Database, store: FragmentStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes = [change for change in CHANGES if change.path != "becomes-link"]
    small = await both(database, store, changes)
    monkeypatch.setattr(comparing, "LOOP_FILES", 0)
    big = await both(database, store, changes)

    def plain(changes: list[FileChange]) -> dict[str, FileChange]:
        return {change.path: replace(change, patch=None) for change in changes}

    assert plain(big) == plain(small)
    assert all((change.patch or "").startswith("diff --git ") for change in big)
    (new,) = (change for change in big if change.path == "new.txt")
    assert "+diff --git a/x b/x" in (new.patch or "")


async def test_the_first_version_differs_from_nothing(
    database: Database, store: FragmentStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = await new_project(database)
    first = await store.initialise(project, OLD, START)
    for files in (20, 0):
        monkeypatch.setattr(comparing, "LOOP_FILES", files)
        found = await store.compare(project, None, first.tree)
        assert {change.status for change in found} == {"added"}
        assert len(found) == len(OLD)


async def test_too_long_a_patch_is_left_out_and_its_counts_are_kept(
    database: Database, store: FragmentStore
) -> None:
    project = await new_project(database)
    old = await store.initialise(project, OLD, START)
    new = await store.append(project, "main", [Write("big.txt", b"x\n" * 200_000)], EDIT, fence=0)
    assert new is not None
    (change,) = await store.compare(project, old.tree, new.tree)
    assert (change.patch, change.added, new.lines_added) == (None, 200_000, 200_000)


async def test_many_files_are_counted_without_comparing_each(
    database: Database, store: FragmentStore
) -> None:
    changes: list[Change] = [Write(f"src/{number}.ts", b"x\n" * 3) for number in range(30)]
    project = await new_project(database)
    await store.initialise(project, OLD, START)
    made = await store.append(project, "main", changes, EDIT, fence=0)
    assert made is not None
    assert (made.files_changed, made.lines_added) == (30, 90)
    moved: list[Change] = [Write(f"lib/{number}.ts", b"x\n" * 3) for number in range(30)]
    made = await store.append(project, "main", [*moved, Delete("src")], EDIT, fence=0)
    assert made is not None
    assert (made.files_changed, made.lines_added, made.lines_removed) == (30, 0, 0)
