"""The commands, each a sentence: read settings, do one thing, say what happened, exit with a status."""

import asyncio
import os
import resource
import sys
from collections.abc import Coroutine
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar, cast

import typer
from pydantic import ValidationError

from keelway import telemetry
from keelway.accounts.accounts import LOGIN_KEY, Accounts
from keelway.accounts.people import everybody
from keelway.cli.doctor import report
from keelway.cli.entry import database, login_link, migrate, point_to, table, token_file
from keelway.cli.home import HomeUnusable, prepare, running
from keelway.cli.progress import Progress, clean
from keelway.cli.servers import PortBusy
from keelway.errors import KeelwayError
from keelway.settings import Settings

T = TypeVar("T")

commands = typer.Typer(
    add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, help=__doc__
)

Home = Annotated[
    Path | None, typer.Option(help="Data folder. [default: $KEELWAY_HOME or the XDG data folder]")
]
Port = Annotated[
    int | None, typer.Option(help="The page's port; previews use the next. [default: 8420]")
]
Host = Annotated[str | None, typer.Option(help="Address to listen on. [default: 127.0.0.1]")]
NoBrowser = Annotated[bool, typer.Option("--no-browser", help="Do not open the login address.")]


def main() -> None:
    os.umask(0o077)
    try:
        commands(prog_name="keelway")
    except KeyboardInterrupt:
        sys.exit(130)


@commands.command("up")
def up_command(
    home: Home = None, port: Port = None, host: Host = None, no_browser: NoBrowser = False
) -> None:
    """Start Keelway with its sandbox engine, and print a login address. Ctrl-C stops both.

    Exit status: 0 stopped by a signal, 1 it could not start, 3 it runs on this home already.
    """
    _serve(_settings(home, port, host), browser=not no_browser, engine=True)


@commands.command()
def serve(home: Home = None, port: Port = None, host: Host = None) -> None:
    """Start the app alone; the engine is where DAYTONA_API_URL and DAYTONA_API_KEY say."""
    settings = _settings(home, port, host)
    if settings.daytona_api_key is None:
        _fail("Set DAYTONA_API_KEY (and DAYTONA_API_URL), or run `keelway up`.")
    _serve(settings, browser=False, engine=False)


@commands.command()
def token(home: Home = None) -> None:
    """Print the owner's API token, for programs: `Authorization: Bearer TOKEN`."""

    async def get(settings: Settings) -> str:
        prepare(settings.home)
        await migrate(settings, Progress(sys.stderr))
        async with database(settings) as opened:
            return await token_file(Accounts(opened), settings.home)

    typer.echo(_run(get(_settings(home))))


@commands.command()
def link(
    home: Home = None,
    user: Annotated[
        str | None, typer.Option(help="Id or e-mail of whom it is for. [default: the owner]")
    ] = None,
    hours: Annotated[
        int | None, typer.Option(min=1, max=168, help="How long it works. [default: ten minutes]")
    ] = None,
) -> None:
    """Print a fresh login address for the server that runs on this home, good once.

    With --user it is an invitation and a forgotten password's way back in one: whoever opens it is logged
    in as that person and may set a password.
    """
    settings = _settings(home)
    owner = running(settings.home)
    if owner is None:
        _fail(f"Keelway does not run on {settings.home}. Start it with `keelway up`.")
    good_for = LOGIN_KEY if hours is None else timedelta(hours=hours)

    async def make() -> str:
        async with database(settings) as opened:
            return await login_link(Accounts(opened), owner.address, user, good_for)

    typer.echo(_run(make()))


@commands.command("people")
def people_command(home: Home = None) -> None:
    """List who is on this server, and whether they have a password.

    PASSWORD: yes, old (brought over and not used here yet), or no: they need `keelway link --user ID`.
    """
    settings = _settings(home)

    async def get() -> list[str]:
        prepare(settings.home)
        await migrate(settings, Progress(sys.stderr))
        async with database(settings) as opened:
            return table(await everybody(opened))

    typer.echo("\n".join(_run(get())))


