import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event, update
from tests.support.page import person
from tests.support.teams import join, leave, new_team

from keelway.accounts.accounts import Accounts
from keelway.db import models
from keelway.db.session import Database
from keelway.errors import Invalid
from keelway.ids import ProjectId, SandboxId, UserId
from keelway.projects.projects import STAGED, Position, Project, ProjectNotFound, Projects


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


async def at(database: Database, project: Project, moment: datetime) -> None:
    """As if it had been worked on then."""
    row = models.Project
    async with database.transaction() as tx:
        await tx.execute(update(row).where(row.key == project.key).values(updated_at=moment))


async def listed(projects: Projects, user: UserId, *, limit: int = 2) -> list[str]:
    """All pages, one behind the other, by name."""
    names: list[str] = []
    behind: Position | None = None
    while True:
        page = await projects.page(user, everybodys=False, behind=behind, limit=limit)
        names += [each.project.name for each in page]
        if len(page) < limit:
            return names
        behind = Position(page[-1].project.updated_at, page[-1].project.id)


async def test_a_list_is_ones_own_projects_and_those_of_ones_teams_each_once(
    any_database: Database,
) -> None:
    projects = Projects(any_database)
    jonas, maya = await person(any_database, "member"), await person(any_database, "member")
    made = [
        await projects.create(user.id, name, "react-vite")
        for user, name in ((jonas, "Mine"), (jonas, "Ours"), (maya, "Theirs"), (maya, "Shared"))
    ]
    team = await new_team(any_database, made[1], made[3], personal=True)
    await join(any_database, team, jonas, "viewer")
    await join(any_database, await new_team(any_database, made[0]), jonas, "owner")

    assert await listed(projects, jonas.id) == ["Shared", "Ours", "Mine"]
    assert await listed(projects, maya.id) == ["Shared", "Theirs"]
    page = await projects.page(jonas.id, everybodys=False, behind=None, limit=9)
    assert [each.team_role for each in page] == ["viewer", "viewer", "owner"]
    everything = await projects.page(jonas.id, everybodys=True, behind=None, limit=9)
    assert [each.project.name for each in everything] == ["Shared", "Theirs", "Ours", "Mine"]
    assert [each.team_role for each in everything] == ["viewer", None, "viewer", "owner"]

    await leave(any_database, team, jonas)
    assert await listed(projects, jonas.id) == ["Ours", "Mine"]


async def test_pages_meet_where_projects_were_worked_on_at_once(any_database: Database) -> None:
    projects = Projects(any_database)
    user = await person(any_database, "member")
    now = datetime.now(UTC)
    for number in range(7):
        made = await projects.create(user.id, str(number), "react-vite")
        await at(any_database, made, now - timedelta(seconds=number // 3))
    for limit in (1, 2, 3, 9):
        assert await listed(projects, user.id, limit=limit) == list("2105436"), limit


async def test_a_page_goes_on_where_it_was_though_its_last_project_has_moved(
    any_database: Database,
) -> None:
    projects = Projects(any_database)
    user = await person(any_database, "member")
    made = [await projects.create(user.id, str(n), "react-vite") for n in range(5)]
    first = await projects.page(user.id, everybodys=False, behind=None, limit=2)
    last = first[-1].project
    old = Position(datetime(1, 1, 1, tzinfo=UTC), last.id)
    assert Position.read(str(old)) == old
    behind = Position.read(str(Position(last.updated_at, last.id)))
    assert behind == Position(last.updated_at, last.id)

    async def rest() -> list[str]:
        page = await projects.page(user.id, everybodys=False, behind=behind, limit=9)
        return [each.project.name for each in page]

    assert await rest() == ["2", "1", "0"]
    await projects.rename(last, "3, worked on")
    assert await rest() == ["2", "1", "0"]
    await projects.delete(made[3])
    assert await rest() == ["2", "1", "0"]


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "1",
        "1.",
        "1.a b",
        "1.a\0",
        "1." + "a" * 65,
        "9" * 18 + ".a",
        "-" + "9" * 17 + ".a",
        "\u0661.a",
    ],
)
def test_a_cursor_is_what_an_earlier_page_gave(cursor: str) -> None:
    with pytest.raises(Invalid) as refused:
        Position.read(cursor)
    assert refused.value.code == "BadCursor"


