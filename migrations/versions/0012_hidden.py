"""what a block hid, so that it comes back when the block is lifted"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0012"
down_revision: str | None = "0011"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "hidden",
        sa.Column("object_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("block_id", sa.Text(), nullable=False),
        sa.Column("actor_uri", sa.Text(), nullable=False),
        sa.Column("about", sa.Text(), nullable=False),
        sa.Column("was", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("object_id", name=op.f("pk_hidden")),
    )
    op.create_index("ix_hidden_block_id", "hidden", ["block_id", "kind", "object_id"])
    op.add_column(
        "blocks", sa.Column("followers", sa.Integer(), server_default="0", nullable=False)
    )
