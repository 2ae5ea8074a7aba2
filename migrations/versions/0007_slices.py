"""indexes by which long work goes on from where it stopped"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0007"
down_revision: str | None = "0005"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_index("ix_comments_actor_uri_id", "comments", ["actor_uri", "id"])
    op.drop_index("ix_comments_actor_uri", "comments")
    op.create_index("ix_reactions_actor_uri_id", "reactions", ["actor_uri", "id"])
    op.drop_index("ix_reactions_actor_uri", "reactions")
    op.create_index("ix_actors_host_uri", "actors", ["host", "uri"])
    op.drop_index("ix_actors_host", "actors")
    op.create_index("ix_inboxes_host_id", "inboxes", ["host", "id"])
    op.drop_index("ix_inboxes_host", "inboxes")
    is_waiting = sa.text("state = 'waiting'")
    op.create_index(
        "ix_deliveries_waiting_inbox_id",
        "deliveries",
        ["inbox_id"],
        sqlite_where=is_waiting,
        postgresql_where=is_waiting,
    )
