"""A project in a real sandbox: opened, changed, captured, lost and found."""

import asyncio
import shutil
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.support.engine import Engine
from tests.support.workspaces import Bench, bench, quiet, step

from keelway.db.session import Database
from keelway.fragments.build import Delete, Write
from keelway.ids import SandboxId
from keelway.sandboxes.state import SandboxState
from keelway.workspaces.errors import WorkspaceBusy
from keelway.workspaces.manifest import ROOT
from keelway.workspaces.workspace import Workspace


@pytest.fixture
async def here(engine: Engine, database: Database, home: Path) -> AsyncIterator[Bench]:
    async with bench(engine, database, home) as made:
        yield made


def machine(workspace: Workspace) -> SandboxId:
    assert workspace.sandbox is not None
    return workspace.sandbox.id


async def slowness(workspace: Workspace) -> float:
    """How much slower than on a quiet machine a Node process starts right now; at least 1."""
    begin = time.monotonic()
    await workspace.machine().check("node -e 0")
    return max(1.0, (time.monotonic() - begin) / 0.06)


async def test_a_fresh_project_opens_and_its_page_answers_within_three_seconds(here: Bench) -> None:
    project = await here.new_project()

    begin = time.monotonic()
    async with here.opened(project) as workspace:
        took = time.monotonic() - begin
        assert (workspace.mode, workspace.missed) == ("full_restore", ())
        slow = await slowness(workspace)

    print(f"open to HTTP 200: {took:.2f} s, machine {slow:.1f} times slower than quiet")
    assert took < 3 * slow
    status = await here.workspaces.preview_state(await here.again(project))
    assert (status.state, status.message) == ("ready", "Page 200")


async def test_opening_again_touches_nothing_and_is_quick(here: Bench) -> None:
    project = await here.new_project()
    async with here.opened(project) as workspace:
        before = await workspace.machine().check(
            f"cd {ROOT} && find . -path ./node_modules -prune -o -printf '%p %i %C@\n'"
        )

    begin = time.monotonic()
    async with here.opened(project) as workspace:
        took = time.monotonic() - begin
        after = await workspace.machine().check(
            f"cd {ROOT} && find . -path ./node_modules -prune -o -printf '%p %i %C@\n'"
        )

        slow = await slowness(workspace)

    assert after == before
    assert took < 1 * slow


async def test_a_file_tool_makes_a_fragment_and_the_sandbox_follows(here: Bench) -> None:
    project = await here.new_project()
    async with here.opened(project) as workspace:
        made = await workspace.apply(
            [Write("src/greeting.ts", b"export const hello = 1\n"), Delete("README.md")],
            step("call-1", "Write a greeting"),
        )

        assert made is not None
        assert (made.kind, made.title, made.files_changed) == ("agent", "Write a greeting", 2)
        assert (
            await workspace.machine().read(f"{ROOT}/src/greeting.ts") == b"export const hello = 1\n"
        )
        assert await workspace.read("src/greeting.ts") == b"export const hello = 1\n"
        with pytest.raises(FileNotFoundError):
            await workspace.read("README.md")
        assert await workspace.capture(step("call-2")) is None


async def test_a_file_tool_that_runs_again_finds_its_fragment(here: Bench) -> None:
    project = await here.new_project()
    async with here.opened(project) as workspace:
        changes = [Write("a.txt", b"once\n")]
        first = await workspace.apply(changes, step("call-1"))
        await workspace.apply([Write("a.txt", b"twice\n")], step("call-2"))

        again = await workspace.apply(changes, step("call-1"))

        assert again == first
        assert await workspace.read("a.txt") == b"twice\n"


async def test_writing_what_is_there_already_makes_no_fragment(here: Bench) -> None:
    project = await here.new_project()
    async with here.opened(project) as workspace:
        same = await workspace.read("index.html")

        assert await workspace.apply([Write("index.html", same)], step("call-1")) is None


