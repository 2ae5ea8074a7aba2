"""authorizations to interact"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "authorizations",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("blog_id", sa.Integer(), nullable=False),
        sa.Column("interaction", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("target_uri", sa.Text(), nullable=False),
        sa.Column("object_uri", sa.Text(), nullable=False),
        sa.Column("actor_uri", sa.Text(), nullable=False),
        sa.Column("request_uri", sa.Text(), nullable=True),
        sa.Column("post_id", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("was_granted", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["blog_id"], ["blogs.id"], name=op.f("fk_authorizations_blog_id")),
        sa.ForeignKeyConstraint(["post_id"], ["posts.id"], name=op.f("fk_authorizations_post_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_authorizations")),
        sa.UniqueConstraint(
            "object_uri",
            "target_uri",
            "actor_uri",
            "interaction",
            name=op.f("uq_authorizations_object_uri_target_uri_actor_uri_interaction"),
        ),
    )
    op.create_index(op.f("ix_authorizations_post_id"), "authorizations", ["post_id"], unique=False)
