"""Going back to a version: equal to the last byte, as a new version, with nothing lost."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.support.engine import Engine
from tests.support.workspaces import PERSON, Bench, bench, step

from keelway.db.session import Database
from keelway.fragments.build import Delete, Write
from keelway.fragments.fragment import Describe, Fragment
from keelway.projects.projects import Project
from keelway.workspaces import dev_server
from keelway.workspaces.checkout import differences
from keelway.workspaces.errors import WorkspaceBusy
from keelway.workspaces.manifest import ROOT, look
from keelway.workspaces.workspace import Workspace


@pytest.fixture
async def here(engine: Engine, database: Database, home: Path) -> AsyncIterator[Bench]:
    async with bench(engine, database, home) as made:
        yield made


async def version(here: Bench, workspace: Workspace, title: str) -> Fragment:
    """What the end of a turn makes of its steps."""
    return await here.store.append_tree(
        workspace.project.key,
        "main",
        workspace.head.tree,
        Describe("agent", title, version=True),
        fence=workspace.lease.fence,
    )


async def wrong(here: Bench, project: Project, fragment: Fragment) -> list[str]:
    """Where the sandbox, hashed, differs from a version."""
    tree = await here.store.tree(project.key, fragment.tree)
    digests = await here.workspaces.digests.of(project.key, tree.values())
    now = await here.again(project)
    sandbox = await here.sandboxes.find(now)
    assert sandbox is not None
    return await differences(sandbox, tree, digests)


async def test_equal_means_hashed_and_equal(here: Bench) -> None:
    """The measure first: one byte, one extra file, one lost bit, one bent link are each noticed."""
    files = [
        Write("a/text.txt", b"one\n"),
        Write("run.sh", b"#!/bin/sh\n", 0o100755),
        Write("link", b"run.sh", 0o120000),
        Write("empty", b""),
        Write("new\u00efve name 'q\".txt", b"odd\n"),
    ]
    project = await here.new_project(files)
    async with here.opened(project) as workspace:
        sandbox, head = workspace.machine(), workspace.head
    assert await wrong(here, project, head) == []

    for spoil, mend, path in (
        ("printf 'onE\\n' > a/text.txt", "printf 'one\\n' > a/text.txt", "a/text.txt"),
        ("touch a/extra", "rm a/extra", "a/extra"),
        ("chmod -x run.sh", "chmod +x run.sh", "run.sh"),
        ("ln -sfn empty link", "ln -sfn run.sh link", "link"),
        ("rm link && cp run.sh link", "ln -sfn run.sh link", "link"),
        ("rm empty", "touch empty", "empty"),
    ):
        await sandbox.check(f"cd {ROOT} && {spoil}")
        assert await wrong(here, project, head) == [path]
        await sandbox.check(f"cd {ROOT} && {mend}")
        assert await wrong(here, project, head) == []

    await sandbox.check(f"cd {ROOT} && mkdir -p node_modules && touch node_modules/x .env")
    assert await wrong(here, project, head) == []


async def test_restore_brings_every_byte_mode_and_link_back_as_a_new_version(here: Bench) -> None:
    project = await here.new_project()
    async with here.opened(project) as workspace:
        await workspace.apply(
            [
                Write("src/App.tsx", b"export const App = () => <h1>Blue</h1>\n"),
                Write("bin/go", b"#!/bin/sh\n", 0o100755),
                Write("now", b"src/App.tsx", 0o120000),
                Write("raw", bytes(range(256))),
            ],
            step("c1"),
        )
        second = await version(here, workspace, "Blue")
        await workspace.apply(
            [
                Write("src/App.tsx", b"export const App = () => <h1>Red</h1>\n"),
                Write("bin/go", b"#!/bin/sh\n"),
                Delete("now"),
                Write("now/is/a/folder", b"x"),
                Delete("raw"),
            ],
            step("c2"),
        )
        await version(here, workspace, "Red")

    restored = await here.workspaces.restore(await here.again(project), second, PERSON)

    made = restored.fragment
    assert (made.kind, made.title, made.number) == ("restore", "Restored v2", 4)
    assert (made.tree, made.restored_from, made.author_name) == (second.tree, second.id, "Maya")
    assert (restored.saved, restored.installed, restored.preview.state) == (None, False, "ready")
    assert await wrong(here, project, second) == []
    async with here.opened(project) as workspace:
        assert workspace.head == made
        assert await workspace.read("raw") == bytes(range(256))
    back = await here.workspaces.restore(await here.again(project), restored.fragment, PERSON)
    assert back.fragment.number == 5


async def test_unsaved_work_is_a_version_before_the_restore(here: Bench) -> None:
    project = await here.new_project()
    first = await here.store.get(project.key, "v1")
    async with here.opened(project) as workspace:
        await workspace.machine().check(f"echo draft > {ROOT}/draft.txt")

    restored = await here.workspaces.restore(await here.again(project), first, PERSON)

    saved = restored.saved
    assert saved is not None
    assert (saved.kind, saved.title, saved.number) == ("hand", "Before restoring v1", 2)
    assert restored.fragment.number == 3
    assert await wrong(here, project, first) == ["draft.txt"][:0]
    tree = await here.store.tree(project.key, saved.tree)
    assert (await here.store.read(project.key, [tree["draft.txt"].oid])).popitem()[1] == b"draft\n"


async def test_packages_are_installed_when_the_manifest_changed(here: Bench) -> None:
    project = await here.new_project()
    first = await here.store.get(project.key, "v1")
    async with here.opened(project) as workspace:
        heard: list[str] = []

        async def hear(text: str) -> None:
            heard.append(text)

        ran = await workspace.install(["clsx@2"], step("c1", "Install clsx"), output=hear)
        assert ran.exit_code == 0, ran.output
        assert ran.fragment is not None
        assert "clsx" in (await workspace.read("package.json")).decode()
        assert b"resolved" not in await workspace.read("package-lock.json")
        second = await version(here, workspace, "With clsx")
        sandbox = workspace.machine()
    has = f"test -e {ROOT}/node_modules/clsx/package.json"

    gone = await here.workspaces.restore(await here.again(project), first, PERSON)
    assert gone.installed
    assert (await sandbox.exec(has)).exit_code == 1
    assert gone.preview.state == "ready"

    back = await here.workspaces.restore(await here.again(project), second, PERSON)
    assert back.installed
    assert (await sandbox.exec(has)).exit_code == 0
    assert await wrong(here, project, second) == []
    await here.sandboxes.delete(sandbox.id)
    async with here.opened(await here.again(project)) as workspace:
        assert workspace.mode == "full_restore"
        assert (await workspace.machine().exec(has)).exit_code == 0


async def test_a_version_that_does_not_run_is_restored_and_said_so(here: Bench) -> None:
    project = await here.new_project()
    async with here.opened(project) as workspace:
        await workspace.apply([Write("vite.config.ts", b"this is not a config\n")], step("c1"))
        broken = await version(here, workspace, "Broken")
        await workspace.apply([Write("vite.config.ts", b"export default {}\n")], step("c2"))
        await dev_server.stop(workspace.machine())

    restored = await here.workspaces.restore(await here.again(project), broken, PERSON)

    assert restored.preview.state == "restored"
    assert "v2 is restored, but does not run" in restored.preview.message
    assert "vite.config.ts" in (restored.preview.log or "")
    assert "\x1b" not in (restored.preview.log or "")
    assert await wrong(here, project, broken) == []


async def test_restore_rebuilds_a_sandbox_that_is_gone_and_repositories_too(here: Bench) -> None:
    project = await here.new_project()
    first = await here.store.get(project.key, "v1")
    async with here.opened(project) as workspace:
        await workspace.apply([Write("later.txt", b"later\n")], step("c1"))
        lost = workspace.machine().id
    await here.sandboxes.delete(lost)
    shutil.rmtree(here.settings.repositories)

    restored = await here.workspaces.restore(await here.again(project), first, PERSON)

    assert restored.preview.state == "ready"
    assert (await here.again(project)).daytona_sandbox_id != lost
    assert await wrong(here, project, first) == []


async def test_restore_replaces_a_sandbox_whose_files_cannot_be_made_equal(here: Bench) -> None:
    """A process in there that keeps changing a file: sent twice, then rebuilt elsewhere."""
    project = await here.new_project()
    first = await here.store.get(project.key, "v1")
    async with here.opened(project) as workspace:
        stubborn = workspace.machine()
        await workspace.apply([Write("README.md", b"second\n")], step("c1"))
        await stubborn.start_session("hand")
        await stubborn.launch("hand", f"while :; do echo $RANDOM > {ROOT}/README.md; done")

    await here.workspaces.restore(await here.again(project), first, PERSON)

    assert (await here.again(project)).daytona_sandbox_id != stubborn.id
    assert await wrong(here, project, first) == []


async def test_restore_waits_for_nobody(here: Bench) -> None:
    project = await here.new_project()
    first = await here.store.get(project.key, "v1")
    async with here.opened(project):
        with pytest.raises(WorkspaceBusy) as caught:
            await here.workspaces.restore(project, first, PERSON)
    assert caught.value.code == "TurnRunning"


async def test_the_note_in_the_sandbox_names_the_restored_tree(here: Bench) -> None:
    project = await here.new_project()
    first = await here.store.get(project.key, "v1")
    async with here.opened(project) as workspace:
        await workspace.apply([Write("x", b"x")], step("c1"))
        sandbox = workspace.machine()

    await here.workspaces.restore(await here.again(project), first, PERSON)

    assert (await look(sandbox)).base == f"{project.id} {first.tree}"
