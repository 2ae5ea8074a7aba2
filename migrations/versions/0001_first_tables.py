"""first tables"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0001"
down_revision: str | None = None
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "actors",
        sa.Column("uri", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("handle", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("avatar_url", sa.Text(), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("inbox", sa.Text(), nullable=False),
        sa.Column("shared_inbox", sa.Text(), nullable=True),
        sa.Column("followers_uri", sa.Text(), nullable=True),
        sa.Column("moved_to", sa.Text(), nullable=True),
        sa.Column("also_known_as", sa.Text(), nullable=False),
        sa.Column("fetched_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("uri", name=op.f("pk_actors")),
    )
    op.create_index(op.f("ix_actors_host"), "actors", ["host"], unique=False)
    op.create_table(
        "blogs",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("handle", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("tagline", sa.Text(), nullable=False),
        sa.Column("group_name", sa.Text(), nullable=False),
        sa.Column("about", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("time_zone", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_blogs")),
        sa.UniqueConstraint("handle", name=op.f("uq_blogs_handle")),
    )
    op.create_table(
        "changes",
        sa.Column(
            "seq",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_changes")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "hosts",
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("software", sa.Text(), nullable=True),
        sa.Column("signature_scheme", sa.Text(), nullable=True),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("last_failure_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_success_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("host", name=op.f("pk_hosts")),
    )
    op.create_table(
        "inboxes",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inboxes")),
        sa.UniqueConstraint("url", name=op.f("uq_inboxes_url")),
    )
    op.create_table(
        "jobs",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("run_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_jobs")),
        sa.UniqueConstraint("kind", "key", name=op.f("uq_jobs_kind_key")),
    )
    op.create_index("ix_jobs_run_at", "jobs", ["run_at"], unique=False)
    op.create_table(
        "received",
        sa.Column("actor_uri", sa.Text(), nullable=False),
        sa.Column("activity_uri", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("activity_uri", "actor_uri", name=op.f("pk_received")),
    )
    op.create_index("ix_received_received_at", "received", ["received_at"], unique=False)
    op.create_table(
        "server",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_server")),
    )
    op.create_table(
        "tombstones",
        sa.Column("uri", sa.Text(), nullable=False),
        sa.Column("actor_uri", sa.Text(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("uri", "actor_uri", name=op.f("pk_tombstones")),
    )
    op.create_index("ix_tombstones_until", "tombstones", ["until"], unique=False)
    op.create_table(
        "actor_keys",
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("actor_uri", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("public_pem", sa.Text(), nullable=False),
        sa.Column("fetched_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["actor_uri"], ["actors.uri"], name=op.f("fk_actor_keys_actor_uri")
        ),
        sa.PrimaryKeyConstraint("key_id", name=op.f("pk_actor_keys")),
    )
    op.create_index(op.f("ix_actor_keys_actor_uri"), "actor_keys", ["actor_uri"], unique=False)
    op.create_table(
        "blocks",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("blog_id", sa.Integer(), nullable=False),
        sa.Column("domain", sa.Text(), nullable=True),
        sa.Column("actor_uri", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["blog_id"], ["blogs.id"], name=op.f("fk_blocks_blog_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_blocks")),
        sa.UniqueConstraint("blog_id", "actor_uri", name=op.f("uq_blocks_blog_id_actor_uri")),
        sa.UniqueConstraint("blog_id", "domain", name=op.f("uq_blocks_blog_id_domain")),
    )
    op.create_table(
        "followers",
        sa.Column("blog_id", sa.Integer(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("actor_uri", sa.Text(), nullable=False),
        sa.Column("activity_uri", sa.Text(), nullable=True),
        sa.Column("inbox_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["blog_id"], ["blogs.id"], name=op.f("fk_followers_blog_id")),
        sa.ForeignKeyConstraint(["inbox_id"], ["inboxes.id"], name=op.f("fk_followers_inbox_id")),
        sa.PrimaryKeyConstraint("blog_id", "owner", "actor_uri", name=op.f("pk_followers")),
    )
    op.create_index("ix_followers_activity_uri", "followers", ["activity_uri"], unique=False)
    op.create_index("ix_followers_actor_uri", "followers", ["actor_uri"], unique=False)
    op.create_index(
        "ix_followers_inbox_id", "followers", ["blog_id", "owner", "inbox_id"], unique=False
    )
    op.create_table(
        "keys",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("blog_id", sa.Integer(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("fragment", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("private_pem", sa.Text(), nullable=False),
        sa.Column("public_pem", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["blog_id"], ["blogs.id"], name=op.f("fk_keys_blog_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_keys")),
        sa.UniqueConstraint(
            "blog_id", "owner", "fragment", name=op.f("uq_keys_blog_id_owner_fragment")
        ),
    )
    op.create_table(
        "media",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("blog_id", sa.Integer(), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("alt", sa.Text(), nullable=False),
        sa.Column("caption", sa.Text(), nullable=False),
        sa.Column("credit", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["blog_id"], ["blogs.id"], name=op.f("fk_media_blog_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_media")),
        sa.UniqueConstraint("file_name", name=op.f("uq_media_file_name")),
    )
    op.create_table(
        "reports",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("blog_id", sa.Integer(), nullable=False),
        sa.Column("activity_uri", sa.Text(), nullable=True),
        sa.Column("actor_uri", sa.Text(), nullable=False),
        sa.Column("object_uris", sa.Text(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["blog_id"], ["blogs.id"], name=op.f("fk_reports_blog_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reports")),
    )
    op.create_table(
        "authors",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("blog_id", sa.Integer(), nullable=False),
        sa.Column("handle", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("about", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("fediverse", sa.Text(), nullable=False),
        sa.Column("avatar", sa.Text(), nullable=True),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["avatar"], ["media.id"], name=op.f("fk_authors_avatar")),
        sa.ForeignKeyConstraint(["blog_id"], ["blogs.id"], name=op.f("fk_authors_blog_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_authors")),
        sa.UniqueConstraint("blog_id", "handle", name=op.f("uq_authors_blog_id_handle")),
    )
    op.create_table(
        "posts",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("blog_id", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=True),
        sa.Column("content_source", sa.Text(), nullable=False),
        sa.Column("content_format", sa.Text(), nullable=False),
        sa.Column("content_html", sa.Text(), nullable=False),
        sa.Column("summary", sa.Text(), nullable=True),
        sa.Column("excerpt", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("voice", sa.Text(), nullable=False),
        sa.Column("comments", sa.Text(), nullable=False),
        sa.Column("featured_media", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("publish_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("edited_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["blog_id"], ["blogs.id"], name=op.f("fk_posts_blog_id")),
        sa.ForeignKeyConstraint(
            ["featured_media"], ["media.id"], name=op.f("fk_posts_featured_media")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_posts")),
        sa.UniqueConstraint("blog_id", "path", name=op.f("uq_posts_blog_id_path")),
    )
    op.create_index(
        "ix_posts_blog_id_status_published_at",
        "posts",
        ["blog_id", "status", "published_at", "id"],
        unique=False,
    )
    op.create_table(
        "activities",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("blog_id", sa.Integer(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("object_uri", sa.Text(), nullable=True),
        sa.Column("object_version", sa.Integer(), nullable=True),
        sa.Column("post_id", sa.Text(), nullable=True),
        sa.Column("is_public", sa.Boolean(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["blog_id"], ["blogs.id"], name=op.f("fk_activities_blog_id")),
        sa.ForeignKeyConstraint(["post_id"], ["posts.id"], name=op.f("fk_activities_post_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_activities")),
    )
    op.create_index(
        "ix_activities_owner_id",
        "activities",
        ["blog_id", "owner", "is_public", "id"],
        unique=False,
    )
    op.create_index("ix_activities_post_id", "activities", ["post_id"], unique=False)
    op.create_table(
        "comments",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("blog_id", sa.Integer(), nullable=False),
        sa.Column("uri", sa.Text(), nullable=False),
        sa.Column("post_id", sa.Text(), nullable=True),
        sa.Column("parent_id", sa.Text(), nullable=True),
        sa.Column("in_reply_to_uri", sa.Text(), nullable=False),
        sa.Column("depth", sa.Integer(), nullable=False),
        sa.Column("actor_uri", sa.Text(), nullable=True),
        sa.Column("author_id", sa.Text(), nullable=True),
        sa.Column("guest_name", sa.Text(), nullable=True),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("source_html", sa.Text(), nullable=False),
        sa.Column("content_html", sa.Text(), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=True),
        sa.Column("visibility", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("status_locked", sa.Boolean(), server_default=sa.text("(false)"), nullable=False),
        sa.Column("attachments", sa.Text(), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("edited_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["author_id"], ["authors.id"], name=op.f("fk_comments_author_id")),
        sa.ForeignKeyConstraint(["blog_id"], ["blogs.id"], name=op.f("fk_comments_blog_id")),
        sa.ForeignKeyConstraint(["parent_id"], ["comments.id"], name=op.f("fk_comments_parent_id")),
        sa.ForeignKeyConstraint(["post_id"], ["posts.id"], name=op.f("fk_comments_post_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_comments")),
        sa.UniqueConstraint("uri", name=op.f("uq_comments_uri")),
    )
    op.create_index("ix_comments_actor_uri", "comments", ["actor_uri"], unique=False)
    op.create_index("ix_comments_in_reply_to_uri", "comments", ["in_reply_to_uri"], unique=False)
    op.create_index("ix_comments_parent_id", "comments", ["parent_id"], unique=False)
    op.create_index("ix_comments_post_id_id", "comments", ["post_id", "id"], unique=False)
    op.create_table(
        "idempotency_keys",
        sa.Column("author_id", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("request_hash", sa.Text(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["author_id"], ["authors.id"], name=op.f("fk_idempotency_keys_author_id")
        ),
        sa.PrimaryKeyConstraint("author_id", "key", name=op.f("pk_idempotency_keys")),
    )
    op.create_table(
        "permalinks",
        sa.Column("blog_id", sa.Integer(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("post_id", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["blog_id"], ["blogs.id"], name=op.f("fk_permalinks_blog_id")),
        sa.ForeignKeyConstraint(["post_id"], ["posts.id"], name=op.f("fk_permalinks_post_id")),
        sa.PrimaryKeyConstraint("blog_id", "path", name=op.f("pk_permalinks")),
    )
    op.create_table(
        "post_authors",
        sa.Column("post_id", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("author_id", sa.Text(), nullable=True),
        sa.Column("guest_name", sa.Text(), nullable=True),
        sa.Column("guest_url", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["author_id"], ["authors.id"], name=op.f("fk_post_authors_author_id")
        ),
        sa.ForeignKeyConstraint(["post_id"], ["posts.id"], name=op.f("fk_post_authors_post_id")),
        sa.PrimaryKeyConstraint("post_id", "position", name=op.f("pk_post_authors")),
    )
    op.create_index(op.f("ix_post_authors_author_id"), "post_authors", ["author_id"], unique=False)
    op.create_table(
        "post_terms",
        sa.Column("post_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["post_id"], ["posts.id"], name=op.f("fk_post_terms_post_id")),
        sa.PrimaryKeyConstraint("post_id", "kind", "slug", name=op.f("pk_post_terms")),
    )
    op.create_index("ix_post_terms_kind_slug", "post_terms", ["kind", "slug"], unique=False)
    op.create_table(
        "revisions",
        sa.Column("post_id", sa.Text(), nullable=False),
        sa.Column("blog_id", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("content_source", sa.Text(), nullable=False),
        sa.Column("content_format", sa.Text(), nullable=False),
        sa.Column("author_id", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["blog_id"], ["blogs.id"], name=op.f("fk_revisions_blog_id")),
        sa.ForeignKeyConstraint(["post_id"], ["posts.id"], name=op.f("fk_revisions_post_id")),
        sa.PrimaryKeyConstraint("post_id", "version", name=op.f("pk_revisions")),
    )
    op.create_table(
        "tokens",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("author_id", sa.Text(), nullable=False),
        sa.Column("token_hash", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["author_id"], ["authors.id"], name=op.f("fk_tokens_author_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tokens")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_tokens_token_hash")),
    )
    op.create_table(
        "deliveries",
        sa.Column("activity_id", sa.Text(), nullable=False),
        sa.Column("inbox_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_status", sa.Integer(), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["activity_id"], ["activities.id"], name=op.f("fk_deliveries_activity_id")
        ),
        sa.ForeignKeyConstraint(["inbox_id"], ["inboxes.id"], name=op.f("fk_deliveries_inbox_id")),
        sa.PrimaryKeyConstraint("activity_id", "inbox_id", name=op.f("pk_deliveries")),
    )
    op.create_index(
        "ix_deliveries_waiting",
        "deliveries",
        ["next_at"],
        unique=False,
        sqlite_where=sa.text("state = 'waiting'"),
        postgresql_where=sa.text("state = 'waiting'"),
    )
    op.create_table(
        "reactions",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("blog_id", sa.Integer(), nullable=False),
        sa.Column("object_uri", sa.Text(), nullable=False),
        sa.Column("post_id", sa.Text(), nullable=True),
        sa.Column("comment_id", sa.Text(), nullable=True),
        sa.Column("actor_uri", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("emoji", sa.Text(), nullable=False),
        sa.Column("activity_uri", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["blog_id"], ["blogs.id"], name=op.f("fk_reactions_blog_id")),
        sa.ForeignKeyConstraint(
            ["comment_id"], ["comments.id"], name=op.f("fk_reactions_comment_id")
        ),
        sa.ForeignKeyConstraint(["post_id"], ["posts.id"], name=op.f("fk_reactions_post_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reactions")),
        sa.UniqueConstraint(
            "object_uri",
            "actor_uri",
            "kind",
            "emoji",
            name=op.f("uq_reactions_object_uri_actor_uri_kind_emoji"),
        ),
    )
    op.create_index("ix_reactions_activity_uri", "reactions", ["activity_uri"], unique=False)
    op.create_index("ix_reactions_actor_uri", "reactions", ["actor_uri"], unique=False)
    op.create_index(
        "ix_reactions_comment_id_kind", "reactions", ["comment_id", "kind"], unique=False
    )
    op.create_index("ix_reactions_post_id_kind", "reactions", ["post_id", "kind"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_reactions_post_id_kind", table_name="reactions")
    op.drop_index("ix_reactions_comment_id_kind", table_name="reactions")
    op.drop_index("ix_reactions_actor_uri", table_name="reactions")
    op.drop_index("ix_reactions_activity_uri", table_name="reactions")
    op.drop_table("reactions")
    op.drop_index(
        "ix_deliveries_waiting",
        table_name="deliveries",
        sqlite_where=sa.text("state = 'waiting'"),
        postgresql_where=sa.text("state = 'waiting'"),
    )
    op.drop_table("deliveries")
    op.drop_table("tokens")
    op.drop_table("revisions")
    op.drop_index("ix_post_terms_kind_slug", table_name="post_terms")
    op.drop_table("post_terms")
    op.drop_index(op.f("ix_post_authors_author_id"), table_name="post_authors")
    op.drop_table("post_authors")
    op.drop_table("permalinks")
    op.drop_table("idempotency_keys")
    op.drop_index("ix_comments_post_id_id", table_name="comments")
    op.drop_index("ix_comments_parent_id", table_name="comments")
    op.drop_index("ix_comments_in_reply_to_uri", table_name="comments")
    op.drop_index("ix_comments_actor_uri", table_name="comments")
    op.drop_table("comments")
    op.drop_index("ix_activities_post_id", table_name="activities")
    op.drop_index("ix_activities_owner_id", table_name="activities")
    op.drop_table("activities")
    op.drop_index("ix_posts_blog_id_status_published_at", table_name="posts")
    op.drop_table("posts")
    op.drop_table("authors")
    op.drop_table("reports")
    op.drop_table("media")
    op.drop_table("keys")
    op.drop_index("ix_followers_inbox_id", table_name="followers")
    op.drop_index("ix_followers_actor_uri", table_name="followers")
    op.drop_index("ix_followers_activity_uri", table_name="followers")
    op.drop_table("followers")
    op.drop_table("blocks")
    op.drop_index(op.f("ix_actor_keys_actor_uri"), table_name="actor_keys")
    op.drop_table("actor_keys")
    op.drop_index("ix_tombstones_until", table_name="tombstones")
    op.drop_table("tombstones")
    op.drop_table("server")
    op.drop_index("ix_received_received_at", table_name="received")
    op.drop_table("received")
    op.drop_index("ix_jobs_run_at", table_name="jobs")
    op.drop_table("jobs")
    op.drop_table("inboxes")
    op.drop_table("hosts")
    op.drop_table("changes")
    op.drop_table("blogs")
    op.drop_index(op.f("ix_actors_host"), table_name="actors")
    op.drop_table("actors")