@commands.command()
def doctor(home: Home = None, port: Port = None, host: Host = None) -> None:
    """Say what this machine can and cannot do, with the next action for each problem.

    Exit status: 0 everything is fine, 1 something is not.
    """
    raise typer.Exit(_run(report(_settings(home, port, host), Progress())))


@commands.command("migrate")
def migrate_command(home: Home = None) -> None:
    """Bring the database to this version's schema; `up` does it by itself."""
    settings = _settings(home)

    async def bring() -> None:
        prepare(settings.home)
        await migrate(settings, Progress())

    _run(bring())


@commands.command("import-legacy")
def import_legacy(
    source: Annotated[
        str,
        typer.Argument(
            help="PostgreSQL URL, plain pg_dump file, or folder of <table>.jsonl files."
        ),
    ],
    home: Home = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Write nothing; say what would happen.")
    ] = False,
    verify: Annotated[
        bool, typer.Option("--verify", help="Compare what is here with the source again.")
    ] = False,
    report_path: Annotated[
        Path, typer.Option("--report", help="Where the report goes; a page for people beside it.")
    ] = Path("report.json"),
    project: Annotated[
        list[str] | None, typer.Option(help="Only this old project id; may be repeated.")
    ] = None,
    base: Annotated[
        str, typer.Option(help="Template under projects without files of their own, or none.")
    ] = "react-vite",
    owner: Annotated[
        str | None, typer.Option(help="Id or e-mail of who gets projects without a known user.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the report itself, for programs.")
    ] = False,
) -> None:
    """Bring the old system's database over: people, projects, chats, and every version as a commit.

    Exit status: 0 all of it is here and whole, 3 done but something needs a human, 1 nothing could be
    done. With --verify: 0 the old database may be retired, 3 not yet.
    """
    from keelway.cli.importing import Wish, bring_over

    wish = Wish(
        source, report_path, tuple(project or ()), base, owner,
        dry_run=dry_run, verify=verify, as_json=as_json,
    )  # fmt: skip
    raise typer.Exit(_run(bring_over(_settings(home), wish)))


def _serve(settings: Settings, *, browser: bool, engine: bool) -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        prepare(settings.home)
    except HomeUnusable as error:
        _fail(str(error))
    telemetry.configure_logging(settings.home / "keelway.log", sys.stderr)
    progress = Progress()
    owner = running(settings.home)
    if owner is not None:
        raise typer.Exit(_run(point_to(owner, settings, progress)))
    progress.say("Starting Keelway ...")
    # Everything the app is made of takes seconds to import: said first, and spared the other commands.
    from keelway.cli.up import up

    raise typer.Exit(_run(up(settings, progress, browser=browser, engine=engine)))


def _settings(home: Path | None, port: int | None = None, host: str | None = None) -> Settings:
    given = {"home": home, "port": port, "host": host}
    try:
        settings = Settings(**{key: value for key, value in given.items() if value is not None})  # pyright: ignore[reportArgumentType]
    except ValidationError as error:
        _fail("\n".join(f"{e['loc'][0]}: {e['msg']}" for e in error.errors()))
    return settings.model_copy(update={"home": settings.home.expanduser().absolute()})


def _run(work: Coroutine[Any, Any, T]) -> T:
    """Run it to its end; what a person can do something about becomes a sentence and status 1."""
    results: list[T] = []
    said: list[str] = []
    try:
        results.append(asyncio.run(work))
    except* (HomeUnusable, PortBusy, KeelwayError) as errors:
        said += [str(error) for error in _leaves(cast(BaseExceptionGroup[Any], errors))]
    if said:
        _fail("\n".join(said))
    return results[0]


def _leaves(group: BaseExceptionGroup[Any]) -> list[BaseException]:
    found: list[BaseException] = []
    for error in group.exceptions:
        inner = cast(BaseExceptionGroup[Any], error)
        found += _leaves(inner) if isinstance(error, BaseExceptionGroup) else [error]
    return found


def _fail(said: str) -> NoReturn:
    typer.echo(clean(said), err=True)
    raise typer.Exit(1)
