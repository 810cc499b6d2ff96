from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support.page import Page, opened, person
from tests.support.teams import join, new_team

from keelway.accounts.access import may_create, may_delete, may_edit, may_view, may_view_all
from keelway.accounts.accounts import Role, User
from keelway.db.session import Database
from keelway.ids import ProjectId, UserId
from keelway.projects.projects import Project, Projects, Standing


@pytest.fixture
async def page(database: Database, home: Path) -> AsyncIterator[Page]:
    async with opened(database, home) as page:
        yield page


ROLES = ("owner", "admin", "member", "viewer")
NOW = datetime.now(UTC)
ONE, OTHER = UserId("one"), UserId("other")
PROJECT = Project(
    key=1, id=ProjectId("p"), name="Todo", user_id=ONE, template="react-vite",
    created_at=NOW, updated_at=NOW, daytona_sandbox_id=None, git_repository_url=None,
    current_branch="main", active_fragment_id=None, active_number=None, git_commit_hash=None,
)  # fmt: skip


def reference(server: str, own: bool, team: str | None) -> tuple[bool, bool, bool]:
    """View, edit, delete: said once more, in other words."""
    if server in ("owner", "admin"):
        return True, True, True
    if not own and team not in ROLES:
        return False, False, False
    if server == "viewer" or (team == "viewer" and not own):
        return True, False, False
    if own or team != "member":
        return True, True, True
    return True, True, False


@given(
    server=st.sampled_from(ROLES),
    own=st.booleans(),
    team=st.one_of(st.none(), st.sampled_from((*ROLES, "", "OWNER", "guest"))),
)
def test_what_follows_from_a_standing(server: Role, own: bool, team: str | None) -> None:
    user = User(ONE if own else OTHER, None, None, server)
    standing = Standing(PROJECT, team)
    got = may_view(user, standing), may_edit(user, standing), may_delete(user, standing)
    assert got == reference(server, own, team)
    assert may_create(user) is (server != "viewer")


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],  # each example brings new people
)
@given(data=st.data())
async def test_random_memberships_give_what_the_rules_say(
    any_database: Database, data: st.DataObject
) -> None:
    """Through the rows and the query, for each of some people and some projects."""
    database = any_database
    projects = Projects(database)
    people = [
        await person(database, data.draw(st.sampled_from(ROLES), "server role")) for _ in range(3)
    ]
    made = [
        await projects.create(data.draw(st.sampled_from(people), "user").id, "P", "react-vite")
        for _ in range(3)
    ]
    roles: dict[tuple[str, str], str] = {}
    shared = data.draw(st.lists(st.sampled_from([0, 1, 2]), unique=True), "shared")
    for which in shared:
        team = await new_team(database, made[which], personal=data.draw(st.booleans(), "personal"))
        for user in data.draw(st.lists(st.sampled_from(people), unique=True), "members"):
            role = roles[made[which].id, user.id] = data.draw(st.sampled_from(ROLES), "role")
            await join(database, team, user, role)
    for user in people:
        listed = await projects.page(user.id, everybodys=may_view_all(user), behind=None, limit=9)
        rules = {
            each.id: reference(user.role, each.user_id == user.id, roles.get((each.id, user.id)))
            for each in made
        }
        seen = {each.project.id for each in listed} & set(rules)
        assert seen == {project for project, rule in rules.items() if rule[0]}
        for each in made:
            one = await projects.standing(user.id, each.id)
            assert (may_view(user, one), may_edit(user, one), may_delete(user, one)) == rules[
                each.id
            ]
            assert one in listed or not may_view(user, one)


async def test_a_project_of_somebody_else_does_not_exist(page: Page, database: Database) -> None:
    project = await page.parts.new_project(await page.accounts.owner(), "Todo", "react-vite")
    async with await page.program(await person(database, "member")) as stranger:
        for method, path in (("GET", ""), ("PATCH", ""), ("DELETE", "")):
            answer = await stranger.request(
                method, f"/api/projects/{project.id}{path}", json={"name": "Mine now"}
            )
            assert answer.status_code == 404
            assert answer.json()["code"] == "ProjectNotFound"
        missing = await stranger.get("/api/projects/nothing")
        assert missing.json() == (await stranger.get(f"/api/projects/{project.id}")).json()
    async with await page.program() as owner:
        assert (await owner.get(f"/api/projects/{project.id}")).json()["name"] == "Todo"


async def test_who_may_only_look_is_told_so(page: Page, database: Database) -> None:
    viewer = await person(database, "viewer")
    project = await page.parts.new_project(viewer, "Todo", "react-vite")
    async with await page.program(viewer) as client:
        assert (await client.get(f"/api/projects/{project.id}")).status_code == 200
        refused = await client.patch(f"/api/projects/{project.id}", json={"name": "No"})
        assert (refused.status_code, refused.json()["code"]) == (403, "NotAllowed")
        assert (await client.post("/api/projects", json={"name": "No"})).status_code == 403


async def test_who_may_change_a_project_is_told_that_deleting_is_not_theirs(
    page: Page, database: Database
) -> None:
    mate = await person(database, "member")
    project = await page.parts.new_project(await page.accounts.owner(), "Todo", "react-vite")
    await join(database, await new_team(database, project), mate, "member")
    async with await page.browser(mate) as client:
        refused = await client.delete(f"/api/projects/{project.id}")
        assert (refused.status_code, refused.json()["code"]) == (403, "NotAllowed")
        assert "delete" in refused.json()["detail"]
        assert (await client.get(f"/api/projects/{project.id}")).status_code == 200
