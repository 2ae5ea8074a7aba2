"""what comments carry"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.add_column(
        "comments",
        sa.Column("sensitive", sa.Boolean(), server_default=sa.text("false"), nullable=False),
    )
    op.add_column("comments", sa.Column("media_status", sa.Text(), nullable=True))
    op.add_column("comments", sa.Column("poll", sa.Text(), nullable=True))
    op.add_column("comments", sa.Column("quotes", sa.Text(), nullable=True))
    op.add_column("comments", sa.Column("emojis", sa.Text(), nullable=True))
    op.add_column("actors", sa.Column("emojis", sa.Text(), nullable=True))
