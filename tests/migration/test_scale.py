"""Large versions: fast enough, and in memory that does not grow with their number."""

import asyncio
import multiprocessing
import resource
import time
from multiprocessing.connection import Connection
from pathlib import Path

from benchmarks.import_legacy import write_dump
from tests.support.legacy import import_from


def measure(dump: Path, home: Path, out: Connection) -> None:
    started = time.process_time()
    status, _ = asyncio.run(import_from(dump, home))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    out.send((status, time.process_time() - started, peak / 1024))


def imported(home: Path, versions: int) -> tuple[int, float, float]:
    """Exit status, seconds of processor time, peak memory in MiB of an import in a process of its own."""
    dump = home / f"{versions}.sql"
    write_dump(dump, versions, 1)
    ours, theirs = multiprocessing.get_context("spawn").Pipe()
    process = multiprocessing.get_context("spawn").Process(
        target=measure, args=(dump, home / str(versions), theirs)
    )
    process.start()
    process.join(120)
    dump.unlink()
    return ours.recv()


def test_versions_of_300_files_take_little_time_and_flat_memory(home: Path) -> None:
    few, many = imported(home, 40), imported(home, 160)
    assert few[0] == many[0] == 0
    assert (many[1] - few[1]) / 120 < 0.06  # the bar is 60 s for a thousand, on a quiet machine
    assert many[2] - few[2] < 64
