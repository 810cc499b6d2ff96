import asyncio
import os
import threading
import time
from pathlib import Path

import pytest

from sandboxd.errors import IsolationUnavailable
from sandboxd.runtime.owner import THREADS, acquire, as_owner, as_owner_now

ROOT = os.geteuid() == 0
OWNER = (200000, 200000) if ROOT else (os.geteuid(), os.getegid())


async def test_calls_run_as_the_owner_and_this_thread_stays_what_it_was() -> None:
    before = os.getresuid(), os.getresgid(), os.getgroups()
    found = await as_owner(OWNER, lambda: (os.geteuid(), os.getegid(), os.getuid(), os.getgid()))
    assert found == (*OWNER, *OWNER)
    assert as_owner_now(OWNER, os.geteuid) == OWNER[0]
    assert (os.getresuid(), os.getresgid(), os.getgroups()) == before


async def test_they_have_no_rights_of_root_left() -> None:
    if not ROOT:
        pytest.skip("this server is not root")
    status = await as_owner(OWNER, Path("/proc/thread-self/status").read_text)
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert int(fields["CapEff"], 16) == int(fields["CapPrm"], 16) == 0
    assert fields["Groups"].split() == []
    with pytest.raises(PermissionError):
        await as_owner(OWNER, os.open, "/proc/sys/kernel/core_pattern", os.O_WRONLY)
    os.close(os.open("/proc/sys/kernel/core_pattern", os.O_WRONLY))  # the control: root may


async def test_every_thread_is_the_owner() -> None:
    seen: dict[int, int] = {}

    def look() -> None:
        seen[threading.get_ident()] = os.geteuid()
        time.sleep(0.05)

    async with asyncio.TaskGroup() as tasks:
        for _ in range(THREADS * 2):
            tasks.create_task(as_owner(OWNER, look))
    assert len(seen) > 1
    assert set(seen.values()) == {OWNER[0]}


async def test_an_owner_that_we_may_not_become_is_refused() -> None:
    calls: list[int] = []
    for strange in [(2**32 - 1, 2**32 - 1), (0, 5)] * 2 if ROOT else [(0, 0)]:
        with pytest.raises(IsolationUnavailable):
            await as_owner(strange, calls.append, 1)
    assert calls == []


async def test_what_a_cancelled_caller_had_acquired_is_given_back() -> None:
    given_back: list[str] = []
    begun = threading.Event()

    def slow() -> str:
        begun.set()
        time.sleep(0.1)
        return "thing"

    task = asyncio.get_running_loop().create_task(acquire(OWNER, slow, given_back.append))
    while not begun.is_set():
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.sleep(0.2)
    assert given_back == ["thing"]
    assert await acquire(OWNER, slow, given_back.append) == "thing"
    assert given_back == ["thing"]
