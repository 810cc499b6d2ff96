"""Ways in: the database, login addresses, the owner's API token, and who there is."""

from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

from keelway.accounts import people
from keelway.accounts.accounts import LOGIN_KEY, Accounts
from keelway.cli.home import Running, write_private
from keelway.cli.progress import Progress, clean
from keelway.db.migrate import upgrade
from keelway.db.session import Database, database_url
from keelway.settings import Settings

ALREADY_RUNNING = 3
"""Exit status of a second `up` on the same home."""
WIDEST = 40
"""Characters that a column is made wide for; longer cells stick out."""


def database(settings: Settings) -> Database:
    configured = settings.database_url
    return Database(
        database_url(settings.home, configured.get_secret_value() if configured else None)
    )


async def migrate(settings: Settings, progress: Progress) -> None:
    """Bring the database to this version's schema."""
    with progress.step("Preparing the database"):
        await upgrade(database(settings).url)


async def login_link(
    accounts: Accounts, address: str, who: str | None = None, good_for: timedelta = LOGIN_KEY
) -> str:
    """A login address, good once: the owner's, or that of an id or e-mail. Raises PersonNotFound."""
    owner = await accounts.owner()
    user = owner if who is None else await people.find(accounts.database, who)
    key = await accounts.new_login_key(user, good_for)
    return f"{address}/login#k={key}"


def table(known: Iterable[people.Known]) -> list[str]:
    """One line a person, below a line of headings; nothing that they are called breaks it."""
    rows = [("ID", "E-MAIL", "NAME", "ROLE", "PASSWORD", "TEAMS")]
    for one in known:
        user, teams = one.user, ", ".join(one.teams)
        rows.append((user.id, user.email or "", user.name or "", user.role, one.password, teams))
    cells = [[" ".join(clean(cell).split()) or "-" for cell in row] for row in rows]
    widths = [min(max(map(len, column)), WIDEST) for column in zip(*cells, strict=True)]
    return [
        "  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in cells
    ]


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
