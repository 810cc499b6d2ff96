"""Delete the machines that nobody needs: of deleted projects, twins, builders whose builder died.

Stopping the idle is the engine's own business (`autoStopInterval`).
"""

import logging
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from sqlalchemy import select

from keelway.db import models
from keelway.sandboxes.errors import SandboxError
from keelway.sandboxes.manager import PROJECT, SandboxManager

log = logging.getLogger(__name__)

YOUNG = timedelta(minutes=15)
"""Another server may just be making it, and has not written down that it did."""


async def reap(sandboxes: SandboxManager, *, young: timedelta = YOUNG) -> int:
    """Delete this installation's orphans; how many there were. Called once, at start."""
    async with sandboxes.projects.database.reading() as session:
        rows = await session.execute(select(models.Project.id, models.Project.daytona_sandbox_id))
        in_use = {row.id: row.daytona_sandbox_id for row in rows}
    reaped = 0
    for sandbox in await sandboxes.list({}):
        if needed(sandbox.labels, sandbox.id, in_use) or age(sandbox.remote.created_at) < young:
            continue
        try:
            await sandboxes.delete(sandbox.id)
        except SandboxError:
            log.warning("orphan not deleted", extra={"sandbox": sandbox.id}, exc_info=True)
        else:
            reaped += 1
    return reaped


def needed(labels: Mapping[str, str], sandbox: str, in_use: Mapping[str, str | None]) -> bool:
    """Whether a living project uses it, or uses none and may find this one by its label."""
    project = labels.get(PROJECT)
    return project is not None and project in in_use and in_use[project] in {None, sandbox}


def age(created: str | None) -> timedelta:
    """How long ago that was; nothing when the engine does not say."""
    if created is None:
        return timedelta(0)
    return datetime.now(UTC) - datetime.fromisoformat(created)
