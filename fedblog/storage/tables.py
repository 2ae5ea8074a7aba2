"""Every table, defined once for both engines.

What belongs to a blog carries ``blog_id``; what is known of the world (actors, keys, hosts,
inboxes, received, tombstones, jobs) is the server's.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from fedblog.storage.columns import UtcDateTime

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# BIGINT on PostgreSQL; SQLite counts up only in INTEGER primary keys.
_Counter = BigInteger().with_variant(Integer, "sqlite")

# --- the server itself ---------------------------------------------------------------------

server = Table(
    "server",
    metadata,
    Column("key", Text, primary_key=True),
    Column("value", Text, nullable=False),
)

changes = Table(
    "changes",
    metadata,
    Column("seq", _Counter, primary_key=True, autoincrement=True),
    Column("kind", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    sqlite_autoincrement=True,
)

jobs = Table(
    "jobs",
    metadata,
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("payload", Text, nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("run_at", UtcDateTime, nullable=False),
    Column("lease_until", UtcDateTime),
    Column("last_error", Text),
    Column("created_at", UtcDateTime, nullable=False),
    Column("asker", Text, nullable=False, server_default=text("''")),
    UniqueConstraint("kind", "key"),
    Index("ix_jobs_run_at", "run_at"),
    Index("ix_jobs_asker", "asker"),
)

# --- a blog and its people ------------------------------------------------------------------

blogs = Table(
    "blogs",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("handle", Text, nullable=False, unique=True),
    Column("title", Text, nullable=False),
    Column("tagline", Text, nullable=False),
    Column("group_name", Text, nullable=False),
    Column("about", Text, nullable=False),
    Column("language", Text, nullable=False),
    Column("time_zone", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
)

authors = Table(
    "authors",
    metadata,
    Column("id", Text, primary_key=True),
    Column("blog_id", ForeignKey("blogs.id"), nullable=False),
    Column("handle", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("about", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("fediverse", Text, nullable=False),
    Column("avatar", ForeignKey("media.id")),
    Column("role", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    UniqueConstraint("blog_id", "handle"),
)

keys = Table(
    "keys",
    metadata,
    Column("id", Text, primary_key=True),
    Column("blog_id", ForeignKey("blogs.id"), nullable=False),
    Column("owner", Text, nullable=False),
    Column("fragment", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("private_pem", Text, nullable=False),
    Column("public_pem", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("retired_at", UtcDateTime),
    UniqueConstraint("blog_id", "owner", "fragment"),
)

tokens = Table(
    "tokens",
    metadata,
    Column("id", Text, primary_key=True),
    Column("author_id", ForeignKey("authors.id"), nullable=False),
    Column("token_hash", Text, nullable=False, unique=True),
    Column("created_at", UtcDateTime, nullable=False),
    Column("last_used_at", UtcDateTime),
    Column("revoked_at", UtcDateTime),
)

media = Table(
    "media",
    metadata,
    Column("id", Text, primary_key=True),
    Column("blog_id", ForeignKey("blogs.id"), nullable=False),
    Column("file_name", Text, nullable=False, unique=True),
    Column("media_type", Text, nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("size", Integer, nullable=False),
    Column("alt", Text, nullable=False),
    Column("caption", Text, nullable=False),
    Column("credit", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
)

# --- posts ------------------------------------------------------------------------------------

posts = Table(
    "posts",
    metadata,
    Column("id", Text, primary_key=True),
    Column("blog_id", ForeignKey("blogs.id"), nullable=False),
    Column("version", Integer, nullable=False),
    Column("status", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("slug", Text, nullable=False),
    Column("path", Text),
    Column("content_source", Text, nullable=False),
    Column("content_format", Text, nullable=False),
    Column("content_html", Text, nullable=False),
    Column("summary", Text),
    Column("excerpt", Text, nullable=False),
    Column("language", Text, nullable=False),
    Column("voice", Text, nullable=False),
    Column("comments", Text, nullable=False),
    Column("featured_media", ForeignKey("media.id")),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("publish_at", UtcDateTime),
    Column("published_at", UtcDateTime),
    Column("edited_at", UtcDateTime),
    Column("deleted_at", UtcDateTime),
    UniqueConstraint("blog_id", "path"),
    Index("ix_posts_blog_id_status_published_at", "blog_id", "status", "published_at", "id"),
)

revisions = Table(
    "revisions",
    metadata,
    Column("post_id", ForeignKey("posts.id"), nullable=False),
    Column("blog_id", ForeignKey("blogs.id"), nullable=False),
    Column("version", Integer, nullable=False),
    Column("title", Text, nullable=False),
    Column("content_source", Text, nullable=False),
    Column("content_format", Text, nullable=False),
    Column("author_id", Text),
    Column("created_at", UtcDateTime, nullable=False),
    PrimaryKeyConstraint("post_id", "version"),
)

post_authors = Table(
    "post_authors",
    metadata,
    Column("post_id", ForeignKey("posts.id"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("author_id", ForeignKey("authors.id"), index=True),
    Column("guest_name", Text),
    Column("guest_url", Text),
    PrimaryKeyConstraint("post_id", "position"),
)

post_terms = Table(
    "post_terms",
    metadata,
    Column("post_id", ForeignKey("posts.id"), nullable=False),
    Column("kind", Text, nullable=False),  # tag or category
    Column("slug", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("position", Integer, nullable=False),
    PrimaryKeyConstraint("post_id", "kind", "slug"),
    Index("ix_post_terms_kind_slug", "kind", "slug"),
)

permalinks = Table(
    "permalinks",
    metadata,
    Column("blog_id", ForeignKey("blogs.id"), nullable=False),
    Column("path", Text, nullable=False),
    Column("post_id", ForeignKey("posts.id"), nullable=False),
    PrimaryKeyConstraint("blog_id", "path"),
)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("author_id", ForeignKey("authors.id"), nullable=False),
    Column("key", Text, nullable=False),
    Column("request_hash", Text, nullable=False),
    Column("status", Integer, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    PrimaryKeyConstraint("author_id", "key"),
)

# --- the conversation --------------------------------------------------------------------------

comments = Table(
    "comments",
    metadata,
    Column("id", Text, primary_key=True),
    Column("blog_id", ForeignKey("blogs.id"), nullable=False),
    Column("uri", Text, nullable=False, unique=True),
    Column("post_id", ForeignKey("posts.id")),
    Column("parent_id", ForeignKey("comments.id")),
    Column("in_reply_to_uri", Text, nullable=False),
    Column("depth", Integer, nullable=False),
    Column("actor_uri", Text),
    Column("author_id", ForeignKey("authors.id")),
    Column("guest_name", Text),
    Column("url", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("source_html", Text, nullable=False),
    Column("content_html", Text, nullable=False),
    Column("summary", Text, nullable=False),
    Column("language", Text),
    Column("visibility", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("status_locked", Boolean, nullable=False, server_default=text("false")),
    Column("attachments", Text, nullable=False),  # JSON list of {type, url, mediaType, name}
    Column("published_at", UtcDateTime, nullable=False),
    Column("received_at", UtcDateTime, nullable=False),
    Column("edited_at", UtcDateTime),
    Column("deleted_at", UtcDateTime),
    Column("sensitive", Boolean, nullable=False, server_default=text("false")),
    Column("media_status", Text),  # NULL while no moderator has decided, "approved", "held"
    Column("poll", Text),  # JSON {options: [{name, votes}], multiple, ends_at, is_closed, voters}
    Column("quotes", Text),  # JSON list of ids
    Column("emojis", Text),  # JSON list of {shortcode, url}
    Index("ix_comments_post_id_id", "post_id", "id"),
    Index("ix_comments_in_reply_to_uri", "in_reply_to_uri"),
    Index("ix_comments_actor_uri", "actor_uri"),
    Index("ix_comments_parent_id", "parent_id"),
)

reactions = Table(
    "reactions",
    metadata,
    Column("id", Text, primary_key=True),
    Column("blog_id", ForeignKey("blogs.id"), nullable=False),
    Column("object_uri", Text, nullable=False),
    Column("post_id", ForeignKey("posts.id")),
    Column("comment_id", ForeignKey("comments.id")),
    Column("actor_uri", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("emoji", Text, nullable=False),
    Column("activity_uri", Text),
    Column("created_at", UtcDateTime, nullable=False),
    UniqueConstraint("object_uri", "actor_uri", "kind", "emoji"),
    Index("ix_reactions_post_id_kind", "post_id", "kind"),
    Index("ix_reactions_comment_id_kind", "comment_id", "kind"),
    Index("ix_reactions_actor_uri", "actor_uri"),
    Index("ix_reactions_activity_uri", "activity_uri"),
)

followers = Table(
    "followers",
    metadata,
    Column("blog_id", ForeignKey("blogs.id"), nullable=False),
    Column("owner", Text, nullable=False),
    Column("actor_uri", Text, nullable=False),
    Column("activity_uri", Text),
    Column("inbox_id", ForeignKey("inboxes.id"), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    PrimaryKeyConstraint("blog_id", "owner", "actor_uri"),
    Index("ix_followers_inbox_id", "blog_id", "owner", "inbox_id"),
    Index("ix_followers_actor_uri", "actor_uri"),
    Index("ix_followers_activity_uri", "activity_uri"),
)

blocks = Table(
    "blocks",
    metadata,
    Column("id", Text, primary_key=True),
    Column("blog_id", ForeignKey("blogs.id"), nullable=False),
    Column("domain", Text),
    Column("actor_uri", Text),
    Column("created_at", UtcDateTime, nullable=False),
    UniqueConstraint("blog_id", "domain"),
    UniqueConstraint("blog_id", "actor_uri"),
)

reports = Table(
    "reports",
    metadata,
    Column("id", Text, primary_key=True),
    Column("blog_id", ForeignKey("blogs.id"), nullable=False),
    Column("activity_uri", Text),
    Column("actor_uri", Text, nullable=False),
    Column("object_uris", Text, nullable=False),  # JSON list
    Column("content", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
)

authorizations = Table(
    "authorizations",
    metadata,
    Column("id", Text, primary_key=True),
    Column("blog_id", ForeignKey("blogs.id"), nullable=False),
    Column("interaction", Text, nullable=False),
    Column("owner", Text, nullable=False),
    Column("target_uri", Text, nullable=False),
    Column("object_uri", Text, nullable=False),
    Column("actor_uri", Text, nullable=False),
    Column("request_uri", Text),
    Column("post_id", ForeignKey("posts.id")),
    Column("state", Text, nullable=False),
    Column("was_granted", Boolean, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("decided_at", UtcDateTime),
    UniqueConstraint("object_uri", "target_uri", "actor_uri", "interaction"),
    Index("ix_authorizations_post_id", "post_id"),
)

# --- what goes out -------------------------------------------------------------------------------

activities = Table(
    "activities",
    metadata,
    Column("id", Text, primary_key=True),
    Column("blog_id", ForeignKey("blogs.id"), nullable=False),
    Column("owner", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("object_uri", Text),
    Column("object_version", Integer),
    Column("post_id", ForeignKey("posts.id")),
    Column("is_public", Boolean, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Index("ix_activities_owner_id", "blog_id", "owner", "is_public", "id"),
    Index("ix_activities_post_id", "post_id"),
)

unforwarded = Table(
    "unforwarded",
    metadata,
    Column("comment_id", ForeignKey("comments.id", ondelete="CASCADE"), primary_key=True),
    Column("type", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("origins", Text, nullable=False),  # JSON list
    Column("received_at", UtcDateTime, nullable=False),
    Index("ix_unforwarded_received_at", "received_at"),
)

inboxes = Table(
    "inboxes",
    metadata,
    Column("id", _Counter, primary_key=True, autoincrement=True),
    Column("url", Text, nullable=False, unique=True),
    Column("host", Text, nullable=False),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("activity_id", ForeignKey("activities.id"), nullable=False),
    Column("inbox_id", ForeignKey("inboxes.id"), nullable=False),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("next_at", UtcDateTime),
    Column("lease_until", UtcDateTime),
    Column("last_status", Integer),
    Column("last_error", Text),
    Column("delivered_at", UtcDateTime),
    PrimaryKeyConstraint("activity_id", "inbox_id"),
    Index(
        "ix_deliveries_waiting",
        "next_at",
        sqlite_where=text("state = 'waiting'"),
        postgresql_where=text("state = 'waiting'"),
    ),
)

# --- what is known of the world ------------------------------------------------------------------

actors = Table(
    "actors",
    metadata,
    Column("uri", Text, primary_key=True),
    Column("type", Text, nullable=False),
    Column("handle", Text, nullable=False),
    Column("host", Text, nullable=False, index=True),
    Column("name", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("avatar_url", Text, nullable=False),
    Column("summary", Text, nullable=False),
    Column("inbox", Text, nullable=False),
    Column("shared_inbox", Text),
    Column("followers_uri", Text),
    Column("moved_to", Text),
    Column("also_known_as", Text, nullable=False),  # JSON list
    Column("fetched_at", UtcDateTime, nullable=False),
    Column("deleted_at", UtcDateTime),
    Column("emojis", Text),  # JSON list of {shortcode, url} for the name
)

actor_keys = Table(
    "actor_keys",
    metadata,
    Column("key_id", Text, primary_key=True),
    Column("actor_uri", ForeignKey("actors.uri"), nullable=False, index=True),
    Column("kind", Text, nullable=False),
    Column("public_pem", Text, nullable=False),
    Column("fetched_at", UtcDateTime, nullable=False),
)

hosts = Table(
    "hosts",
    metadata,
    Column("host", Text, primary_key=True),
    Column("software", Text),
    Column("signature_scheme", Text),
    Column("failures", Integer, nullable=False, server_default="0"),
    Column("last_failure_at", UtcDateTime),
    Column("last_success_at", UtcDateTime),
)

received = Table(
    "received",
    metadata,
    # The activity's id, or for one without id a digest of its actor, type and object.
    Column("actor_uri", Text, nullable=False),
    Column("activity_uri", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("received_at", UtcDateTime, nullable=False),
    PrimaryKeyConstraint("activity_uri", "actor_uri"),
    Index("ix_received_received_at", "received_at"),
)

tombstones = Table(
    "tombstones",
    metadata,
    Column("uri", Text, nullable=False),
    Column("actor_uri", Text, nullable=False),
    Column("until", UtcDateTime, nullable=False),
    PrimaryKeyConstraint("uri", "actor_uri"),
    Index("ix_tombstones_until", "until"),
)
