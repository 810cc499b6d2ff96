"""Two imports at once: the second one says so, on one home and on one database."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.migration.test_again import history
from tests.support.legacy import import_from, write_dump
from tests.support.postgres import Cluster

from keelway.db.session import database_url
from keelway.legacy.alone import ImportRunning, alone


async def test_on_one_home(home: Path) -> None:
    dump = write_dump(home / "old.sql", history(1, 2))
    async with alone(home, database_url(home, None)):
        with pytest.raises(ImportRunning, match="on this home"):
            await import_from(dump, home)
        status, _ = await import_from(dump, home, dry_run=True)
        assert status == 0
    status, _ = await import_from(dump, home)
    assert status == 0


async def test_on_one_database_from_two_homes_until_the_first_one_dies(
    postgres: Cluster, home: Path
) -> None:
    url = postgres.new_database()
    address = url.render_as_string(hide_password=False)
    dump = write_dump(home / "old.sql", history(1, 2))
    code = (
        "import asyncio, sys, pathlib\n"
        "from sqlalchemy.engine import make_url\n"
        "from keelway.legacy.alone import alone\n"
        "async def main():\n"
        "    async with alone(pathlib.Path(sys.argv[1]), make_url(sys.argv[2])):\n"
        "        print('held', flush=True)\n"
        "        await asyncio.sleep(60)\n"
        "asyncio.run(main())\n"
    )
    other = home / "other"
    other.mkdir()
    holder = subprocess.Popen(
        [sys.executable, "-c", code, str(other), address], stdout=subprocess.PIPE, env=os.environ
    )
    try:
        assert holder.stdout is not None
        assert await asyncio.to_thread(holder.stdout.readline) == b"held\n"
        with pytest.raises(ImportRunning, match="on this database"):
            await import_from(dump, home / "one", database_url=address)
        status, _ = await import_from(dump, home / "one", database_url=address, dry_run=True)
        assert status == 0
    finally:
        holder.kill()
        holder.communicate()
    status, _ = await import_from(dump, home / "one", database_url=address)
    assert status == 0
