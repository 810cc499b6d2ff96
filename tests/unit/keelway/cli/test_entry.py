import io
import os
import re
import stat
from datetime import timedelta
from pathlib import Path

import pytest
from tests.support.page import person

from keelway.accounts.accounts import Accounts, User
from keelway.accounts.people import Known, PersonNotFound
from keelway.cli.entry import (
    ALREADY_RUNNING,
    database,
    login_link,
    migrate,
    point_to,
    table,
    token_file,
)
from keelway.cli.home import Running
from keelway.cli.progress import Progress
from keelway.ids import UserId
from keelway.settings import Settings

ADDRESS = "http://keelway.localhost:8420"


@pytest.fixture
async def settings(home: Path) -> Settings:
    settings = Settings(home=home)
    await migrate(settings, Progress(io.StringIO()))
    return settings


async def test_a_login_address_holds_its_key_where_no_server_sees_it(settings: Settings) -> None:
    async with database(settings) as opened:
        accounts = Accounts(opened)
        link = await login_link(accounts, ADDRESS)
        assert re.fullmatch(rf"{ADDRESS}/login#k=[A-Za-z0-9_-]{{43}}", link)
        assert await accounts.by_cookie(await accounts.log_in(link.partition("#k=")[2]))


async def test_the_token_is_made_once_kept_private_and_replaced_when_it_no_longer_works(
    settings: Settings,
) -> None:
    path = settings.home / "api-token"
    async with database(settings) as opened:
        token = await token_file(Accounts(opened), settings.home)
        assert await token_file(Accounts(opened), settings.home) == token
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        path.write_text("from another database\n")
        fresh = await token_file(Accounts(opened), settings.home)
        assert fresh != token
        assert path.read_text().strip() == fresh


async def test_who_comes_second_is_told_the_way_in(settings: Settings) -> None:
    out = io.StringIO()
    owner = Running(os.getpid(), ADDRESS)
    assert await point_to(owner, settings, Progress(out)) == ALREADY_RUNNING
    assert f"process {os.getpid()}" in out.getvalue()
    assert f"{ADDRESS}/login#k=" in out.getvalue()
    assert await point_to(None, settings, Progress(out)) == ALREADY_RUNNING


async def test_a_login_address_may_be_somebody_elses_and_work_longer(settings: Settings) -> None:
    async with database(settings) as opened:
        accounts = Accounts(opened)
        jonas = await person(opened, "member", email="jonas@example.com")
        for who in (jonas.id, "Jonas@Example.com"):
            link = await login_link(accounts, ADDRESS, who, timedelta(hours=24))
            caller = await accounts.by_cookie(await accounts.log_in(link.partition("#k=")[2]))
            assert caller is not None
            assert caller.user.id == jonas.id
        with pytest.raises(PersonNotFound, match="nobody called maya"):
            await login_link(accounts, ADDRESS, "maya")


def test_nothing_that_people_are_called_breaks_their_line() -> None:
    evil = "\x1b[2J\x9b1m\u202eMaya\r\nowner\tx"
    known = [
        Known(User(UserId("u1"), evil, "a@b.c\x07", "member"), "old", ("Makers", "A\nB")),
        Known(User(UserId("u2"), None, None, "owner"), "no", ()),
    ]
    lines = table(known)
    assert [line.split()[0] for line in lines] == ["ID", "u1", "u2"]
    assert all(line.isprintable() for line in lines)
    assert lines[0].split() == ["ID", "E-MAIL", "NAME", "ROLE", "PASSWORD", "TEAMS"]
    assert lines[2].split() == ["u2", "-", "-", "owner", "no", "-"]
    assert lines[0].index("ROLE") == lines[2].index("owner")
