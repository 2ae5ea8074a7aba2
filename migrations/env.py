"""Alembic's entry: runs migrations over the connection that fedblog.storage.migrate hands in.

From alembic's own command line (to write a new migration) the database is named by ``-x url=…``;
``-x plain=yes`` writes plain operations where SQLite's batch form is not needed.
"""

from typing import Any

from alembic import context
from sqlalchemy import create_engine

from fedblog.storage.columns import UtcDateTime
from fedblog.storage.tables import metadata


def render_item(kind: str, item: Any, _context: Any) -> str | bool:
    """Keep migrations free of the code's own types, which change after them."""
    if kind == "type" and isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    return False


def run(connection: Any) -> None:
    """Run what alembic asks for in one transaction, on SQLite too."""
    context.configure(
        connection=connection,
        target_metadata=metadata,
        render_as_batch="plain" not in context.get_x_argument(as_dictionary=True),
        render_item=render_item,
        transactional_ddl=True,
    )
    with context.begin_transaction():
        context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    with create_engine(context.get_x_argument(as_dictionary=True)["url"]).connect() as made:
        run(made)
