"""One writer per project: taken, kept, lost, taken over."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import update
from tests.support.workspaces import OWNER, add_owner

from keelway.db import models
from keelway.db.session import Database
from keelway.fragments.build import Write
from keelway.fragments.errors import Fenced
from keelway.fragments.fragment import Describe
from keelway.fragments.store import FragmentStore
from keelway.projects.projects import Project, Projects
from keelway.workspaces import owner
from keelway.workspaces.errors import WorkspaceBusy
from keelway.workspaces.lease import Leases


@pytest.fixture
async def project(database: Database) -> Project:
    await add_owner(database)
    return await Projects(database).create(OWNER, "Test", "react-vite")


async def change(database: Database, project: Project, **values: object) -> None:
    async with database.transaction() as tx:
        await tx.execute(
            update(models.Project).where(models.Project.key == project.key).values(**values)
        )


async def test_only_one_holds_it_and_the_next_gets_a_higher_fence(
    database: Database, project: Project
) -> None:
    one, two = Leases(database, name="a:b:1:1"), Leases(database, name="other")
    async with one.hold(project.key, "turn") as lease:
        assert await two.holder(project.key) == "turn"
        with pytest.raises(WorkspaceBusy) as caught:
            async with two.hold(project.key, "restore"):
                pass
        assert (caught.value.code, caught.value.status) == ("TurnRunning", 409)
        assert caught.value.context["owner"] == "a:b:1:1"
    assert await two.holder(project.key) is None
    async with two.hold(project.key, "restore") as next_lease:
        assert next_lease.fence == lease.fence + 1
        with pytest.raises(WorkspaceBusy) as caught:
            async with one.hold(project.key, "turn"):
                pass
        assert caught.value.code == "WorkspaceBusy"


async def test_it_is_given_back_when_the_work_fails_or_is_cancelled(
    database: Database, project: Project
) -> None:
    leases = Leases(database)
    with pytest.raises(ZeroDivisionError):
        async with leases.hold(project.key, "turn"):
            raise ZeroDivisionError
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05), leases.hold(project.key, "turn"):
            await asyncio.sleep(10)
    assert await leases.holder(project.key) is None


async def test_it_is_renewed_while_the_event_loop_is_busy(
    database: Database, project: Project
) -> None:
    leases, other = Leases(database, seconds=1.0), Leases(database, name="other")
    async with leases.hold(project.key, "turn") as lease:
        import time

        time.sleep(2.5)
        assert not lease.lost.is_set()
        with pytest.raises(WorkspaceBusy):
            async with other.hold(project.key, "turn"):
                pass


async def test_one_that_runs_out_may_be_taken_and_its_holder_is_told(
    database: Database, project: Project
) -> None:
    leases, other = Leases(database, seconds=1.0), Leases(database, name="other")
    async with leases.hold(project.key, "turn") as lease:
        await change(database, project, lease_until=datetime.now(UTC) - timedelta(seconds=1))
        async with other.hold(project.key, "turn") as taken:
            assert taken.fence == lease.fence + 1
            async with asyncio.timeout(2):
                await lease.lost.wait()
        assert await other.holder(project.key) is None


async def test_a_dead_owners_lease_is_taken_at_once(database: Database, project: Project) -> None:
    boot, pids, _, _ = owner.this().split(":")
    dead = f"{boot}:{pids}:{2**22 - 1}:1"
    later = datetime.now(UTC) + timedelta(hours=1)
    await change(database, project, lease_owner=dead, lease_purpose="turn", lease_until=later)

    async with Leases(database).hold(project.key, "turn") as lease:
        assert lease.fence == 1


async def test_another_machines_lease_is_taken_only_when_it_ran_out(
    database: Database, project: Project
) -> None:
    later = datetime.now(UTC) + timedelta(hours=1)
    await change(database, project, lease_owner="elsewhere:1:1:1", lease_until=later)
    leases = Leases(database)
    with pytest.raises(WorkspaceBusy):
        async with leases.hold(project.key, "turn"):
            pass
    await change(database, project, lease_until=datetime.now(UTC) - timedelta(seconds=1))
    async with leases.hold(project.key, "turn"):
        pass


async def test_a_zombie_cannot_write(database: Database, project: Project, home: Path) -> None:
    store = FragmentStore(database, home / "repositories")
    described = Describe("template", "Start", version=True)
    await store.initialise(project.key, [Write("a", b"1")], described)
    leases, other = Leases(database), Leases(database, name="other")
    async with leases.hold(project.key, "turn") as lease:
        await change(database, project, lease_until=datetime.now(UTC) - timedelta(seconds=1))
        async with other.hold(project.key, "turn"):
            with pytest.raises(Fenced):
                await store.append(
                    project.key,
                    "main",
                    [Write("a", b"2")],
                    Describe("agent", "x"),
                    fence=lease.fence,
                )
    store.close()


async def test_a_lease_can_be_carried_on_by_its_owner_only(
    database: Database, project: Project
) -> None:
    leases, other = Leases(database), Leases(database, name="other")
    later = datetime.now(UTC) + timedelta(hours=1)
    await change(
        database,
        project,
        lease=7,
        lease_owner=leases.owner,
        lease_purpose="turn",
        lease_until=later,
    )
    with pytest.raises(WorkspaceBusy):
        async with other.adopt(project.key, 7):
            pass
    with pytest.raises(WorkspaceBusy):
        async with leases.adopt(project.key, 6):
            pass
    async with leases.adopt(project.key, 7) as lease:
        assert (lease.fence, lease.purpose) == (7, "turn")
    assert await leases.holder(project.key) is None


async def test_ten_at_once_have_one_winner(database: Database, project: Project) -> None:
    won: list[int] = []

    async def attempt(name: str) -> None:
        try:
            async with Leases(database, name=name).hold(project.key, "turn") as lease:
                won.append(lease.fence)
                await asyncio.sleep(1)
        except WorkspaceBusy:
            return

    async with asyncio.TaskGroup() as group:
        for number in range(10):
            group.create_task(attempt(f"server-{number}"))
    assert won == [1]
