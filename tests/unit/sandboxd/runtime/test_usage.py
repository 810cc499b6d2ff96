import asyncio
import os
from pathlib import Path

import pytest

from sandboxd.runtime.usage import usage


async def test_bytes_and_files_are_counted_as_the_host_pays_for_them(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * 1_000_000)
    (tmp_path / "hole").touch()
    os.truncate(tmp_path / "hole", 10**9)
    (tmp_path / "link").symlink_to("/usr")
    (tmp_path / "-n\nodd").mkdir()
    found = await usage(tmp_path)
    assert 1_000_000 <= found.size < 1_100_000
    assert (found.files, found.hidden) == (5, False)


async def test_a_folder_that_changes_meanwhile_is_measured_all_the_same(tmp_path: Path) -> None:
    def churn() -> None:
        for number in range(3000):
            name = tmp_path / str(number % 50)
            name.mkdir(exist_ok=True)
            name.rmdir()

    churning = asyncio.to_thread(churn)
    async with asyncio.TaskGroup() as group:
        group.create_task(churning)
        for _ in range(10):
            assert not (await usage(tmp_path)).hidden


async def test_nothing_is_nothing(tmp_path: Path) -> None:
    assert (await usage(tmp_path / "missing")).files == 0


async def test_what_takes_too_long_is_hidden(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sandboxd.runtime.usage.SECONDS", 0.0)
    assert (await usage(tmp_path)).hidden
