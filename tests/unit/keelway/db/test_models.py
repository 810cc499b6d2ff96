"""What the schema itself guarantees, whatever the code above does."""

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import delete, insert, select
from sqlalchemy.exc import IntegrityError

from keelway.db import models
from keelway.db.session import Database

NOW = datetime.now(UTC)


@pytest.fixture
async def project(any_database: Database) -> int:
    async with any_database.transaction() as tx:
        tx.add(models.User(id="u", role="owner", created_at=NOW, updated_at=NOW))
        await tx.flush()
        row = models.Project(
            id="p", name="P", user_id="u", template="t", created_at=NOW, updated_at=NOW
        )
        tx.add(row)
        await tx.flush()
        return row.key


def fragment(project: int, seq: int, **more: Any) -> dict[str, Any]:
    return {
        "project": project,
        "seq": seq,
        "id": f"f{seq}",
        "branch": "main",
        "sha": f"{seq:040}",
        "parent": f"{seq - 1:040}",
        "tree": "0" * 40,
        "kind": "agent",
        "title": "t",
        "author_name": "a",
        "author_email": "e",
        "created_at": NOW,
        **more,
    }


@pytest.mark.parametrize(
    "twin",
    [
        {"parent": f"{0:040}"},  # two successors of one commit
        {"sha": f"{1:040}"},
        {"number": 1},
        {"turn_id": "t", "tool_call_id": "c"},
    ],
)
async def test_history_is_a_line_of_distinct_fragments(
    any_database: Database, project: int, twin: dict[str, Any]
) -> None:
    first = fragment(project, 1, number=1, turn_id="t", tool_call_id="c")
    async with any_database.transaction() as tx:
        await tx.execute(insert(models.Fragment).values(**first))
    with pytest.raises(IntegrityError):
        async with any_database.transaction() as tx:
            await tx.execute(insert(models.Fragment).values(**fragment(project, 2, **twin)))


async def test_deleting_a_project_takes_everything_with_it(
    any_database: Database, project: int
) -> None:
    async with any_database.transaction() as tx:
        await tx.execute(insert(models.Fragment).values(**fragment(project, 1)))
        await tx.execute(delete(models.Project))
    async with any_database.reading() as session:
        assert await session.scalar(select(models.Fragment.id)) is None


async def test_a_deleted_projects_key_is_never_given_to_another(
    any_database: Database, project: int
) -> None:
    async with any_database.transaction() as tx:
        await tx.execute(delete(models.Project))
        row = models.Project(
            id="q", name="Q", user_id="u", template="t", created_at=NOW, updated_at=NOW
        )
        tx.add(row)
        await tx.flush()
        assert row.key > project
