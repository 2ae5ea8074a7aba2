"""on whose behalf a job asks other servers"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0009"
down_revision: str | None = "0008"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.add_column(
        "jobs", sa.Column("asker", sa.Text(), server_default=sa.text("''"), nullable=False)
    )
    op.create_index(op.f("ix_jobs_asker"), "jobs", ["asker"], unique=False)
