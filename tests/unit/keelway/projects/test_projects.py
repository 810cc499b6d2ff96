from datetime import UTC, datetime

import pytest

from keelway.accounts.accounts import Accounts
from keelway.db import models
from keelway.db.session import Database
from keelway.ids import ProjectId, SandboxId
from keelway.projects.projects import Project, ProjectNotFound, Projects


@pytest.fixture
def projects(database: Database) -> Projects:
    return Projects(database)


@pytest.fixture
async def project(projects: Projects) -> Project:
    return await projects.create(
        (await Accounts(projects.database).owner()).id, "Todo", "react-vite"
    )


async def test_a_project_without_versions_points_at_none(
    projects: Projects, project: Project
) -> None:
    assert project.active_fragment_id is None
    assert project.git_commit_hash is None
    assert await projects.get(project.id) == project


async def test_what_does_not_exist_is_not_found(projects: Projects) -> None:
    with pytest.raises(ProjectNotFound):
        await projects.get(ProjectId("nothing"))


async def test_of_two_that_set_a_sandbox_one_is_first(projects: Projects, project: Project) -> None:
    first, second = SandboxId("a" * 36), SandboxId("b" * 36)
    assert await projects.set_sandbox(project, first, instead_of=None)
    assert not await projects.set_sandbox(project, second, instead_of=None)
    assert (await projects.get(project.id)).daytona_sandbox_id == first
    found = await projects.find_by_sandbox(project.user_id, first)
    assert found is not None
    assert (found.project.id, found.team_role) == (project.id, None)
    assert await projects.find_by_sandbox(project.user_id, second) is None


async def test_only_a_turn_at_work_is_active(projects: Projects, project: Project) -> None:
    now = datetime.now(UTC)
    for turn, status in (("t1", "completed"), ("t2", "working")):
        async with projects.database.transaction() as tx:
            tx.add(
                models.Turn(
                    id=turn,
                    project=project.key,
                    user_id=project.user_id,
                    status=status,
                    prompt="x",
                    started_at=now,
                )
            )
    active = await projects.active_turns([project])
    assert (active[project.key].id, active[project.key].status) == ("t2", "working")
    assert await projects.active_turns([]) == {}


async def test_deleting_takes_everything_along(projects: Projects, project: Project) -> None:
    await projects.delete(project)
    assert list(await projects.list()) == []
