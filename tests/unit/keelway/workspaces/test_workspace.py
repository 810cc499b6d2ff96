"""A workspace without a machine: files can be read and changed, commands say why they cannot run."""

import pytest
from tests.support.workspaces import PERSON, Bench, quiet, step

from keelway.fragments.build import Delete, Write
from keelway.fragments.errors import UnsafePath
from keelway.sandboxes.errors import SandboxUnreachable
from keelway.workspaces.errors import NoMachine
from keelway.workspaces.values import FileRow, Match
from keelway.workspaces.workspace import patiently

FILES = [Write("a.txt", b"one\n"), Write("src/b.ts", b"two\n")]


async def test_files_are_read_changed_and_searched(offline: Bench) -> None:
    project = await offline.new_project(FILES)
    async with offline.opened(project) as workspace:
        assert workspace.mode == "emergency_fallback"
        made = await workspace.apply(
            [Write("a.txt", b"three\n"), Delete("src/b.ts")], step("c1", "Change")
        )

        assert made is not None
        assert workspace.head == made
        assert await workspace.read("a.txt") == b"three\n"
        with pytest.raises(FileNotFoundError):
            await workspace.read("src/b.ts")
        assert await workspace.list_files() == [FileRow("a.txt", 6, 0o100644)]
        assert await workspace.search("thr[e]") == [Match("a.txt", 1, "three")]
        assert await workspace.apply([Write("a.txt", b"three\n")], step("c2")) is None
        assert await workspace.apply([Write("a.txt", b"x")], step("c1", "Change")) == made


async def test_what_a_version_may_not_hold_is_refused_and_nothing_is_written(
    offline: Bench,
) -> None:
    project = await offline.new_project(FILES)
    async with offline.opened(project) as workspace:
        before = workspace.head
        with pytest.raises(UnsafePath):
            await workspace.apply([Write(".git/config", b"x")], step("c1"))
        assert workspace.head == before


async def test_what_needs_a_machine_says_that_there_is_none(offline: Bench) -> None:
    project = await offline.new_project(FILES)
    async with offline.opened(project) as workspace:
        with pytest.raises(NoMachine):
            await workspace.run("true", step("c1"), output=quiet)
        with pytest.raises(NoMachine):
            await workspace.check()
        with pytest.raises(ValueError, match="dash"):
            await workspace.install(["--global"], step("c2"), output=quiet)
        assert await workspace.capture(step("c3")) is None
        assert await workspace.save("Before", PERSON) is None
        assert await workspace.interrupted(step("c4")) == ""
        await workspace.kill_commands()


async def test_a_short_absence_of_the_engine_is_waited_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("keelway.workspaces.workspace.PATIENCE", (0, 0, 0))
    tries = 0

    async def work(good: int) -> str:
        nonlocal tries
        tries += 1
        if tries < good:
            raise SandboxUnreachable("restarting")
        return "done"

    assert await patiently(lambda: work(3)) == "done"
    tries = 0
    with pytest.raises(SandboxUnreachable):
        await patiently(lambda: work(9))
    assert tries == 4
