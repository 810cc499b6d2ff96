"""`sandboxd serve` and `sandboxd env`."""

import logging
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from sandboxd.errors import SandboxdError
from sandboxd.serve import read_endpoint, run

main = typer.Typer(add_completion=False, no_args_is_help=True, help="Isolated sandboxes, served.")


def _default_home() -> Path:
    data = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(data) / "sandboxd"


HOME = Annotated[Path, typer.Option("--home", help="Where everything is kept.")]


@main.command("serve")
def serve_command(
    home: HOME = _default_home(),  # noqa: B008
    port: Annotated[int, typer.Option(help="0: the port of last time, else a free one.")] = 0,
    allow_origin: Annotated[
        list[str] | None, typer.Option(help="A web page's origin that may call the API.")
    ] = None,
    verbose: Annotated[bool, typer.Option("--verbose", help="Say more.")] = False,
) -> None:
    """Serve the engine of one home on loopback until SIGTERM or SIGINT."""
    logging.basicConfig(
        level=logging.DEBUG if verbose else logging.INFO,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        stream=sys.stderr,
    )
    try:
        run(home, port, frozenset(allow_origin or ()))
    except SandboxdError as error:
        typer.echo(f"sandboxd: {error.message}", err=True)
        raise typer.Exit(1) from None
    except OSError as error:
        typer.echo(f"sandboxd: {error}", err=True)
        raise typer.Exit(1) from None


@main.command("env")
def env_command(home: HOME = _default_home()) -> None:  # noqa: B008
    """Print the lines that point any Daytona client at a running engine."""
    endpoint = read_endpoint(home)
    if endpoint is None:
        typer.echo(
            f"sandboxd: no engine has served {home}; start one with sandboxd serve", err=True
        )
        raise typer.Exit(1)
    typer.echo(f"DAYTONA_API_URL={endpoint['url']}")
    typer.echo(f"DAYTONA_API_KEY={endpoint['key']}")
