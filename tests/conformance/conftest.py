"""Every test of the contract runs with both agents and through both Python SDKs."""

import contextlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.sandboxd import EngineProcess, Sdk, new_engine, sdk_of


@pytest.fixture(scope="session", params=["c", "python"])
def engine(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[EngineProcess]:
    """One engine per agent; the Python agent's has no compiler to fall back on."""
    if request.param == "c":
        running = new_engine({"SANDBOXD_AGENT": "c"})
    else:
        running = new_engine({"SANDBOXD_AGENT": "python", "PATH": bare_path(tmp_path_factory)})
    yield running
    running.remove()


def bare_path(factory: pytest.TempPathFactory) -> str:
    """A PATH with everything the machine has but compilers."""
    folder = factory.mktemp("bin")
    for source in (Path("/usr/bin"), Path("/bin")):
        for program in source.iterdir():
            if any(word in program.name for word in ("gcc", "cc", "clang", "c++", "g++", "cpp")):
                continue
            with contextlib.suppress(FileExistsError):
                (folder / program.name).symlink_to(program)
    return str(folder)


@pytest.fixture(params=["sync", "async"])
async def sdk(request: pytest.FixtureRequest, engine: EngineProcess) -> AsyncIterator[Sdk]:
    async with sdk_of(engine, request.param) as opened:
        yield opened


@pytest.fixture
async def sandbox(sdk: Sdk) -> AsyncIterator[Any]:
    """A sandbox from the default snapshot."""
    made = await sdk.do(sdk.client.create)
    yield made
    with contextlib.suppress(Exception):
        await sdk.do(made.delete)


@pytest.fixture
def own_engine() -> Iterator[EngineProcess]:
    """An engine of the test's own, to be killed and started again."""
    running = new_engine()
    yield running
    running.remove()
