"""The starter apps, and the snapshot that each is started from.

A snapshot holds the template's files, its packages, and what the dev server prepares for the first
page. It is named after the hash of the files, so a changed template gets a new one.
"""

import asyncio
import hashlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from functools import cache
from pathlib import Path

from keelway.fragments.build import Write
from keelway.fragments.paths import ignored
from keelway.fragments.tree import EXECUTABLE, FILE
from keelway.sandboxes.errors import SandboxTaken
from keelway.sandboxes.manager import TEMPLATE, SandboxManager
from keelway.sandboxes.sandbox import Sandbox
from keelway.workspaces import dependencies, dev_server, preview
from keelway.workspaces.errors import WorkspaceError
from keelway.workspaces.manifest import NOTES, ROOT

log = logging.getLogger(__name__)

DEFAULT = "react-vite"
BUILD_SECONDS = 300
PAGE_SECONDS = 60

Progress = Callable[[str], Awaitable[None]]
"""Told what is being done, in a few words."""

_building = asyncio.Lock()


def folder() -> Path:
    """Where the templates are: beside the sources, or inside an installed package."""
    here = Path(__file__).resolve()
    for place in (here.parents[1] / "templates", here.parents[3] / "templates"):
        if place.is_dir():
            return place
    raise WorkspaceError("This installation has no templates.")


def names() -> Sequence[str]:
    return sorted(place.name for place in folder().iterdir() if (place / "package.json").is_file())


@cache
def starter_files(name: str) -> tuple[Write, ...]:
    """The template's files, as a project's first version holds them. WorkspaceError: no such one."""
    if name not in names():
        raise WorkspaceError(f"There is no template named {name}.")
    root = folder() / name
    return tuple(
        Write(path, file.read_bytes(), EXECUTABLE if file.stat().st_mode & 0o100 else FILE)
        for file in sorted(root.rglob("*"))
        if file.is_file() and not ignored(path := file.relative_to(root).as_posix())
    )


@cache
def snapshot_name(name: str) -> str:
    """`keelway-<template>-<hash of its files>`."""
    digest = hashlib.sha256()
    for file in starter_files(name):
        for part in (file.path.encode(), oct(file.mode).encode(), file.data):
            digest.update(len(part).to_bytes(8, "big") + part)
    return f"keelway-{name}-{digest.hexdigest()[:12]}"


async def ensure_template(
    sandboxes: SandboxManager, name: str = DEFAULT, *, progress: Progress | None = None
) -> str:
    """The name of the template's snapshot, built if there is none yet (about ten seconds).

    Raises:
        SandboxError, InstallFailed: it could not be built; trying again starts over.
    """
    snapshot = snapshot_name(name)
    async with _building:
        if not await sandboxes.has_snapshot(snapshot):
            await _build(sandboxes, name, snapshot, progress or _silent)
    return snapshot


async def _silent(words: str) -> None:
    log.info("template", extra={"step": words})


async def _build(sandboxes: SandboxManager, name: str, snapshot: str, progress: Progress) -> None:
    await progress("Starting a sandbox")
    builder = await sandboxes.create(None, {TEMPLATE: snapshot}, seconds=BUILD_SECONDS)
    try:
        await _furnish(builder, name, progress)
        await progress("Keeping it for every new project")
        await builder.stop()
        try:
            await builder.snapshot(snapshot)
        except SandboxTaken:
            log.info("another server built the same template", extra={"snapshot": snapshot})
    finally:
        await asyncio.shield(sandboxes.delete(builder.id))


async def _furnish(builder: Sandbox, name: str, progress: Progress) -> None:
    """Files, packages, and one page load, so that the dev server has prepared its packages."""
    files = {file.path: file for file in starter_files(name)}
    await progress("Copying the starter app")
    await builder.check(f"mkdir -p {ROOT} {NOTES}")
    await builder.write({f"{ROOT}/{path}": file.data for path, file in files.items()})
    for path, file in files.items():
        if file.mode == EXECUTABLE:
            await builder.check(f"chmod 755 {ROOT}/{path}")
    await progress("Installing packages")
    wanted = dependencies.key({path: file.data for path, file in files.items()})
    await dependencies.install(builder, wanted)
    await progress("Opening the page once")
    await dev_server.restart(builder)
    answer = await dev_server.answered(builder, seconds=PAGE_SECONDS)
    if not answer.ok:
        said = await dev_server.log(builder)
        raise WorkspaceError(f"The template's page does not answer: {said[-1000:]}")
    link = await builder.preview_link(dev_server.PORT)
    async for _ in preview.modules(link, answer.body):
        pass
    await builder.check(
        "for i in $(seq 100); do "
        f"test -s {ROOT}/node_modules/.vite/deps/_metadata.json && break; sleep 0.1; done"
    )
    await dev_server.stop(builder)
