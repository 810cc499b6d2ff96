"""Delete the machines that nobody needs: of deleted projects, twins, builders whose builder died.

Stopping the idle is the engine's own business (`autoStopInterval`).
"""

import logging
from datetime import UTC, datetime, timedelta

from sqlalchemy import select

from keelway.db import models
from keelway.sandboxes.errors import SandboxError
from keelway.sandboxes.manager import PROJECT, SandboxManager
from keelway.sandboxes.sandbox import Sandbox

log = logging.getLogger(__name__)

YOUNG = timedelta(minutes=15)
"""Another server may just be making it, and has not written down that it did."""


async def reap(sandboxes: SandboxManager, *, young: timedelta = YOUNG) -> int:
    """Delete this installation's orphans; how many there were. Called once, at start."""
    async with sandboxes.projects.database.reading() as session:
        rows = await session.execute(select(models.Project.id, models.Project.daytona_sandbox_id))
        in_use = dict(rows.all())
    reaped = 0
    for sandbox in await sandboxes.list({}):
        project = sandbox.labels.get(PROJECT)
        needed = project in in_use and in_use[project] in {None, sandbox.id}
        if needed or _age(sandbox) < young:
            continue
        try:
            await sandboxes.delete(sandbox.id)
        except SandboxError:
            log.warning("orphan not deleted", extra={"sandbox": sandbox.id}, exc_info=True)
        else:
            reaped += 1
    return reaped


def _age(sandbox: Sandbox) -> timedelta:
    made = sandbox.remote.created_at
    if made is None:
        return timedelta(0)
    return datetime.now(UTC) - datetime.fromisoformat(made)
