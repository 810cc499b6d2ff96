"""All routes of the control plane in one table."""

from sandboxd.api import listing, previews, rest, sandboxes, snapshots
from sandboxd.wire import Routes


def control_plane() -> Routes:
    routes = Routes()
    for part in (sandboxes, listing, previews, snapshots, rest):
        routes.include(part.routes)
    return routes
