"""PostgreSQL is used only when it keeps what it acknowledges."""

import pytest
from tests.support.postgres import Cluster

from keelway.db.migrate import upgrade
from keelway.db.postgres import UnsafeSettings


async def test_a_server_with_default_settings_is_accepted(postgres: Cluster) -> None:
    await upgrade(postgres.new_database())


async def test_a_database_that_acknowledges_before_it_syncs_is_refused(postgres: Cluster) -> None:
    url = postgres.new_database()
    postgres.execute(f"ALTER DATABASE {url.database} SET synchronous_commit = off")
    with pytest.raises(UnsafeSettings, match="synchronous_commit is off"):
        await upgrade(url)
