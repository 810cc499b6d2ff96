import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from sqlalchemy import delete, event, insert, update
from tests.support.page import opened, person
from tests.support.teams import join, new_team

from keelway.accounts.accounts import Accounts, User
from keelway.chat import rows
from keelway.chat.turn import Turn
from keelway.db import models
from keelway.db.session import Database
from keelway.ids import TreeSha, new_id
from keelway.projects.projects import Project, Projects


async def say(database: Database, project: Project, user: User, text: str) -> Turn:
    """A turn of theirs, begun and closed."""
    new = rows.NewTurn(user.id, text, None, None)
    turn = await rows.insert(database, project.key, new, fence=1, base=TreeSha("0" * 40))
    async with database.transaction() as tx:
        closed = update(models.Turn).where(models.Turn.id == turn.id)
        await tx.execute(closed.values(status="completed"))
    return turn


async def add(
    database: Database, project: Project, *said: tuple[str, str], turn_id: str | None = None
) -> None:
    """Roles and texts, below zero: before whatever else was said."""
    async with database.transaction() as tx:
        for position, (role, text) in enumerate(said, -len(said)):
            values: dict[str, Any] = {
                "project": project.key,
                "position": position,
                "id": new_id(),
                "role": role,
                "parts": json.dumps([{"type": "text", "text": text}]),
                "metadata_json": None,
                "turn_id": turn_id,
                "created_at": datetime.now(UTC),
            }
            await tx.execute(insert(models.Message).values(values))


def authors(messages: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Of each message by its text, who wrote it; of an answer, that nothing is said of it."""
    return {
        one["parts"][0]["text"]: (one["metadata"] or {}).get("author", "nothing said")
        for one in messages
    }


def named(user: User, name: str | None) -> dict[str, Any]:
    return {"id": user.id, "name": name}


async def test_each_message_says_who_wrote_it_by_the_name_they_have_now(
    any_database: Database,
) -> None:
    maya = await person(any_database, "member", "Maya")
    jonas = await person(any_database, "member", "Jonas", "jonas@example.org")
    project = await Projects(any_database).create(maya.id, "Ours", "react-vite")
    await say(any_database, project, maya, "a list")
    turn = await say(any_database, project, jonas, "a heatmap")
    assert authors(await rows.messages(any_database, project.key)) == {
        "a list": named(maya, "Maya"),
        "a heatmap": named(jonas, "Jonas"),
    }
    for name in ("Jonas Berg", "", None):
        async with any_database.transaction() as tx:
            renaming = update(models.User).where(models.User.id == jonas.id)
            await tx.execute(renaming.values(name=name))
        _, said = await rows.messages(any_database, project.key)
        assert said["metadata"] == {
            "turnId": turn.id,
            "startedAt": turn.started_at.isoformat(),
            "author": named(jonas, name or "jonas@example.org"),
        }


async def test_nobody_else_is_told_that_the_unnamed_owner_of_the_server_is_you(
    any_database: Database,
) -> None:
    owner = await Accounts(any_database).owner()
    you = await person(any_database, "member", "You")
    project = await Projects(any_database).create(you.id, "Ours", "react-vite")
    await say(any_database, project, owner, "by whom?")
    await say(any_database, project, you, "by one who is called that")
    assert authors(await rows.messages(any_database, project.key)) == {
        "by whom?": named(owner, None),
        "by one who is called that": named(you, "You"),
    }


async def test_an_imported_message_is_taken_to_be_the_project_owners(
    any_database: Database,
) -> None:
    maya, jonas = await person(any_database, "member", "Maya"), await person(any_database, "member")
    project = await Projects(any_database).create(maya.id, "Ours", "react-vite")
    await add(any_database, project, ("user", "in the old system"), ("assistant", "done"))
    await say(any_database, project, jonas, "and here")
    assert authors(await rows.messages(any_database, project.key)) == {
        "in the old system": named(maya, "Maya"),
        "done": "nothing said",
        "and here": named(jonas, "Jonas"),
    }


async def test_where_the_turn_is_gone_nobody_is_known(any_database: Database) -> None:
    maya = await person(any_database, "member", "Maya")
    project = await Projects(any_database).create(maya.id, "Ours", "react-vite")
    turn = await say(any_database, project, maya, "whose?")
    await add(any_database, project, ("assistant", "somebody's"), turn_id=turn.id)
    async with any_database.transaction() as tx:
        await tx.execute(delete(models.Turn).where(models.Turn.id == turn.id))
    found = await rows.messages(any_database, project.key)
    assert authors(found) == {"somebody's": "nothing said", "whose?": None}


async def test_one_question_finds_the_writers_of_all_messages(any_database: Database) -> None:
    people = [await person(any_database, "member", f"P{number}") for number in range(5)]
    project = await Projects(any_database).create(people[0].id, "Ours", "react-vite")
    for number in range(20):
        await say(any_database, project, people[number % 5], str(number))
    statements: list[str] = []

    def note(_: object, __: object, statement: str, *___: object) -> None:
        statements.append(statement)

    engine = any_database.engine.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    found = authors(await rows.messages(any_database, project.key))
    event.remove(engine, "before_cursor_execute", note)
    assert found == {str(n): named(people[n % 5], f"P{n % 5}") for n in range(20)}
    assert len([each for each in statements if "SELECT" in each]) == 1


@dataclass
class Quiet:
    """Turns of which none is at work."""

    database: Database

    async def running(self, project: Project) -> Turn | None:
        return await rows.active(self.database, project.key)


async def test_everybody_who_may_look_reads_the_same_names(
    any_database: Database, home: Path
) -> None:
    async with opened(any_database, home) as page:
        parts = cast(Any, page.parts)
        parts.turns, parts.database = Quiet(any_database), any_database
        maya, jonas = [await person(any_database, "member", name) for name in ("Maya", "Jonas")]
        project = await page.parts.projects.create(maya.id, "Ours", "react-vite")
        await join(any_database, await new_team(any_database, project), jonas, "member")
        await say(any_database, project, maya, "a list")
        await say(any_database, project, jonas, "a heatmap")
        for reader in (maya, jonas, await page.accounts.owner()):
            async with await page.browser(reader) as browser:
                answer = await browser.get(f"/api/projects/{project.id}/messages")
            assert authors(answer.json()["items"]) == {
                "a list": named(maya, "Maya"),
                "a heatmap": named(jonas, "Jonas"),
            }
