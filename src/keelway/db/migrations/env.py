"""Alembic's entry: runs on the connection it is given (db/migrate.py), never on one of its own."""

from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext

from keelway.db.models import Base, Utc


def render(kind: str, item: Any, _: AutogenContext) -> str | Literal[False]:
    """Migrations name plain types, so that they stay true when the models change."""
    if kind == "type" and isinstance(item, Utc):
        return "sa.DateTime(timezone=True)"
    return False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    compare_type=True,
    compare_server_default=True,
    render_as_batch=True,
    render_item=render,
)
with context.begin_transaction():
    context.run_migrations()
