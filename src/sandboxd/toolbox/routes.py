"""All routes of the toolbox in one table, and what is kept in every running sandbox."""

from collections.abc import Callable

from sandboxd.toolbox import (
    code_run,
    execute,
    files,
    find,
    git,
    info,
    interpreter,
    pty,
    sessions,
    transfer,
)
from sandboxd.toolbox.inside import Inside, Keeper
from sandboxd.toolbox.interpreter import Contexts
from sandboxd.toolbox.pty import Terminals
from sandboxd.toolbox.sessions import Sessions
from sandboxd.wire import Routes


def toolbox_routes() -> Routes:
    routes = Routes()
    for part in (
        info, files, find, transfer, execute, code_run, sessions, pty, interpreter, git,
    ):  # fmt: skip
        routes.include(part.routes)
    return routes


def keepers() -> list[Callable[[Inside], Keeper]]:
    return [Sessions, Terminals, Contexts]
