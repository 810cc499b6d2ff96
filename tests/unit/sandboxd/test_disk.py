"""When the guard looks and whom it ends; against real sandboxes: sandboxd_attacks, row 46."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from sandboxd.box import Box, NewSandbox, Running, new_record
from sandboxd.disk import FILES_PER_GIB, GIB, STEP, DiskGuard, Free
from sandboxd.store import SnapshotRecord, Store

PLENTY = Free(100 * GIB, 10**9)
LOW = Free(1 * GIB, 10**9)


@dataclass
class Machine:
    ended: int = 0

    async def kill_all(self) -> None:
        self.ended += 1


@dataclass
class Engine:
    """Sandboxes as the guard sees them, with real folders."""

    store: Store
    boxes: list[Box] = field(default_factory=list[Box])

    def all(self) -> list[Box]:
        return self.boxes

    def add(self, name: str) -> tuple[Machine, Path]:
        snapshot = SnapshotRecord(id="s", name="s", layers=[], created_at="", updated_at="", disk=1)
        box, machine = Box(new_record(NewSandbox(name=name), snapshot)), Machine()
        box.running = cast(Running, cast(Any, SimpleNamespace(machine=machine)))
        self.boxes.append(box)
        upper = self.store.machine_home(box.id) / "upper"
        upper.mkdir(parents=True)
        return machine, upper


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    return Engine(Store(tmp_path))


@pytest.fixture
def guard(engine: Engine) -> DiskGuard:
    return DiskGuard(engine, Free(2 * GIB, 1000))


def fill(file: Path, size: int) -> None:
    with file.open("wb") as out:
        os.posix_fallocate(out.fileno(), 0, size)


async def test_beyond_its_bound_a_sandbox_ends_and_its_neighbour_does_not(
    engine: Engine, guard: DiskGuard
) -> None:
    (big, upper), (small, _) = engine.add("big"), engine.add("small")
    assert not await guard.look(PLENTY)
    fill(upper / "file", GIB + 1)
    assert await guard.look(Free(99 * GIB, 10**9)) == [engine.boxes[0].id]
    assert (big.ended, small.ended) == (1, 0)


async def test_it_looks_only_when_something_was_written(engine: Engine, guard: DiskGuard) -> None:
    big, upper = engine.add("big")
    await guard.look(PLENTY)
    fill(upper / "file", GIB + 1)
    assert not await guard.look(Free(PLENTY.size - STEP + 1, PLENTY.files))
    assert big.ended == 0
    await guard.look(Free(PLENTY.size - STEP, PLENTY.files))
    assert big.ended == 1


async def test_room_that_was_made_does_not_hide_what_is_written_then(
    engine: Engine, guard: DiskGuard
) -> None:
    big, upper = engine.add("big")
    await guard.look(PLENTY)
    more = Free(2 * PLENTY.size, PLENTY.files)
    await guard.look(more)
    fill(upper / "file", GIB + 1)
    await guard.look(Free(more.size - STEP, more.files))
    assert big.ended == 1


async def test_too_many_files_are_too_much(
    engine: Engine, guard: DiskGuard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sandboxd.disk.FILES_PER_GIB", 20)
    assert FILES_PER_GIB == 125_000
    many, upper = engine.add("many")
    await guard.look(PLENTY)
    for number in range(25):
        (upper / str(number)).touch()
    await guard.look(Free(PLENTY.size, PLENTY.files - 50_000))
    assert many.ended == 1


async def test_when_the_host_runs_out_only_what_grows_ends(
    engine: Engine, guard: DiskGuard
) -> None:
    (grows, upper), (rests, other) = engine.add("grows"), engine.add("rests")
    fill(other / "file", 64 * 2**20)
    assert not await guard.look(LOW)
    fill(upper / "file", 32 * 2**20)
    assert await guard.look(Free(LOW.size - 32 * 2**20, LOW.files)) == [engine.boxes[0].id]
    assert (grows.ended, rests.ended) == (1, 0)
    assert not await guard.look(Free(LOW.size - 32 * 2**20, LOW.files))


async def test_a_machine_that_is_nearly_full_already_may_still_be_used(engine: Engine) -> None:
    engine.store.home.mkdir(exist_ok=True)
    floor = DiskGuard.of(engine).floor
    assert 0 < floor.size <= 2 * GIB
    assert 0 < floor.files <= 100_000
