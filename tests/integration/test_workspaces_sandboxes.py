"""Machines of projects: found again, replaced, reaped; and a reference that outlives every rumour."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from daytona import AsyncDaytona, DaytonaConfig
from tests.support.engine import Engine
from tests.support.workspaces import OWNER, Bench, bench, quiet, step

from keelway.db import models
from keelway.db.session import Database
from keelway.fragments.build import Write
from keelway.ids import SandboxId
from keelway.sandboxes.errors import SandboxUnreachable
from keelway.sandboxes.manager import PROJECT, TEMPLATE, SandboxManager
from keelway.sandboxes.reaper import reap
from keelway.sandboxes.state import SandboxState
from keelway.workspaces.errors import NoMachine
from keelway.workspaces.workspaces import Workspaces

ONE_FILE = [Write("a.txt", b"a\n")]


@pytest.fixture
async def here(engine: Engine, database: Database, home: Path) -> AsyncIterator[Bench]:
    async with bench(engine, database, home) as made:
        yield made


class Way:
    """A TCP proxy in front of the engine that can be cut, or lose the answer of one request."""

    def __init__(self, engine: Engine) -> None:
        self.port = urlsplit(engine.url).port
        self.cut = False
        self.lose_answer_to: bytes | None = None
        self.lost = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.cut:
            writer.close()
            return
        up, down = await asyncio.open_connection("127.0.0.1", self.port)
        with contextlib.suppress(OSError):
            async with asyncio.TaskGroup() as group:
                group.create_task(self._there(reader, down))
                group.create_task(self._back(up, writer))

    async def _there(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            if self.lose_answer_to is not None and data.startswith(self.lose_answer_to):
                self.lost += 1
                self.lose_answer_to = None
                self.dropping = True
            writer.write(data)
            await writer.drain()
        writer.close()

    dropping = False

    async def _back(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            if self.dropping or self.cut:
                self.dropping = False
                writer.transport.abort()
                return
            writer.write(data)
            await writer.drain()
        writer.close()


@contextlib.asynccontextmanager
async def through(here: Bench, engine: Engine) -> AsyncGenerator[tuple[Way, Bench]]:
    """The same server, its way to the engine in our hands."""
    way = Way(engine)
    listener = socket.create_server(("127.0.0.1", 0))
    server = await asyncio.start_server(way.serve, sock=listener)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/api"
    async with server, AsyncDaytona(DaytonaConfig(api_key=engine.key, api_url=url)) as daytona:
        manager = SandboxManager(
            daytona, here.projects, home=here.sandboxes.home, confirm_seconds=0.1
        )
        workspaces = Workspaces(here.database, here.store, manager, here.leases, here.settings)
        yield way, replace(here, sandboxes=manager, workspaces=workspaces)


async def test_project_and_owner_know_the_sandbox(here: Bench) -> None:
    project = await here.new_project(ONE_FILE)
    async with here.opened(project) as workspace:
        used = workspace.machine()

    assert (await here.again(project)).daytona_sandbox_id == used.id
    async with here.database.reading() as session:
        user = await session.get(models.User, OWNER)
    assert user is not None
    assert user.daytona_active_sandbox_id == used.id
    labels = (await here.sandboxes.get(used.id)).labels
    assert (labels[PROJECT], labels["keelway-home"]) == (project.id, here.sandboxes.home)

    await here.workspaces.forget(await here.again(project))
    assert (await here.again(project)).daytona_sandbox_id is None
    assert await here.sandboxes.list({}) == []


async def test_a_lost_answer_to_create_leaves_one_sandbox(here: Bench, engine: Engine) -> None:
    project = await here.new_project(ONE_FILE)
    async with through(here, engine) as (way, cut):
        way.lose_answer_to = b"POST /api/sandbox HTTP"
        async with cut.opened(project) as workspace:
            used = workspace.machine().id
        assert way.lost == 1

    made = await here.sandboxes.list({PROJECT: project.id})
    assert [one.id for one in made] == [used]
    assert (await here.again(project)).daytona_sandbox_id == used


async def test_an_engine_that_does_not_answer_costs_no_reference_and_files_still_work(
    here: Bench, engine: Engine
) -> None:
    project = await here.new_project(ONE_FILE)
    async with here.opened(project) as workspace:
        used = workspace.machine().id

    async with through(here, engine) as (way, cut):
        way.cut = True
        status = await cut.workspaces.preview_state(await here.again(project))
        assert status.state == "provider-unreachable"
        health = await cut.workspaces.health(await here.again(project))
        assert (health.machine.state, health.files.state) == ("unknown", "fine")
        async with cut.opened(project) as workspace:
            assert workspace.mode == "emergency_fallback"
            assert [rung.split(":")[0] for rung in workspace.missed] == [
                "full_restore",
                "files_only",
            ]
            assert await workspace.read("a.txt") == b"a\n"
            assert await workspace.apply([Write("b.txt", b"b\n")], step("c1")) is not None
            assert [row.path for row in await workspace.list_files()] == ["a.txt", "b.txt"]
            with pytest.raises((NoMachine, SandboxUnreachable)):
                await workspace.run("true", step("c2"), output=quiet)
        told = await cut.workspaces.preview_state(await here.again(project))
        assert told.state == "provider-unreachable"

        way.cut = False
        async with cut.opened(project) as workspace:
            assert workspace.mode == "full_restore"
            assert workspace.machine().id == used
            assert await workspace.machine().read(f"{workspace.root}/b.txt") == b"b\n"


async def test_only_two_answers_not_found_clear_a_reference(here: Bench) -> None:
    project = await here.new_project(ONE_FILE)
    async with here.opened(project) as workspace:
        used = workspace.machine().id
    assert not await here.sandboxes.gone(used)
    await here.sandboxes.delete(used)
    assert (await here.again(project)).daytona_sandbox_id == used
    assert await here.sandboxes.gone(used)


async def test_the_sandbox_of_a_lost_reference_is_found_by_its_label(here: Bench) -> None:
    project = await here.new_project(ONE_FILE)
    async with here.opened(project) as workspace:
        used = workspace.machine().id
    await here.projects.set_sandbox(project, None, instead_of=used)

    async with here.opened(project) as workspace:
        assert workspace.machine().id == used


async def test_a_template_that_is_missing_gives_a_bare_machine_with_the_files(here: Bench) -> None:
    project = await here.new_project(ONE_FILE, template="no-such-template")
    async with here.opened(project) as workspace:
        assert workspace.mode == "minimal_sandbox"
        assert len(workspace.missed) == 2
        ran = await workspace.run("cat a.txt", step("c1"), output=quiet)
        assert ran.output == "a\n"


async def test_packages_that_do_not_exist_leave_a_machine_with_the_files(here: Bench) -> None:
    manifest = (
        b'{"name":"x","scripts":{"dev":"vite"},"dependencies":{"@keelway/nope-none":"1.0.0"}}'
    )
    project = await here.new_project([Write("package.json", manifest)])
    async with here.opened(project) as workspace:
        assert workspace.mode == "files_only"
        assert await workspace.read("package.json") == manifest
        assert (await workspace.run("ls", step("c1"), output=quiet)).exit_code == 0
    status = await here.workspaces.preview_state(await here.again(project))
    assert (status.state, status.message) == ("minimal", "npm install failed.")
    assert status.log


async def test_orphans_are_reaped_and_nothing_else(here: Bench) -> None:
    project = await here.new_project(ONE_FILE)
    async with here.opened(project) as workspace:
        used = workspace.machine().id
    twin = await here.sandboxes.create(None, {PROJECT: project.id})
    orphan = await here.sandboxes.create(None, {PROJECT: "deleted-project"})
    builder = await here.sandboxes.create(None, {TEMPLATE: "keelway-x"})
    stranger = await here.sandboxes.daytona.create()
    try:
        assert await reap(here.sandboxes) == 0
        assert await reap(here.sandboxes, young=timedelta(0)) == 3

        assert [one.id for one in await here.sandboxes.list({})] == [used]
        for gone in (twin, orphan, builder):
            assert await here.sandboxes.gone(gone.id)
        left = await here.sandboxes.get(SandboxId(stranger.id))
        assert left.state is SandboxState.RUNNING
    finally:
        await here.sandboxes.delete(stranger.id)
