"""Git runs without the host's configuration, and never outlives its call."""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from keelway.fragments.cache import create_repository
from keelway.git.command import GitError, git


@pytest.fixture
def repository(home: Path) -> Path:
    create_repository(home / "r.git")
    return home / "r.git"


async def test_arguments_in_bytes_out(repository: Path) -> None:
    oid = (await git("hash-object", "-w", "--stdin", repository=repository, stdin=b"hi\n")).strip()
    assert await git("cat-file", "blob", oid.decode(), repository=repository) == b"hi\n"


async def test_a_stream_is_fed_as_it_comes(repository: Path) -> None:
    async def stream() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b"x" * 10_000

    oid = await git("hash-object", "-w", "--stdin", repository=repository, stdin=stream())
    size = await git("cat-file", "-s", oid.decode().strip(), repository=repository)
    assert int(size) == 1_000_000


async def test_a_failure_carries_what_git_said(repository: Path) -> None:
    with pytest.raises(GitError, match="Not a valid object name") as failed:
        await git("cat-file", "-t", "0" * 40 + "x", repository=repository)
    assert failed.value.exit_code == 128


async def test_the_persons_own_configuration_has_no_say(
    repository: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / ".gitconfig").write_text("[user]\n\tname = Somebody\n")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    assert b"Somebody" not in await git("config", "--list", repository=repository)


@pytest.mark.parametrize("how", ["time limit", "cancelled"])
async def test_nothing_of_git_outlives_a_call_that_ended_early(repository: Path, how: str) -> None:
    async def never() -> AsyncIterator[bytes]:
        yield b"x"
        await asyncio.sleep(60)

    async def call(seconds: float) -> None:
        await git("hash-object", "--stdin", repository=repository, stdin=never(), seconds=seconds)

    started = time.monotonic()
    if how == "cancelled":
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(call(60), 0.3)
    else:
        with pytest.raises(GitError, match="too long"):
            await call(0.3)
    assert time.monotonic() - started < 10
    mine = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    names = [Path(f"/proc/{pid}/cmdline").read_bytes() for pid in mine]
    assert not any(b"hash-object" in name for name in names)


async def test_more_output_than_allowed_is_an_error(repository: Path) -> None:
    oid = await git("hash-object", "-w", "--stdin", repository=repository, stdin=b"x" * 100_000)
    with pytest.raises(GitError, match="too much"):
        await git("cat-file", "blob", oid.decode().strip(), repository=repository, limit=1000)
