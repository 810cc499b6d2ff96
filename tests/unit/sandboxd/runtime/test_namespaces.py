"""Starting machines, and finding them again after the server that started them is gone."""

import asyncio
import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.support.machines import run, running, sh, spec, start

from sandboxd.errors import Conflict, IsolationUnavailable, MachineGone
from sandboxd.runtime import base, record
from sandboxd.runtime.link import SOCKET_NAME
from sandboxd.runtime.namespaces import Namespaces
from sandboxd.runtime.runtime import Machine, Process, Runtime

ROOT = Path(__file__).resolve().parents[4]


async def test_it_is_what_the_engine_asks_for(runtime: Namespaces, place: Path) -> None:
    kept: Runtime = runtime
    assert kept.isolation == "namespaces"
    assert kept.owner[0] != 0
    async with running(runtime, place, "typed") as made:
        machine: Machine = made
        assert machine.id == "typed"
        process: Process = await start(made, "true")
        assert process.pid > 1


async def test_layers_lie_above_the_base_in_order_and_stay_as_they_are(
    runtime: Namespaces, place: Path
) -> None:
    layers = [layer(place / f"layer{n}", runtime.owner, str(n)) for n in (1, 2)]
    async with running(runtime, place, "layered", tuple(layers)) as machine:
        assert await sh(machine, "cat /home/daytona/which /home/daytona/only1") == "21"
        assert (
            await sh(machine, "echo -n changed > which; cat which; rm only1; ls")
            == "changedonly2\nwhich"
        )
    assert (layers[1] / "home/daytona/which").read_text() == "2"
    assert (layers[0] / "home/daytona/only1").read_text() == "1"


def layer(folder: Path, owner: tuple[int, int], text: str) -> Path:
    home = folder / "home" / "daytona"
    home.mkdir(parents=True, exist_ok=True)
    (home / "which").write_text(text)
    (home / f"only{text}").write_text(text)
    for path in (folder, *folder.rglob("*")):
        os.chown(path, *owner)
    return folder


async def test_a_running_machine_is_not_started_twice(runtime: Namespaces, place: Path) -> None:
    async with running(runtime, place, "once") as machine:
        with pytest.raises(Conflict, match="already runs"):
            await runtime.create(spec(place, "once"))
        assert await sh(machine, "echo fine") == "fine"


async def test_many_start_at_once(runtime: Namespaces, place: Path) -> None:
    async def story(name: str) -> str:
        async with running(runtime, place, name) as machine:
            return await sh(machine, f"echo {name} > file; cat file; hostname")

    async with asyncio.TaskGroup() as group:
        stories = [group.create_task(story(f"many{n}")) for n in range(12)]
    assert [story.result() for story in stories] == [f"many{n}\nsandbox" for n in range(12)]


@pytest.mark.parametrize("delay", [0.0, 0.002, 0.01])
async def test_a_cancelled_start_leaves_no_machine(
    runtime: Namespaces, place: Path, delay: float
) -> None:
    cancelled = spec(place, "cancelled")
    starting = asyncio.get_running_loop().create_task(runtime.create(cancelled))
    await asyncio.sleep(delay)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    async with asyncio.timeout(10):
        while (made := record.load(cancelled.home)) is None or record.holds(made):
            await asyncio.sleep(0.02)
    assert await runtime.adopt(cancelled) is None


async def test_starting_does_not_hold_up_the_event_loop(runtime: Namespaces, place: Path) -> None:
    longest, stop = 0.0, False

    async def watch() -> None:
        nonlocal longest
        while not stop:
            before = time.monotonic()
            await asyncio.sleep(0.001)
            longest = max(longest, time.monotonic() - before)

    watching = asyncio.get_running_loop().create_task(watch())
    async with running(runtime, place, "smooth"):
        stop = True
    await watching
    assert longest < 0.25, "seconds the loop was held, on a busy machine"


async def test_a_failure_says_what_bubblewrap_said(runtime: Namespaces, place: Path) -> None:
    broken = dataclasses.replace(spec(place, "broken"), layers=(place / "nowhere",))
    with pytest.raises(MachineGone, match=r"did not start: could not start: .*No such file"):
        await runtime.create(broken)
    assert await runtime.adopt(broken) is None


async def test_a_launcher_that_died_is_replaced(runtime: Namespaces, place: Path) -> None:
    async with running(runtime, place, "before"):
        pass
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    for pid in children:
        if b"launcher.py" in Path(f"/proc/{pid}/cmdline").read_bytes():
            os.kill(int(pid), signal.SIGKILL)
            os.waitid(os.P_PID, int(pid), os.WEXITED | os.WNOWAIT)
    async with running(runtime, place, "after") as machine:
        assert await sh(machine, "echo fine") == "fine"


SERVER = """
import asyncio, json, os, sys
from pathlib import Path
from sandboxd.runtime.base import base_env
from sandboxd.runtime.namespaces import Namespaces
from sandboxd.runtime.runtime import MachineSpec

async def main(home, folder, agent):
    runtime = Namespaces(home, agent=agent)
    await runtime.open()
    machine = await runtime.create(MachineSpec(folder.name, folder))
    null = os.open("/dev/null", os.O_RDWR)
    async def start(script):
        return await machine.spawn(["bash", "-c", script], env=base_env(), cwd="/tmp", stdin=null, stdout=null, stderr=null)
    ended = await start("exit 5")
    await ended.wait()
    lives = await start("while [ ! -e /tmp/end ]; do echo >> /tmp/ticks; sleep 0.01; done; exit 6")
    print(json.dumps([ended.pid, lives.pid]), flush=True)
    await asyncio.sleep(600)

asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]))
"""