async def test_what_an_import_still_writes_is_not_listed(database: Database) -> None:
    projects = Projects(database)
    user = await person(database, "member")
    made = await projects.create(user.id, "Half", "react-vite")
    row = models.Project
    async with database.transaction() as tx:
        await tx.execute(update(row).where(row.key == made.key).values(id=f"{STAGED}1"))
    assert await listed(projects, user.id) == []
    assert list(await projects.list()) == []


async def test_a_standing_names_the_role_in_the_projects_own_team(any_database: Database) -> None:
    projects = Projects(any_database)
    maker, mate = await person(any_database, "member"), await person(any_database, "member")
    made = await projects.create(maker.id, "Todo", "react-vite")
    alone = await projects.create(maker.id, "Alone", "react-vite")
    await projects.set_sandbox(made, SandboxId("a" * 36), instead_of=None)
    team = await new_team(any_database, made)
    await join(any_database, team, mate, "admin")
    await join(any_database, await new_team(any_database), maker, "owner")
    assert (await projects.standing(mate.id, made.id)).team_role == "admin"
    assert (await projects.standing(maker.id, made.id)).team_role is None
    assert (await projects.standing(mate.id, alone.id)).team_role is None
    found = await projects.find_by_sandbox(mate.id, SandboxId("a" * 36))
    assert found is not None
    assert found.team_role == "admin"
    with pytest.raises(ProjectNotFound):
        await projects.standing(mate.id, ProjectId("nothing"))


async def plans(database: Database, ask: Callable[[], Awaitable[object]]) -> str:
    """How the database goes about what `ask` asks, were all tables large."""
    asked: list[tuple[str, Any]] = []

    def note(_: object, __: object, statement: str, parameters: Any, *___: object) -> None:
        asked.append((statement, parameters))

    engine = database.engine.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    await ask()
    event.remove(engine, "before_cursor_execute", note)
    explain = "EXPLAIN QUERY PLAN " if database.sqlite else "EXPLAIN "
    async with database.engine.connect() as connection:
        if not database.sqlite:
            await connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        rows = [
            str(row[-1])
            for statement, parameters in asked
            if "project" in statement
            for row in await connection.exec_driver_sql(explain + statement, parameters)
        ]
    return "\n".join(rows)


@pytest.mark.parametrize("what", ["mine", "behind", "everybody's", "one", "sandbox"])
async def test_no_question_reads_everybodys_projects(any_database: Database, what: str) -> None:
    """Each row is found by an index, so the cost is that of the answer."""
    projects = Projects(any_database)
    user = await person(any_database, "member")
    made = await projects.create(user.id, "Todo", "react-vite")
    await join(any_database, await new_team(any_database, made), user, "member")
    behind = Position(made.updated_at, made.id)
    ask: dict[str, Callable[[], Awaitable[object]]] = {
        "mine": lambda: projects.page(user.id, everybodys=False, behind=None, limit=9),
        "behind": lambda: projects.page(user.id, everybodys=False, behind=behind, limit=9),
        "everybody's": lambda: projects.page(user.id, everybodys=True, behind=None, limit=9),
        "one": lambda: projects.standing(user.id, made.id),
        "sandbox": lambda: projects.find_by_sandbox(user.id, SandboxId("a" * 36)),
    }
    plan = await plans(any_database, ask[what])
    wholly = r"SCAN (project|team_\w+)(?! USING INDEX project_by_time)|Seq Scan on (project|team_)"
    assert re.findall(wholly, plan) == [], plan
    assert "SEARCH" in plan or "Index" in plan
