"""After an import the people of a team find their projects, and may do there what their roles say."""

from pathlib import Path
from typing import Any

from tests.support.legacy import Tables, import_from, project, version, write_json_lines
from tests.support.page import Page, opened

from keelway.accounts.accounts import Accounts, User
from keelway.db.session import Database, database_url
from keelway.ids import UserId

AT = "2025-08-24 09:12:02.9"
PEOPLE = {
    "ada": "OWNER",
    "ben": "ADMIN",
    "cleo": "MEMBER",
    "dan": "VIEWER",
    "eve": "MAINTAINER",  # a role that nobody knows counts as the least
    "fay": None,
}


def tables(members: dict[str, str | None]) -> Tables:
    users = [
        {"id": name, "name": name, "role": "USER", "createdAt": AT, "updatedAt": AT}
        for name in PEOPLE
    ]
    return {
        "users": users,
        "teams": [{"id": "t1", "name": "Garden", "slug": "garden", "isPersonal": True}],
        "team_members": [
            {"userId": name, "teamId": "t1", "role": role} for name, role in members.items() if role
        ],
        "Project": [project("p1", userId="ada", teamId="t1"), project("p2", userId="ada")],
        "V2Fragment": [version(1, {"a.txt": "1"}, "p1"), version(1, {"a.txt": "2"}, "p2")],
    }


async def may(page: Page, accounts: Accounts, name: str) -> dict[str, Any]:
    """What somebody finds and is let do."""
    user = await accounts.user(UserId(name))
    assert isinstance(user, User)
    async with await page.browser(user) as browser:
        items = (await browser.get("/api/projects")).json()["items"]
        fragments = await browser.get("/api/projects/p1/fragments")
        renamed = await browser.patch("/api/projects/p1", json={"name": f"By {name}"})
        return {
            "sees": sorted(each["id"] for each in items),
            "canEdit": [each["canEdit"] for each in items if each["id"] == "p1"],
            "statuses": (fragments.status_code, renamed.status_code),
        }


async def test_after_an_import_a_team_finds_its_projects(home: Path) -> None:
    await import_from(write_json_lines(home / "old", tables(PEOPLE)), home)
    async with Database(database_url(home, None)) as database, opened(database, home) as page:
        found = {name: await may(page, page.accounts, name) for name in PEOPLE}
    edits = {"sees": ["p1"], "canEdit": [True], "statuses": (200, 200)}
    looks = {"sees": ["p1"], "canEdit": [False], "statuses": (200, 403)}
    assert found == {
        "ada": edits | {"sees": ["p1", "p2"]},
        "ben": edits,
        "cleo": edits,
        "dan": looks,
        "eve": looks,
        "fay": {"sees": [], "canEdit": [], "statuses": (404, 404)},
    }


async def test_the_next_import_brings_new_roles_and_takes_nobody_out(home: Path) -> None:
    await import_from(write_json_lines(home / "old", tables(PEOPLE)), home)
    later = PEOPLE | {"cleo": "VIEWER", "dan": "MEMBER", "ben": None, "fay": "MEMBER"}
    await import_from(write_json_lines(home / "old", tables(later)), home)
    async with Database(database_url(home, None)) as database, opened(database, home) as page:
        for name, can_edit in {"cleo": False, "dan": True, "ben": True, "fay": True}.items():
            assert (await may(page, page.accounts, name))["canEdit"] == [can_edit], name
