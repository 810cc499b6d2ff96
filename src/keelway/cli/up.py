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

from engineio import async_client
from pydantic import SecretStr

from keelway import app
from keelway.accounts.gate import Names
from keelway.cli.entry import login_link, migrate, point_to, token_file
from keelway.cli.home import AlreadyRunning, locked, secret_key, write_private
from keelway.cli.progress import Progress
from keelway.cli.servers import Site, listen_twice, serving
from keelway.local import running_engine
from keelway.sandboxes.reaper import reap
from keelway.services import Services, open_services
from keelway.settings import Settings
from keelway.workspaces.gateway import Gateway
from keelway.workspaces.template import ensure_template


@dataclass
class Signals:
    """Ctrl-C, a closed terminal or `kill` end the main task; which one says what happens to the engine."""

    main: asyncio.Task[object]
    got: list[signal.Signals] = field(default_factory=list[signal.Signals])

    def install(self) -> None:
        # The SDK's socket client would put a handler of its own here, which cancels every task there is.
        async_client.async_signal_handler_set = True
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
            return await point_to(taken.owner, settings, progress)
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
        await _template(services, progress)
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


async def _template(services: Services, progress: Progress) -> None:
    """The starter app's snapshot, built at the first start; and no sandbox that nobody needs."""

    async def tell(words: str) -> None:
        progress.say(f"  {words}")

    with progress.step("Preparing the starter app"):
        await ensure_template(services.sandboxes, progress=tell)
        await reap(services.sandboxes)


@asynccontextmanager
async def _served(
    services: Services, page: socket.socket, previews: socket.socket
) -> AsyncGenerator[None]:
    """The page and, on the next port, the previews."""
    settings = services.settings
    door = app.door(app.create_app(settings, services), settings, services)
    async with (
        Gateway(services, names(settings)) as gateway,
        serving([Site(app.guarded(door), page), Site(gateway, previews)]),
    ):
        try:
            yield
        finally:
            door.end_streams()
            gateway.end_streams()


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
