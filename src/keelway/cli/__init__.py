"""The commands: `up`, `serve`, `token`, `link`, `doctor`, `migrate`."""

from keelway.cli.commands import main

__all__ = ["main"]
