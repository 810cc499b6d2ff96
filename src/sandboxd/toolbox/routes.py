"""All routes of the toolbox in one table, and what is kept in every running sandbox."""

from collections.abc import Callable

from sandboxd.toolbox import execute, files, find, info, sessions, transfer
from sandboxd.toolbox.inside import Inside, Keeper
from sandboxd.toolbox.sessions import Sessions
from sandboxd.wire import Routes


def toolbox_routes() -> Routes:
    routes = Routes()
    for part in (info, files, find, transfer, execute, sessions):
        routes.include(part.routes)
    return routes


def keepers() -> list[Callable[[Inside], Keeper]]:
    return [Sessions]
