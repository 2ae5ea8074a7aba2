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

_IS_LISTED = "visibility = 'public' AND deleted_at IS NULL AND post_id IS NOT NULL"
_IS_LIKE = "kind IN ('like', 'emoji')"
_IS_BOOST = "kind IN ('announce')"

# BIGINT on PostgreSQL; SQLite counts up only in INTEGER primary keys.
_Counter = BigInteger().with_variant(Integer, "sqlite")


def _partial(name: str, *columns: str, where: str, unique: bool = False) -> Index:
    """An index of the rows for which *where* holds."""
    return Index(
        name, *columns, unique=unique, sqlite_where=text(where), postgresql_where=text(where)
    )


_TO_ERASE = "deleted_at IS NOT NULL AND erased_at IS NULL"

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

processes = Table(
    "processes",
    metadata,
    Column("id", _Counter, primary_key=True, autoincrement=True),
    Column("seen_at", UtcDateTime, nullable=False),
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
    Column("leased_by", BigInteger),  # the number of a process, on PostgreSQL
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
    Column("name", Text, nullable=False),
    Column("token_hash", Text, nullable=False, unique=True),
    Column("created_at", UtcDateTime, nullable=False),
    Column("last_used_at", UtcDateTime),
    Column("revoked_at", UtcDateTime),
    _partial(
        "ix_tokens_author_id_name", "author_id", "name", where="revoked_at IS NULL", unique=True
    ),
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

# Where an uploaded picture stands or once stood: in a post (any version of it) or a comment.
media_uses = Table(
    "media_uses",
    metadata,
    Column("media_id", ForeignKey("media.id"), nullable=False),
    Column("object_id", Text, nullable=False),
    PrimaryKeyConstraint("media_id", "object_id"),
    Index("ix_media_uses_object_id", "object_id"),
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
    Column("asked_slug", Text),  # as its author wrote it; NULL where it is made from the title
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
    Column("erased_at", UtcDateTime),
    UniqueConstraint("blog_id", "path"),
    Index("ix_posts_blog_id_status_published_at", "blog_id", "status", "published_at", "id"),
    Index("ix_posts_blog_id_status_id", "blog_id", "status", "id"),
    _partial("ix_posts_not_deleted", "blog_id", "id", where="status <> 'deleted'"),
    _partial("ix_posts_to_erase", "deleted_at", where=_TO_ERASE),
    _partial("ix_posts_featured_media", "featured_media", where="featured_media IS NOT NULL"),
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
    Column("author_id", ForeignKey("authors.id")),
    Column("guest_name", Text),
    Column("guest_url", Text),
    # The post's published_at while it is public, kept by a trigger (counting.py).
    Column("listed_at", UtcDateTime),
    PrimaryKeyConstraint("post_id", "position"),
    Index("ix_post_authors_author_id_listed_at", "author_id", "listed_at", "post_id"),
)

post_terms = Table(
    "post_terms",
    metadata,
    Column("post_id", ForeignKey("posts.id"), nullable=False),
    Column("kind", Text, nullable=False),  # tag or category
    Column("slug", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("position", Integer, nullable=False),
    Column("listed_at", UtcDateTime),  # as in post_authors
    PrimaryKeyConstraint("post_id", "kind", "slug"),
    Index("ix_post_terms_kind_slug_listed_at", "kind", "slug", "listed_at", "post_id"),
)

# Former addresses of tags and categories, which lead to the present ones.
former_terms = Table(
    "former_terms",
    metadata,
    Column("blog_id", ForeignKey("blogs.id"), nullable=False),
    Column("kind", Text, nullable=False),
    Column("slug", Text, nullable=False),
    Column("present", Text, nullable=False),
    PrimaryKeyConstraint("blog_id", "kind", "slug"),
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
    Column("object_id", Text, index=True),  # what the request made
    PrimaryKeyConstraint("author_id", "key"),
    Index("ix_idempotency_keys_created_at", "created_at"),
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
    Column("erased_at", UtcDateTime),
    # Without conditions the planner takes an index of parents for "has none", once it knows how
    # the blog's comments are spread, and reads those of all posts.
    Index("ix_comments_post_id_id", "post_id", "id"),
    _partial("ix_comments_first_level", "post_id", "id", where="parent_id IS NULL"),
    _partial("ix_comments_parent_id", "parent_id", "id", where="parent_id IS NOT NULL"),
    _partial("ix_comments_actor_uri_id", "actor_uri", "id", where="actor_uri IS NOT NULL"),
    _partial("ix_comments_waiting", "in_reply_to_uri", where="post_id IS NULL"),
    _partial("ix_comments_by_author", "author_id", "published_at", where="author_id IS NOT NULL"),
    _partial("ix_comments_local", "post_id", where="actor_uri IS NULL"),
    _partial("ix_comments_listed", "blog_id", "published_at", "id", where=_IS_LISTED),
    _partial("ix_comments_of_post_listed", "post_id", "published_at", "id", where=_IS_LISTED),
    _partial(
        "ix_comments_not_shown",
        "blog_id",
        "status",
        "published_at",
        "id",
        where=f"{_IS_LISTED} AND status <> 'approved'",
    ),
    _partial(
        "ix_comments_of_post_not_shown",
        "post_id",
        "status",
        "published_at",
        "id",
        where=f"{_IS_LISTED} AND status <> 'approved'",
    ),
    _partial("ix_comments_orphans_actor_uri", "actor_uri", "id", where="post_id IS NULL"),
    _partial("ix_comments_orphans_received_at", "received_at", "id", where="post_id IS NULL"),
    _partial("ix_comments_to_erase", "deleted_at", where=_TO_ERASE),
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
    _partial(
        "ix_reactions_post_likes", "post_id", "id", where=f"{_IS_LIKE} AND post_id IS NOT NULL"
    ),
    _partial(
        "ix_reactions_post_boosts", "post_id", "id", where=f"{_IS_BOOST} AND post_id IS NOT NULL"
    ),
    _partial("ix_reactions_comment_id", "comment_id", "id", where="comment_id IS NOT NULL"),
    Index("ix_reactions_actor_uri_id", "actor_uri", "id"),
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
    Index("ix_followers_created_at", "blog_id", "created_at", "actor_uri", "owner"),
    Index("ix_followers_inbox", "inbox_id"),
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
    Column("followers", Integer, nullable=False, server_default="0"),  # people it cut off
    UniqueConstraint("blog_id", "domain"),
    UniqueConstraint("blog_id", "actor_uri"),
)

# What a block hid, as it was: it comes back when the block is lifted.
hidden = Table(
    "hidden",
    metadata,
    Column("object_id", Text, primary_key=True),
    Column("kind", Text, nullable=False),  # comment, reaction or authorization
    Column("block_id", Text, nullable=False),
    Column("actor_uri", Text, nullable=False),
    Column("about", Text, nullable=False),  # the row without which it cannot come back
    Column("was", Text, nullable=False),  # JSON: what a block changes of it, or all of it
    Index("ix_hidden_block_id", "block_id", "kind", "object_id"),
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
    Index("ix_authorizations_actor_uri", "actor_uri"),
    _partial("ix_authorizations_waiting", "created_at", where="state = 'waiting'"),
)

# --- what is counted ---------------------------------------------------------------------------

counts = Table(
    "counts",
    metadata,
    # What is counted of what (counts.py), kept by triggers (counting.py). The number is the sum
    # over the slots: writers that work at the same time take different ones.
    Column("key", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("slot", Integer, nullable=False),
    Column("number", BigInteger, nullable=False),
    PrimaryKeyConstraint("key", "kind", "slot"),
    sqlite_with_rowid=False,
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
    Index("ix_activities_post_id_id", "post_id", "id"),
    Index("ix_activities_object_uri", "object_uri"),
    Index(
        "ix_activities_private_created_at",
        "created_at",
        sqlite_where=text("is_public IS 0"),
        postgresql_where=text("is_public IS false"),
    ),
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
    Column("domain", Text, nullable=False, server_default=text("''")),
    Index("ix_inboxes_host_id", "host", "id"),
    Index("ix_inboxes_domain", "domain"),
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
    Column("leased_by", BigInteger),  # the number of a process, on PostgreSQL
    PrimaryKeyConstraint("activity_id", "inbox_id"),
    Index("ix_deliveries_inbox_id", "inbox_id"),
    Index(
        "ix_deliveries_waiting",
        "next_at",
        sqlite_where=text("state = 'waiting'"),
        postgresql_where=text("state = 'waiting'"),
    ),
    Index(
        "ix_deliveries_waiting_inbox_id",
        "inbox_id",
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
    Column("host", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("avatar_url", Text, nullable=False),
    Column("summary", Text, nullable=False),
    Column("inbox", Text, nullable=False),
    Column("shared_inbox", Text),
    Column("followers_uri", Text),
    Column("moved_to", Text),
    Column("also_known_as", Text, nullable=False),  # JSON list
    Column("fetched_at", UtcDateTime, nullable=False, index=True),
    Column("deleted_at", UtcDateTime),
    Column("emojis", Text),  # JSON list of {shortcode, url} for the name
    Index("ix_actors_host_uri", "host", "uri"),
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
