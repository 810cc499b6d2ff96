"""What PostgreSQL must promise before Keelway acknowledges anything it stores there (TRUST.md 6)."""

from sqlalchemy import text

from keelway.db.session import Database
from keelway.errors import KeelwayError

ALLOWED: dict[str, frozenset[str]] = {
    "fsync": frozenset({"on"}),
    "full_page_writes": frozenset({"on"}),
    "synchronous_commit": frozenset({"on", "remote_apply"}),
    "data_sync_retry": frozenset({"off"}),
    "transaction_read_only": frozenset({"off"}),
    "server_encoding": frozenset({"UTF8"}),
}
"""With any other value an acknowledged version could be lost by a crash or a power cut, or garbled."""


class UnsafeSettings(KeelwayError):
    """PostgreSQL is set up so that it may lose what it has acknowledged; the message says which."""


async def verify(database: Database) -> None:
    """Read the settings back. Raises UnsafeSettings, naming each wrong one."""
    async with database.engine.connect() as connection:
        wrong: list[str] = []
        for name, allowed in ALLOWED.items():
            value = str((await connection.execute(text(f"SHOW {name}"))).scalar_one())
            if value not in allowed:
                wrong.append(f"{name} is {value}, must be {' or '.join(sorted(allowed))}")
    if wrong:
        raise UnsafeSettings(f"PostgreSQL could lose versions: {'; '.join(wrong)}.")
