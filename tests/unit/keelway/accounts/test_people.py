from datetime import UTC, datetime, timedelta

import pytest

from keelway.accounts.accounts import Accounts
from keelway.accounts.people import PersonNotFound, everybody, find
from keelway.db import models
from keelway.db.session import Database

BCRYPT = "$2a$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e"


async def add(database: Database, user_id: str, email: str | None, stored: str | None) -> None:
    now = datetime.now(UTC) + timedelta(seconds=len(user_id))
    async with database.transaction() as tx:
        tx.add(
            models.User(
                id=user_id,
                email=email,
                role="member",
                password_hash=stored,
                created_at=now,
                updated_at=now,
            )
        )


async def test_somebody_is_found_by_id_or_by_address_in_any_case(database: Database) -> None:
    await add(database, "u1", "maya@example.com", None)
    assert (await find(database, "u1")).id == "u1"
    assert (await find(database, " Maya@Example.COM ")).id == "u1"
    for nobody in ("u2", "maya", "", "%", "x' OR '1'='1"):
        with pytest.raises(PersonNotFound):
            await find(database, nobody)


async def test_an_id_goes_before_an_address_that_spells_the_same(database: Database) -> None:
    await add(database, "maya@example.com", None, None)
    await add(database, "another-with-that-address", "maya@example.com", None)
    assert (await find(database, "maya@example.com")).id == "maya@example.com"


async def test_everybody_is_told_with_what_they_need_to_come_in(database: Database) -> None:
    owner = await Accounts(database).owner()
    await add(database, "u1", "maya@example.com", BCRYPT)
    await add(database, "u22", "jonas@example.com", BCRYPT.replace("$04$", "$31$"))
    async with database.transaction() as tx:
        tx.add_all(
            [
                models.Team(id="t1", name="Makers", personal=False),
                models.Team(id="t2", name="Maya's own", personal=True),
            ]
        )
        await tx.flush()
        tx.add_all(
            models.TeamMember(team_id=team, user_id="u1", role="member") for team in ("t1", "t2")
        )
    known = await everybody(database)
    assert [(one.user.id, one.password, one.teams) for one in known] == [
        (owner.id, "no", ()),
        ("u1", "old", ("Makers",)),
        ("u22", "no", ()),
    ]
