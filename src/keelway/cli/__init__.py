"""The commands: `up`, `serve`, `token`, `link`, `people`, `doctor`, `migrate`."""

from keelway.cli.commands import main

__all__ = ["main"]
