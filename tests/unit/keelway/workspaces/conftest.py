"""A server whose engine does not answer: everything that must work without a machine."""

import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pydantic import SecretStr
from tests.support.workspaces import Bench, add_owner

from keelway.db.session import Database
from keelway.fragments.store import FragmentStore
from keelway.projects.projects import Projects
from keelway.sandboxes.manager import open_sandboxes
from keelway.settings import Settings
from keelway.workspaces.lease import Leases
from keelway.workspaces.workspaces import Workspaces


@pytest.fixture
async def offline(database: Database, home: Path) -> AsyncIterator[Bench]:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/api"
        settings = Settings.model_validate(
            {"home": home, "DAYTONA_API_URL": url, "DAYTONA_API_KEY": SecretStr("key")}
        )
        await add_owner(database)
        projects = Projects(database)
        store = FragmentStore(database, settings.repositories)
        leases = Leases(database)
        async with open_sandboxes(settings, projects) as sandboxes:
            workspaces = Workspaces(database, store, sandboxes, leases, settings)
            yield Bench(settings, database, projects, store, sandboxes, leases, workspaces)
        store.close()
