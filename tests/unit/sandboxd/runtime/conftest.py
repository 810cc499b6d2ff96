import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from tests.support.machines import AGENTS, running, temporary_home

from sandboxd.runtime.machine import NamespaceMachine
from sandboxd.runtime.namespaces import Namespaces


@pytest.fixture(scope="session")
def engine_home() -> Iterator[Path]:
    """One home for all tests here, so that its base layer is copied once."""
    yield from temporary_home()


@pytest.fixture(params=AGENTS)
async def runtime(
    request: pytest.FixtureRequest, engine_home: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Namespaces]:
    monkeypatch.delenv("SANDBOXD_AGENT", raising=False)
    opened = Namespaces(engine_home, agent=request.param)
    await opened.open()
    yield opened
    await opened.close()


@pytest.fixture
def place(engine_home: Path) -> Path:
    """An empty folder for the machines of one test."""
    return Path(tempfile.mkdtemp(dir=engine_home))


@pytest.fixture
async def machine(runtime: Namespaces, place: Path) -> AsyncIterator[NamespaceMachine]:
    async with running(runtime, place, "machine") as made:
        yield made
