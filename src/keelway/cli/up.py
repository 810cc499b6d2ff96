"""`keelway up`: one process that serves the page and the previews until Ctrl-C."""

import asyncio
import html
import os
import signal
import socket
import webbrowser
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import SecretStr

from keelway import app
from keelway.accounts.accounts import Accounts
from keelway.accounts.gate import Names
from keelway.cli.home import AlreadyRunning, Running, locked, secret_key, write_private
from keelway.cli.progress import Progress
from keelway.cli.servers import Site, listen_twice, serving
from keelway.db.migrate import upgrade
from keelway.db.session import Database, database_url
from keelway.local import running_engine
from keelway.services import Services, open_services
from keelway.settings import Settings
from keelway.workspaces.gateway import Gateway

ALREADY_RUNNING = 3
"""Exit status of a second `up` on the same home."""


@dataclass
class Signals:
    """Ctrl-C, a closed terminal or `kill` end the main task; which one says what happens to the engine."""

    main: asyncio.Task[object]
    got: list[signal.Signals] = field(default_factory=list[signal.Signals])

    def install(self) -> None:
        loop = asyncio.get_running_loop()
        for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(one, self._on, one)

    def _on(self, which: signal.Signals) -> None:
        self.got.append(which)
        self.main.cancel(f"signal {which.name}")

    @property
    def keep_engine(self) -> bool:
        """`kill` is an upgrade or a manager's restart: the sandboxes live on."""
        return bool(self.got) and self.got[0] is signal.SIGTERM


async def up(settings: Settings, progress: Progress, *, browser: bool, engine: bool) -> int:
    """Serve until a signal comes; the exit status. `engine`: start or adopt `sandboxd`."""
    main = asyncio.current_task()
    assert main is not None
    signals = Signals(main)
    signals.install()
    try:
        return await _up(settings, progress, signals, browser=browser, engine=engine)
    except asyncio.CancelledError:
        if not signals.got:
            raise
        progress.say("Stopped. Everything is kept; start again to go on.")
        return 0


async def _up(
    settings: Settings, progress: Progress, signals: Signals, *, browser: bool, engine: bool
) -> int:
    async with AsyncExitStack() as stack:
        try:
            lock = stack.enter_context(locked(settings.home))
        except AlreadyRunning as taken:
            return await _point_to(taken.owner, settings, progress)
        page, previews = listen_twice(settings.host, settings.port)
        stack.enter_context(closing(page))
        stack.enter_context(closing(previews))
        settings = settings.model_copy(update={"port": page.getsockname()[1]})
        await migrate(settings, progress)
        if engine and settings.daytona_api_key is None:
            settings = await stack.enter_async_context(_engine(settings, progress, signals))
        services = await stack.enter_async_context(
            open_services(settings, secret_key(settings.home))
        )
        await stack.enter_async_context(_served(services, page, previews))
        lock.announce(names(settings).address)
        await token_file(services.accounts, settings.home)
        link = await login_link(services.accounts, names(settings).address)
        progress.say(f"\nKeelway runs. Log in at {link}\n")
        if browser:
            await _open_browser(link, settings.home, progress)
        await asyncio.Event().wait()
    raise AssertionError("only a signal ends the wait")


@asynccontextmanager
async def _engine(
    settings: Settings, progress: Progress, signals: Signals
) -> AsyncGenerator[Settings]:
    """`sandboxd` beside us, and the settings that point the SDK at it."""
    async with AsyncExitStack() as stack:
        with progress.step("Starting the sandbox engine"):
            engine = await stack.enter_async_context(
                running_engine(settings.home / "sandboxd", keep=lambda: signals.keep_engine)
            )
        assert engine.endpoint is not None
        yield settings.model_copy(
            update={
                "daytona_api_url": engine.endpoint.url,
                "daytona_api_key": SecretStr(engine.endpoint.key),
            }
        )


@asynccontextmanager
async def _served(
    services: Services, page: socket.socket, previews: socket.socket
) -> AsyncGenerator[None]:
    """The page and, on the next port, the previews."""
    settings = services.settings
    pages = app.guarded(app.create_app(settings, services), settings, services)
    async with (
        Gateway(services, names(settings)) as gateway,
        serving([Site(pages, page), Site(gateway, previews)]),
    ):
        yield


async def _point_to(owner: Running | None, settings: Settings, progress: Progress) -> int:
    """Say that a server runs here already, and how to get in."""
    if owner is None or not owner.address:
        progress.say("Keelway is just starting on this home. Look where it was started.")
        return ALREADY_RUNNING
    progress.say(f"Keelway already runs on {settings.home} (process {owner.pid}).")
    async with database(settings) as opened:
        link = await login_link(Accounts(opened), owner.address)
    progress.say(f"Log in at {link}")
    return ALREADY_RUNNING


async def _open_browser(link: str, home: Path, progress: Progress) -> None:
    """By a private file that leads on: a command line is there for all to read (TRUST.md T14)."""
    if not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return
    file = home / "login.html"
    address = html.escape(link, quote=True)
    write_private(
        file,
        f'<!doctype html><meta charset="utf-8"><meta name="referrer" content="no-referrer">'
        f'<meta http-equiv="refresh" content="0; url={address}"><title>Keelway</title>\n',
    )
    if not await asyncio.to_thread(webbrowser.open, file.as_uri()):
        progress.say("No browser could be started; open the address yourself.")


def names(settings: Settings) -> Names:
    return Names.of(settings.public_host, settings.port)


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
