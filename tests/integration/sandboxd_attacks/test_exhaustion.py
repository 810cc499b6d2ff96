"""ENGINE.md 5, rows 44 to 49: what one sandbox wastes, the server and the neighbours keep."""

import asyncio
import contextlib
import os
import shutil
import time
from pathlib import Path

import pytest
from daytona import AsyncDaytona, DaytonaError, Resources
from tests.integration.sandboxd_attacks.conftest import Inside, Maker, engine_memory
from tests.support.sandboxd import EngineProcess

MEBIBYTE = 2**20


def disk_used(folder: Path) -> int:
    """Bytes on disk of everything below `folder`; what other programs write does not count."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                total += os.lstat(os.path.join(parent, name)).st_blocks * 512
    return total


async def answers_quickly(neighbour: Inside, seconds: float = 5) -> None:
    begun = time.monotonic()
    assert await neighbour.sh("echo fine") == "fine"
    assert time.monotonic() - begun < seconds


async def test_44_a_fork_bomb_leaves_the_engine_and_the_neighbours_alone(make: Maker) -> None:
    bomber, neighbour = await make(), await make()
    await bomber.start(
        "bomb", "python3 -c 'import os\nwhile True:\n try: os.fork()\n except OSError: pass'"
    )
    await asyncio.sleep(1)
    await answers_quickly(neighbour)
    await bomber.sandbox.process.delete_session("bomb")
    await answers_quickly(bomber, 15)


async def test_45_a_memory_hog_dies_alone(make: Maker) -> None:
    hog, neighbour = await make(), await make()
    said = await hog.sh(
        "python3 -c 'b = bytearray(16 << 30)\nfor i in range(0, len(b), 4096): b[i] = 1' ; echo $?"
    )
    assert said.splitlines()[-1] != "0"
    await answers_quickly(neighbour)
    await answers_quickly(hog)


async def test_46_a_full_disk_is_the_sandboxs_own(make: Maker) -> None:
    filler, neighbour = await make(), await make()
    free = shutil.disk_usage("/tmp").free
    if free < 20 * 2**30:
        pytest.skip("not enough free space on this machine to try")
    said = await filler.sh(
        "fallocate -l 12G big 2>&1; dd if=/dev/zero of=big2 bs=1M count=64; stat -c %s big"
    )
    assert free - shutil.disk_usage("/tmp").free < 10 * 2**30, said
    await answers_quickly(neighbour)


async def test_46_many_files_that_fit_one_by_one_end_with_the_program_that_writes_them(
    make: Maker,
) -> None:
    if shutil.disk_usage("/tmp").free < 20 * 2**30:
        pytest.skip("not enough free space on this machine to try")
    filler, neighbour = await make(), await make()
    await filler.sandbox.stop()
    await filler.sandbox.resize(Resources(disk=1))
    await filler.sandbox.start()
    await neighbour.start("work", "sleep 600")
    script = "for i in 1 2 3 4; do fallocate -l 400M big$i; done; touch written; sleep 600"
    await filler.start("fill", script)
    for _ in range(100):
        if await filler.sh("pgrep -c sleep") == "0" and await filler.sh("ls written") == "written":
            break
        await asyncio.sleep(0.2)
    else:
        pytest.fail("the program that filled the disk goes on")
    assert await neighbour.sh("pgrep -c sleep") == "1"
    assert await filler.sh("rm big*; echo removed") == "removed"


async def test_48_an_endless_line_costs_neither_memory_nor_disk(
    inside: Inside, engine: EngineProcess, client: AsyncDaytona
) -> None:
    before, disk = engine_memory(engine), disk_used(engine.home)
    await inside.start("flood", "tr '\\0' x < /dev/zero")
    await inside.start("lines", "yes")
    flood = inside.sandbox.process.exec("head -c 1G /dev/zero | tr '\\0' y", timeout=20)
    with contextlib.suppress(DaytonaError):  # killed at its limit, or cut to 10 MiB
        assert len((await flood).result or "") <= 12 * MEBIBYTE
    await asyncio.sleep(2)
    assert engine_memory(engine) - before < 150 * MEBIBYTE
    assert disk_used(engine.home) - disk < 300 * MEBIBYTE
    for session in ("flood", "lines"):
        await inside.sandbox.process.delete_session(session)


async def test_49_sessions_without_end_are_refused_and_nothing_falls(
    make: Maker, engine: EngineProcess
) -> None:
    greedy, neighbour = await make(), await make()
    refused = 0
    for number in range(300):
        try:
            await greedy.sandbox.process.create_session(f"s{number}")
        except DaytonaError:
            refused += 1
            if refused > 3:
                break
    await answers_quickly(neighbour)
    assert engine.process is not None
    assert engine.process.poll() is None


async def test_49_connections_without_end_end_at_the_proxys_bound(make: Maker) -> None:
    greedy, neighbour = await make(), await make()
    said = await greedy.py(
        """
import resource, socket
resource.setrlimit(resource.RLIMIT_NOFILE, (4096, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
held = []
try:
    for _ in range(3000):
        s = socket.socket(); s.settimeout(0.2); s.connect(("127.0.0.1", 3128)); held.append(s)
except OSError as error:
    pass
print(len(held) > 10)
"""
    )
    assert said.endswith("True")
    await answers_quickly(neighbour)
    assert "403" in await neighbour.by_proxy("x.example", 443)
    await asyncio.sleep(0.5)
    assert "403" in await greedy.by_proxy("x.example", 443)


async def test_many_requests_at_once_are_answered_or_refused_never_dropped(
    inside: Inside, client: AsyncDaytona
) -> None:
    async def one(number: int) -> int:
        return (await inside.sandbox.process.exec(f"exit {number % 3}")).exit_code

    async with asyncio.TaskGroup() as tasks:
        calls = [tasks.create_task(one(number)) for number in range(100)]
    assert [call.result() for call in calls] == [number % 3 for number in range(100)]
