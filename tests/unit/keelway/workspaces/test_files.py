"""Looking at a project's files when there is no machine."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.support.workspaces import OWNER, add_owner

from keelway.db.session import Database
from keelway.fragments.build import Write
from keelway.fragments.fragment import Describe
from keelway.fragments.store import FragmentStore
from keelway.fragments.tree import Tree
from keelway.projects.projects import Project, Projects
from keelway.workspaces import files
from keelway.workspaces.errors import BadPattern
from keelway.workspaces.values import FileRow, Match


@dataclass
class Given:
    store: FragmentStore
    project: Project
    tree: Tree


@pytest.fixture
async def given(database: Database, home: Path) -> AsyncIterator[Given]:
    await add_owner(database)
    project = await Projects(database).create(OWNER, "Test", "react-vite")
    store = FragmentStore(database, home / "repositories")
    made = await store.initialise(
        project.key,
        [
            Write("src/app.ts", b"const one = 1\nconst two = 2\n"),
            Write("src/deep/x.ts", b"two\n"),
            Write("srcs", b"not below src\n"),
            Write("raw", b"two\0"),
            Write("run", b"#!/bin/sh\n", 0o100755),
        ],
        Describe("template", "Start", version=True),
    )
    yield Given(store, project, await store.tree(project.key, made.tree))
    store.close()


async def test_a_file_is_read_from_the_version(given: Given) -> None:
    assert await files.read(given.store, given.project, given.tree, "raw") == b"two\0"
    with pytest.raises(FileNotFoundError):
        await files.read(given.store, given.project, given.tree, "nope")
    with pytest.raises(IsADirectoryError):
        await files.read(given.store, given.project, given.tree, "src")


async def test_several_files_are_read_and_missing_ones_left_out(given: Given) -> None:
    found = await files.some(given.store, given.project, given.tree, ["raw", "nope", "run"])
    assert found == {"raw": b"two\0", "run": b"#!/bin/sh\n"}


async def test_a_folder_lists_what_is_below_it_and_nothing_beside(given: Given) -> None:
    assert [row.path for row in files.of_tree(given.tree, "src/")] == [
        "src/app.ts",
        "src/deep/x.ts",
    ]
    assert files.of_tree(given.tree, "run") == [FileRow("run", 10, 0o100755)]
    assert len(files.of_tree(given.tree)) == 5


async def test_a_search_finds_lines_of_text_files(given: Given) -> None:
    store, project, tree = given.store, given.project, given.tree
    assert await files.search_tree(store, project, tree, "tw[o]") == [
        Match("src/app.ts", 2, "const two = 2"),
        Match("src/deep/x.ts", 1, "two"),
    ]
    assert await files.search_tree(store, project, tree, "two", "src/deep") == [
        Match("src/deep/x.ts", 1, "two")
    ]
    with pytest.raises(BadPattern):
        await files.search_tree(store, project, tree, "(")
