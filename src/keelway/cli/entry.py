"""Ways in: the database, the owner's login addresses and API token."""

from pathlib import Path

from keelway.accounts.accounts import Accounts
from keelway.cli.home import Running, write_private
from keelway.cli.progress import Progress
from keelway.db.migrate import upgrade
from keelway.db.session import Database, database_url
from keelway.settings import Settings

ALREADY_RUNNING = 3
"""Exit status of a second `up` on the same home."""


def database(settings: Settings) -> Database:
    configured = settings.database_url
    return Database(
        database_url(settings.home, configured.get_secret_value() if configured else None)
    )


async def migrate(settings: Settings, progress: Progress) -> None:
    """Bring the database to this version's schema."""
    with progress.step("Preparing the database"):
        await upgrade(database(settings).url)


async def login_link(accounts: Accounts, address: str) -> str:
    """A login address for the owner, good once and for ten minutes."""
    key = await accounts.new_login_key(await accounts.owner())
    return f"{address}/login#k={key}"


async def token_file(accounts: Accounts, home: Path) -> str:
    """The owner's API token, in `api-token`; a new one where there is none that works."""
    path = home / "api-token"
    token = path.read_text().strip() if path.exists() else ""
    if not token or await accounts.by_token(token) is None:
        token = await accounts.new_token(await accounts.owner())
        write_private(path, token + "\n")
    return token


async def point_to(owner: Running | None, settings: Settings, progress: Progress) -> int:
    """Say that a server runs here already, and how to get in; the exit status."""
    if owner is None or not owner.address:
        progress.say("Keelway is just starting on this home. Look where it was started.")
        return ALREADY_RUNNING
    progress.say(f"Keelway already runs on {settings.home} (process {owner.pid}).")
    async with database(settings) as opened:
        link = await login_link(Accounts(opened), owner.address)
    progress.say(f"Log in at {link}")
    return ALREADY_RUNNING
