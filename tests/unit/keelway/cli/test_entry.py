import io
import os
import re
import stat
from pathlib import Path

import pytest

from keelway.accounts.accounts import Accounts
from keelway.cli.entry import ALREADY_RUNNING, database, login_link, migrate, point_to, token_file
from keelway.cli.home import Running
from keelway.cli.progress import Progress
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