async def test_a_command_is_heard_while_it_runs_and_its_changes_become_a_fragment(
    here: Bench,
) -> None:
    project = await here.new_project()
    heard: list[tuple[float, str]] = []

    async def hear(text: str) -> None:
        heard.append((time.monotonic(), text))

    script = """
        echo first; sleep 0.3; echo second >&2
        mkdir -p data && printf '\\0\\1\\2' > data/raw.bin
        chmod +x vite.config.ts && ln -s ../index.html data/link.html
        mv README.md READ.md && rm public/icon.svg
        echo SECRET=1 > .env && mkdir -p dist && echo built > dist/out.js
        echo x > node_modules/own.js
        exit 7
    """
    async with here.opened(project) as workspace:
        before = workspace.tree
        ran = await workspace.run(script, step("call-1", "Run a script"), output=hear)

        assert (ran.exit_code, ran.timed_out, ran.output) == (7, False, "first\nsecond\n")
        assert heard[-1][0] - heard[0][0] > 0.2
        assert ran.fragment is not None
        modes = {path: f"{entry.mode:o}" for path, entry in workspace.tree.items()}
        changed = {
            p for p in before.keys() | modes.keys() if before.get(p) != workspace.tree.get(p)
        }
        assert changed == {
            *("data/raw.bin", "data/link.html", "vite.config.ts"),
            *("README.md", "READ.md", "public/icon.svg"),
        }
        assert modes["vite.config.ts"] == "100755"
        assert modes["data/link.html"] == "120000"
        assert await workspace.run("true", step("call-2"), output=quiet) is not None
        assert (
            await workspace.run("touch src/main.tsx", step("call-3"), output=quiet)
        ).fragment is None


async def test_a_command_at_its_time_limit_is_killed_with_its_children(here: Bench) -> None:
    project = await here.new_project()
    async with here.opened(project) as workspace:
        begin = time.monotonic()
        ran = await workspace.run(
            "trap '' TERM INT; (trap '' TERM INT; sleep 61 & wait) & sleep 62",
            step("call-1"),
            seconds=1,
            output=quiet,
        )

        took = time.monotonic() - begin
        assert (ran.exit_code, ran.timed_out) == (None, True)
        assert took < 1 + await slowness(workspace)
        left = await workspace.machine().exec("pgrep -f 'sleep 6[12]'")
        assert left.exit_code == 1, left.output


async def test_stop_kills_a_command_that_ignores_every_polite_signal_at_once(here: Bench) -> None:
    project = await here.new_project()
    async with here.opened(project) as workspace:
        started = asyncio.Event()

        async def hear(_: str) -> None:
            started.set()

        async with asyncio.TaskGroup() as group:
            running = group.create_task(
                workspace.run(
                    "trap '' TERM INT HUP; echo on; echo > half; while :; do sleep 63; done",
                    step("call-1"),
                    output=hear,
                )
            )
            await started.wait()
            begin = time.monotonic()
            await workspace.kill_commands()
            took = time.monotonic() - begin
            left = await workspace.machine().exec("pgrep -f 'sleep 63'")
            ran = await running
            slow = await slowness(workspace)

        assert left.exit_code == 1
        assert took < 0.5 * slow
        assert ran.exit_code is None
        assert ran.fragment is not None


async def test_a_command_whose_server_died_is_not_started_again(
    here: Bench, engine: Engine, database: Database, home: Path
) -> None:
    project = await here.new_project()
    call = step("call-1", "Run for long")
    async with here.opened(project) as workspace:
        from keelway.workspaces import commands

        sandbox = workspace.machine()
        name = commands.session_name(call)
        await sandbox.start_session(name)
        await sandbox.launch(name, f"cd {ROOT} && echo begun; echo half > half.txt; sleep 64")
        await asyncio.sleep(0.3)

    async with bench(engine, database, home) as other, other.opened(project) as workspace:
        said = await workspace.interrupted(call)

        assert said == "begun\n"
        made = await other.store.by_tool_call(call.turn_id, "call-1")  # pyright: ignore[reportArgumentType]
        assert made is not None
        assert await workspace.read("half.txt") == b"half\n"
        assert (await workspace.machine().exec("pgrep -f 'sleep 64'")).exit_code == 1
        assert await workspace.interrupted(call) == ""


async def test_a_sandbox_deleted_behind_our_back_comes_back_with_every_byte(here: Bench) -> None:
    project = await here.new_project()
    async with here.opened(project) as workspace:
        await workspace.apply(
            [Write("src/App.tsx", b"export const App = () => <h1>Hi</h1>\n")], step("c1")
        )
        first = machine(workspace)
        rows = await workspace.list_files()
    await here.sandboxes.delete(first)

    status = await here.workspaces.preview_state(await here.again(project))
    assert status.state == "asleep"
    assert "kept outside" in status.message
    assert (await here.again(project)).daytona_sandbox_id == first

    recovered = await here.workspaces.recover(await here.again(project))

    assert recovered.mode == "full_restore"
    async with here.opened(project) as workspace:
        assert machine(workspace) != first
        assert await workspace.list_files() == rows
    assert (await here.workspaces.preview_state(await here.again(project))).state == "ready"


