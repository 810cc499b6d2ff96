"""Upper bounds: what this host really enforces, and that neighbours do not notice."""

import asyncio
import os
import time
from pathlib import Path

import pytest
from tests.support.machines import py, run, running, sh, start

from sandboxd.runtime import limits
from sandboxd.runtime.limits import GIB, Cage, Limiter
from sandboxd.runtime.machine import NamespaceMachine
from sandboxd.runtime.namespaces import Namespaces
from sandboxd.runtime.runtime import Limits

SMALL = Limits(cpu=1, memory=1, disk=1, processes=60)


@pytest.fixture
async def small(runtime: Namespaces, place: Path):
    async with running(runtime, place, "small", limits=SMALL) as machine:
        yield machine


async def test_44_a_fork_bomb_stops_at_the_bound_and_can_be_ended(small: NamespaceMachine) -> None:
    bomb = await start(small, "bash", "-c", "b() { b | b & }; b; sleep 60")
    await asyncio.sleep(0.5)
    status = Path(f"/proc/{small.host_pid}/status").read_text()
    assert "State:\tS" in status or "State:\tR" in status
    assert "home" in os.listdir(small.root), "files are served while processes are at their bound"
    async with asyncio.timeout(5):
        await small.kill_all()
        assert await bomb.wait() != 0
    assert await sh(small, "echo fine") == "fine"


async def test_44_no_more_processes_than_allowed(small: NamespaceMachine) -> None:
    script = "import time\nn = 0\ntry:\n  while n < 500:\n    if os.fork() == 0: time.sleep(5); os._exit(0)\n    n += 1\n"
    script += "except OSError as error: print(errno.errorcode[error.errno], n)"
    answer = await py(small, script)
    assert answer.startswith("EAGAIN"), answer
    assert int(answer.split()[1]) <= SMALL.processes
    await small.kill_all()


async def test_45_a_memory_hog_hurts_itself_only(small: NamespaceMachine) -> None:
    code, output = await run(
        small,
        "python3",
        "-c",
        "b = bytearray(3 << 30)\nfor i in range(0, len(b), 4096): b[i] = 1\nprint('full')",
    )
    assert code != 0, output
    assert await sh(small, "echo fine") == "fine"


async def test_45_the_memory_of_a_tmpfs_counts_and_is_small(small: NamespaceMachine) -> None:
    assert "No space left" in await sh(small, "head -c 200M /dev/zero > /dev/shm/f")
    assert await sh(small, "stat -c %s /dev/shm/f") == str(64 << 20)


async def test_46_no_file_is_larger_than_the_disk_that_was_granted(small: NamespaceMachine) -> None:
    assert "limit exceeded" in await sh(small, "truncate -s 2G big; true")
    assert await sh(small, "truncate -s 1000M big && stat -c %s big") == str(1000 << 20)


async def test_47_a_hog_of_processors_leaves_its_neighbour_some(
    small: NamespaceMachine, runtime: Namespaces, place: Path
) -> None:
    if "cpu" not in limits.find().groups:
        pytest.skip("no cpu controller here")
    for _ in range(4):
        await start(small, "bash", "-c", "while :; do :; done")
    async with running(runtime, place, "neighbour") as neighbour:
        began = time.monotonic()
        for _ in range(10):
            assert await sh(neighbour, "echo fine") == "fine"
        assert time.monotonic() - began < 5
    await small.kill_all()


async def test_bounds_hold_without_cgroups_too(
    runtime: Namespaces, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "find", Limiter)
    bare = Namespaces(place.parent, agent=runtime.agent)
    await bare.open()
    try:
        async with running(bare, place, "bare", limits=SMALL) as machine:
            assert await sh(machine, "ulimit -u; ulimit -d") == f"{SMALL.processes}\n{GIB // 1024}"
            await test_44_no_more_processes_than_allowed(machine)
            await test_45_a_memory_hog_hurts_itself_only(machine)
            await machine.freeze()
            await machine.thaw()
            assert await sh(machine, "node -p 1") == "1"
            async with running(bare, place, "bare2", limits=SMALL) as second:
                await start(machine, "bash", "-c", "for i in $(seq 100); do sleep 5 & done; wait")
                assert await sh(second, "echo fine") == "fine", "the count is each machine's own"
    finally:
        await bare.close()


async def test_groups_are_gone_with_their_machine(runtime: Namespaces, place: Path) -> None:
    def groups() -> list[Path]:
        parents = set(limits.find().groups.values())
        return [path for parent in parents for path in parent.glob("gone-*")]

    async with running(runtime, place, "gone"):
        assert bool(groups()) == bool(limits.find().groups)
    assert groups() == []


def test_what_no_group_bounds_is_bounded_per_process() -> None:
    whole = Limiter(1, {"pids": Path("/"), "memory": Path("/")})
    assert whole.per_process(SMALL) == (0, 0)
    assert Limiter().per_process(SMALL) == (60, GIB)
    assert Limiter(1, {"pids": Path("/")}).per_process(SMALL) == (0, GIB)


def test_a_cage_of_nothing_can_neither_freeze_nor_fail() -> None:
    assert not Cage().can_freeze
    Cage().remove()
    Cage((Path("/sys/fs/cgroup/nowhere"),)).remove()