def killed_server(home: Path, folder: Path, agent: str) -> list[int]:
    """Let a server start a machine with a process that ended and one that runs, and kill -9 it."""
    folder.mkdir(exist_ok=True)
    command = [sys.executable, "-c", SERVER, str(home), str(folder), agent]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT / "src") as server:
        assert server.stdout is not None
        pids = json.loads(server.stdout.readline())
        server.kill()
    return pids


async def test_a_machine_outlives_its_server_and_is_adopted_with_its_processes(
    runtime: Namespaces, engine_home: Path, place: Path
) -> None:
    ended, lives = killed_server(engine_home, place / "orphan", runtime.agent)
    began = time.monotonic()
    machine = await runtime.adopt(spec(place, "orphan"))
    assert machine is not None
    assert time.monotonic() - began < 1
    try:
        old = await machine.attach(ended)
        assert old is not None
        assert await old.wait() == 5
        assert await machine.attach(4000) is None
        running_still = await machine.attach(lives)
        assert running_still is not None
        ticks = os.stat("tmp/ticks", dir_fd=machine.root).st_size
        await asyncio.sleep(0.1)
        assert os.stat("tmp/ticks", dir_fd=machine.root).st_size > ticks
        await sh(machine, "touch /tmp/end")
        async with asyncio.timeout(5):
            assert await running_still.wait() == 6
    finally:
        await machine.destroy()
    assert await runtime.adopt(spec(place, "orphan")) is None


async def test_a_machine_frozen_by_a_server_that_died_is_adopted_thawed(
    runtime: Namespaces, place: Path
) -> None:
    machine = await runtime.create(spec(place, "winter"))
    await machine.freeze()
    machine.detach()
    again = await runtime.adopt(spec(place, "winter"))
    assert again is not None
    assert await sh(again, "echo fine") == "fine"
    await again.destroy()


@pytest.mark.parametrize("field", ["pid", "start", "pidns", "boot"])
async def test_a_record_that_does_not_fit_is_refused_and_its_machine_ended(
    runtime: Namespaces, place: Path, field: str
) -> None:
    """Were it left running, a new start would mount the same files a second time."""
    machine = await runtime.create(spec(place, "forged"))
    home = place / "forged"
    true = record.load(home)
    assert true is not None
    false = {"pid": os.getpid(), "start": true.start + 1, "pidns": 1, "boot": "other"}[field]
    record.save(home, dataclasses.replace(true, **{field: false}))
    try:
        assert await runtime.adopt(spec(place, "forged")) is None
        async with asyncio.timeout(5):
            await machine.wait_gone()
    finally:
        await machine.destroy()
    async with running(runtime, place, "forged") as again:
        assert await sh(again, "echo fine") == "fine"


async def test_a_record_of_a_foreign_process_harms_nobody(runtime: Namespaces, place: Path) -> None:
    async with running(runtime, place, "past"):
        pass
    with subprocess.Popen(["sleep", "60"]) as innocent:
        record.save(place / "past", record.of(innocent.pid))
        assert await runtime.adopt(spec(place, "past")) is None
        assert innocent.poll() is None
        innocent.kill()


async def test_what_never_ran_is_not_adopted(runtime: Namespaces, place: Path) -> None:
    assert await runtime.adopt(spec(place, "never")) is None


async def test_long_folder_names_are_no_obstacle(runtime: Namespaces, place: Path) -> None:
    deep = place / ("x" * 120)
    deep.mkdir(exist_ok=True)
    async with running(runtime, deep, "y" * 60) as machine:
        assert await sh(machine, "echo fine") == "fine"


async def test_folders_are_closed_to_others(
    runtime: Namespaces, engine_home: Path, place: Path
) -> None:
    async with running(runtime, place, "closed"):
        assert engine_home.stat().st_mode & 0o777 == 0o700
        assert (place / "closed" / SOCKET_NAME).stat().st_mode & 0o777 == 0o600
        assert (place / "closed" / record.NAME).stat().st_mode & 0o777 == 0o600


async def test_base_env_is_enough_for_a_login_shell(runtime: Namespaces, place: Path) -> None:
    async with running(runtime, place, "login") as machine:
        assert await sh(machine, "bash -lc 'echo $PATH'") == base.PATH
        code, output = await run(machine, "id", "-un")
        assert (code, output) == (0, "daytona\n")
        assert (
            await sh(machine, "git init -q r && cd r && git symbolic-ref HEAD") == "refs/heads/main"
        )


async def test_the_environment_overrides_the_choice_of_agent(
    engine_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SANDBOXD_AGENT", "python")
    runtime = Namespaces(engine_home, agent="c")
    await runtime.open()
    assert runtime.agent == "python"
    await runtime.close()


async def test_without_a_compiler_the_agent_is_python(
    home: Path, engine_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.delenv("SANDBOXD_AGENT", raising=False)
    shutil.copytree(engine_home / "base", home / "base", copy_function=os.link, symlinks=True)
    auto = Namespaces(home)
    await auto.open()
    assert auto.agent == "python"
    await auto.close()
    asked = Namespaces(home, agent="c")
    with pytest.raises(IsolationUnavailable, match="SANDBOXD_AGENT=python"):
        await asked.open()
    await asked.close()
