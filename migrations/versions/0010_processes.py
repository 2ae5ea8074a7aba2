"""which process holds a delivery or a job, and when it was last alive"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0010"
down_revision: str | None = "0009"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    counter = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "processes",
        sa.Column("id", counter, autoincrement=True, nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_processes")),
        sqlite_autoincrement=True,
    )
    op.add_column("deliveries", sa.Column("leased_by", sa.BigInteger()))
    op.add_column("jobs", sa.Column("leased_by", sa.BigInteger()))
