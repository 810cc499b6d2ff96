"""The composition root: everything the app needs, built once, in order, and closed in reverse."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from keelway.accounts.accounts import Accounts
from keelway.db.session import Database, database_url
from keelway.projects.projects import Projects
from keelway.settings import Settings
from keelway.workspaces.tickets import Tickets

DEMO_MODEL = "demo"


@dataclass(frozen=True)
class Services:
    """What routes and commands find under `app.state.services`."""

    settings: Settings
    database: Database
    projects: Projects
    accounts: Accounts
    tickets: Tickets

    @property
    def demo(self) -> bool:
        return self.settings.demo

    @property
    def models(self) -> Sequence[str]:
        return [self.settings.model or DEMO_MODEL]


@asynccontextmanager
async def open_services(settings: Settings, key: bytes) -> AsyncGenerator[Services]:
    """Open everything; `key` is the server's secret key. The database is migrated already."""
    configured = settings.database_url
    url = database_url(settings.home, configured.get_secret_value() if configured else None)
    async with Database(url) as database:
        accounts = Accounts(database)
        yield Services(
            settings=settings,
            database=database,
            projects=Projects(database),
            accounts=accounts,
            tickets=Tickets(key, accounts, settings.port + 1),
        )
