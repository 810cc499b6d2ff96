"""Fixtures that every kind of test may use; makers of richer things live in tests/support."""

import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from keelway.db.session import Database, database_url

SUPPORT = Path(__file__).parent / "support"
pytest_plugins = [
    f"tests.support.{name}" for name in ("engine", "postgres") if (SUPPORT / f"{name}.py").exists()
]


@pytest.fixture(autouse=True)
def same_umask() -> Iterator[None]:
    """A test that changes the process's umask would break others far away."""
    before = _umask()
    yield
    after = _umask()
    os.umask(before)
    assert after == before, "this test has changed the umask"


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


@pytest.fixture
def home() -> Iterator[Path]:
    """An empty data folder under a short path (Unix sockets allow 107 bytes)."""
    path = Path(tempfile.mkdtemp(prefix="kw-", dir="/tmp"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
async def database(home: Path) -> AsyncIterator[Database]:
    """A migrated SQLite database of its own."""
    from keelway.db.migrate import upgrade

    url = database_url(home, None)
    await upgrade(url)
    async with Database(url) as opened:
        yield opened
