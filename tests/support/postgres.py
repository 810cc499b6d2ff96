"""A real PostgreSQL: one cluster per test session on a Unix socket, one fresh database per test."""

import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.engine import URL, make_url

from keelway.db.session import Database, database_url
from keelway.ids import new_id

MISSING = "PostgreSQL is missing: install the package postgresql."


def programs() -> Path | None:
    """Where Debian keeps `initdb` and `postgres`, newest first; else wherever PATH has them."""
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin"),
        key=lambda path: int(path.parent.name) if path.parent.name.isdigit() else 0,
    )
    if found:
        return found[-1]
    initdb = shutil.which("initdb")
    return Path(initdb).parent if initdb else None


def as_nobody() -> list[str]:
    """PostgreSQL refuses root and a uid without a name: inside a user namespace it is `nobody`."""
    uid = os.getuid()
    try:
        pwd.getpwuid(uid)
    except KeyError:
        named = False
    else:
        named = True
    if uid != 0 and named:
        return []
    return ["unshare", "--user", "--map-user=65534", "--map-group=65534"]


class Cluster:
    """A running server in `folder`; durable as in production, or `upgrade` would refuse it."""

    def __init__(self, binaries: Path, folder: Path) -> None:
        self.binaries = binaries
        self.folder = folder
        self.data = folder / "data"
        self._server: subprocess.Popen[bytes] | None = None
        self._template: str | None = None

    def create(self) -> None:
        done = subprocess.run(
            [
                *as_nobody(),
                str(self.binaries / "initdb"),
                *("-D", str(self.data), "-U", "keelway", "-A", "trust", "-E", "UTF8"),
                *("--locale=C", "--no-sync"),
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr

    def start(self) -> None:
        log = (self.folder / "log").open("ab")
        self._server = subprocess.Popen(
            [
                *as_nobody(),
                *("setpriv", "--pdeathsig", "INT"),  # also when pytest itself is killed
                str(self.binaries / "postgres"),
                *("-D", str(self.data), "-k", str(self.folder), "-h", ""),
                *("-c", "max_connections=200", "-c", "shared_buffers=32MB"),
            ],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        log.close()
        self._wait()

    def _wait(self) -> None:
        assert self._server is not None
        for _ in range(600):
            try:
                psycopg.connect(self.address("postgres")).close()
            except psycopg.OperationalError:
                assert self._server.poll() is None, (self.folder / "log").read_text()
                time.sleep(0.05)
            else:
                return
        raise AssertionError((self.folder / "log").read_text())

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """SIGINT: a fast, orderly end. SIGQUIT: at once, as a crash."""
        if self._server is not None:
            self._server.send_signal(how)
            self._server.wait(30)
            self._server = None

    def address(self, name: str) -> str:
        return f"host={self.folder} dbname={name} user=keelway"

    def url(self, name: str) -> URL:
        return make_url("postgresql+psycopg://").set(
            username="keelway", database=name, query={"host": str(self.folder)}
        )

    def execute(self, statement: str) -> None:
        with psycopg.connect(self.address("postgres"), autocommit=True) as connection:
            connection.execute(statement.encode())

    def new_database(self, *, migrated: bool = True) -> URL:
        """A database of its own; migrated ones are copies of one that was migrated once."""
        name = f"test_{new_id().replace('-', '')}"
        template = f" TEMPLATE {self.template()}" if migrated else ""
        self.execute(f"CREATE DATABASE {name}{template}")
        return self.url(name)

    def template(self) -> str:
        if self._template is None:
            self.execute("CREATE DATABASE migrated")
            url = self.url("migrated").render_as_string(hide_password=False)
            subprocess.run([sys.executable, "-m", "keelway.db.migrate", "upgrade", url], check=True)
            self._template = "migrated"
        return self._template


@pytest.fixture(scope="session")
def postgres() -> Iterator[Cluster]:
    """The session's cluster; without PostgreSQL the test fails and names the package."""
    binaries = programs()
    if binaries is None:
        pytest.fail(MISSING, pytrace=False)
    folder = Path(tempfile.mkdtemp(prefix="kw-pg-", dir="/tmp"))
    cluster = Cluster(binaries, folder)
    try:
        cluster.create()
        cluster.start()
        yield cluster
    finally:
        cluster.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=["sqlite", "postgres"])
async def any_url(request: pytest.FixtureRequest, home: Path) -> URL:
    """A migrated database on each of the two systems."""
    if request.param == "postgres":
        cluster: Cluster = request.getfixturevalue("postgres")
        return cluster.new_database()
    from keelway.db.migrate import upgrade

    url = database_url(home, None)
    await upgrade(url)
    return url


@pytest.fixture
async def any_database(any_url: URL) -> AsyncIterator[Database]:
    """An open database, once on SQLite and once on PostgreSQL."""
    async with Database(any_url) as opened:
        yield opened
