"""counts that are kept, and indexes for every list"""

import logging
from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0008"
down_revision: str | None = "0007"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_LISTED = "visibility = 'public' AND deleted_at IS NULL AND post_id IS NOT NULL"
_HIDDEN = f"{_LISTED} AND status <> 'approved'"
_LIKE = "kind IN ('like', 'emoji') AND post_id IS NOT NULL"
_BOOST = "kind IN ('announce') AND post_id IS NOT NULL"

_GONE = (
    ("ix_comments_in_reply_to_uri", "comments"),
    ("ix_comments_parent_id", "comments"),
    ("ix_comments_actor_uri_id", "comments"),
    ("ix_reactions_post_id_kind", "reactions"),
    ("ix_reactions_comment_id_kind", "reactions"),
    ("ix_activities_post_id", "activities"),
    ("ix_post_authors_author_id", "post_authors"),
    ("ix_post_terms_kind_slug", "post_terms"),
)
_NEW: tuple[tuple[str, str, list[str], str], ...] = (
    ("ix_posts_blog_id_status_id", "posts", ["blog_id", "status", "id"], ""),
    ("ix_posts_not_deleted", "posts", ["blog_id", "id"], "status <> 'deleted'"),
    (
        "ix_post_authors_author_id_listed_at",
        "post_authors",
        ["author_id", "listed_at", "post_id"],
        "",
    ),
    (
        "ix_post_terms_kind_slug_listed_at",
        "post_terms",
        ["kind", "slug", "listed_at", "post_id"],
        "",
    ),
    ("ix_comments_first_level", "comments", ["post_id", "id"], "parent_id IS NULL"),
    ("ix_comments_parent_id", "comments", ["parent_id", "id"], "parent_id IS NOT NULL"),
    ("ix_comments_actor_uri_id", "comments", ["actor_uri", "id"], "actor_uri IS NOT NULL"),
    ("ix_comments_waiting", "comments", ["in_reply_to_uri"], "post_id IS NULL"),
    ("ix_comments_by_author", "comments", ["author_id", "published_at"], "author_id IS NOT NULL"),
    ("ix_comments_local", "comments", ["post_id"], "actor_uri IS NULL"),
    ("ix_comments_listed", "comments", ["blog_id", "published_at", "id"], _LISTED),
    ("ix_comments_of_post_listed", "comments", ["post_id", "published_at", "id"], _LISTED),
    ("ix_comments_not_shown", "comments", ["blog_id", "status", "published_at", "id"], _HIDDEN),
    (
        "ix_comments_of_post_not_shown",
        "comments",
        ["post_id", "status", "published_at", "id"],
        _HIDDEN,
    ),
    ("ix_reactions_post_likes", "reactions", ["post_id", "id"], _LIKE),
    ("ix_reactions_post_boosts", "reactions", ["post_id", "id"], _BOOST),
    ("ix_reactions_comment_id", "reactions", ["comment_id", "id"], "comment_id IS NOT NULL"),
    (
        "ix_followers_created_at",
        "followers",
        ["blog_id", "created_at", "actor_uri", "owner"],
        "",
    ),
    ("ix_activities_post_id_id", "activities", ["post_id", "id"], ""),
)

logger = logging.getLogger("alembic.runtime.migration")


def upgrade() -> None:
    for name, table in _GONE:
        op.drop_index(op.f(name), table_name=table)
    for table in ("post_authors", "post_terms"):
        op.add_column(table, sa.Column("listed_at", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "counts",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("slot", sa.Integer(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key", "kind", "slot", name=op.f("pk_counts")),
        sqlite_with_rowid=False,
    )
    for number, (name, table, columns, condition) in enumerate(_NEW, 1):
        logger.info("making index %d of %d: %s", number, len(_NEW), name)
        where = sa.text(condition) if condition else None
        op.create_index(
            op.f(name),
            table,
            columns,
            unique=False,
            sqlite_where=where,
            postgresql_where=where,
        )