async def test_a_sandbox_that_vanishes_in_the_middle_of_a_turn_costs_a_delay(here: Bench) -> None:
    project = await here.new_project()
    async with here.opened(project) as workspace:
        first = machine(workspace)
        await here.sandboxes.delete(first)
        made = await workspace.apply([Write("kept.txt", b"kept\n")], step("c1"))
        assert made is not None
        ran = await workspace.run("cat kept.txt", step("c2"), output=quiet)

        assert (ran.exit_code, ran.output) == (0, "kept\n")
        assert machine(workspace) != first


async def test_deleting_the_repositories_costs_nothing(here: Bench) -> None:
    project = await here.new_project()
    async with here.opened(project) as workspace:
        await workspace.apply([Write("one.txt", b"1\n")], step("c1"))
        shutil.rmtree(here.settings.repositories)
        await workspace.apply([Write("two.txt", b"2\n")], step("c2"))
        await here.sandboxes.delete(machine(workspace))

    shutil.rmtree(here.settings.repositories)
    async with here.opened(project) as workspace:
        assert await workspace.machine().read(f"{ROOT}/one.txt") == b"1\n"
        assert await workspace.machine().read(f"{ROOT}/two.txt") == b"2\n"


async def test_a_stopped_sandbox_is_woken_with_its_unsaved_work(here: Bench) -> None:
    project = await here.new_project()
    async with here.opened(project) as workspace:
        sandbox = workspace.machine()
        await sandbox.check(f"echo unsaved > {ROOT}/unsaved.txt")
        await sandbox.stop()
    assert (await here.workspaces.preview_state(await here.again(project))).state == "asleep"

    async with here.opened(project) as workspace:
        assert machine(workspace) == sandbox.id
        assert await workspace.read("unsaved.txt") == b"unsaved\n"
        assert await workspace.capture(step("c1")) is not None


async def test_work_that_only_the_database_has_reaches_a_sandbox_that_lagged(here: Bench) -> None:
    project = await here.new_project()
    async with here.opened(project) as workspace:
        sandbox = workspace.machine()
        await sandbox.check(f"echo mine > {ROOT}/README.md && echo new > {ROOT}/mine.txt")
        workspace.sandbox = None
        await workspace.apply(
            [Write("README.md", b"theirs\n"), Write("theirs.txt", b"x\n")], step("c1")
        )

    async with here.opened(project) as workspace:
        assert await workspace.read("README.md") == b"theirs\n"
        assert await workspace.read("theirs.txt") == b"x\n"
        assert await workspace.read("mine.txt") == b"new\n"
        parent = await here.store.get(project.key, workspace.head.parent or "")
        saved = await here.store.tree(project.key, parent.tree)
        held = await here.store.read(project.key, [saved["README.md"].oid])
        assert parent.title == "Unsaved work found in the sandbox"
        assert held[saved["README.md"].oid] == b"mine\n"


async def test_a_file_too_large_for_a_version_is_named_and_stays(here: Bench) -> None:
    project = await here.new_project()
    async with here.opened(project) as workspace:
        ran = await workspace.run(
            "head -c 6000000 /dev/zero > big.bin; echo small > small.txt", step("c1"), output=quiet
        )

        assert ran.fragment is not None
        assert "big.bin" not in workspace.tree
        assert "small.txt" in workspace.tree
        assert "big.bin is too large" in ran.output
        assert (await workspace.run("ls big.bin", step("c2"), output=quiet)).exit_code == 0


async def test_only_one_may_write(here: Bench) -> None:
    project = await here.new_project()
    async with here.opened(project):
        with pytest.raises(WorkspaceBusy) as caught:
            await here.workspaces.recover(project)
    assert caught.value.code == "TurnRunning"


async def test_asking_for_health_changes_nothing(here: Bench) -> None:
    project = await here.new_project()
    async with here.opened(project) as workspace:
        head = workspace.head
        sandbox = workspace.machine()
    await asyncio.sleep(1.1)
    before = await here.sandboxes.get(sandbox.id)
    health = await here.workspaces.health(await here.again(project))
    for _ in range(5):
        health = await here.workspaces.health(await here.again(project))
    after = await here.sandboxes.get(sandbox.id)

    assert [
        health.machine.state,
        health.files.state,
        health.dev_server.state,
        health.page.state,
    ] == ["fine"] * 4
    assert after.remote.last_activity_at == before.remote.last_activity_at
    assert after.state is before.state is SandboxState.RUNNING
    assert await here.store.head(project.key, "main") == head

    await sandbox.stop()
    asleep = await here.sandboxes.get(sandbox.id)
    health = await here.workspaces.health(await here.again(project))
    still = await here.sandboxes.get(sandbox.id)
    assert still.state is SandboxState.STOPPED
    assert still.remote.last_activity_at == asleep.remote.last_activity_at
    assert [health.machine.state, health.dev_server.state, health.page.state] == ["unknown"] * 3
