"""terms: what is erased after a deletion, where pictures stand, and indexes for housekeeping"""

import logging
import re
from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0005"
down_revision: str | None = "0004"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

logger = logging.getLogger("alembic.runtime.migration")

_NAME = re.compile(r"/media/([A-Za-z0-9_-]+\.[a-z0-9]+)")
_AT_ONCE = 500
_REACTIONS_OF_ONE = 10
_LONGEST_EMOJI = 64


def upgrade() -> None:
    op.add_column("posts", sa.Column("erased_at", sa.DateTime(timezone=True)))
    op.add_column("comments", sa.Column("erased_at", sa.DateTime(timezone=True)))
    op.create_table(
        "media_uses",
        sa.Column("media_id", sa.Text(), nullable=False),
        sa.Column("object_id", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["media_id"], ["media.id"], name=op.f("fk_media_uses_media_id")),
        sa.PrimaryKeyConstraint("media_id", "object_id", name=op.f("pk_media_uses")),
    )
    op.create_index(op.f("ix_media_uses_object_id"), "media_uses", ["object_id"])
    to_erase = "deleted_at IS NOT NULL AND erased_at IS NULL"
    _partial("ix_posts_to_erase", "posts", ["deleted_at"], to_erase)
    _partial("ix_posts_featured_media", "posts", ["featured_media"], "featured_media IS NOT NULL")
    _partial("ix_comments_orphans_actor_uri", "comments", ["actor_uri", "id"], "post_id IS NULL")
    _partial(
        "ix_comments_orphans_received_at", "comments", ["received_at", "id"], "post_id IS NULL"
    )
    _partial("ix_comments_to_erase", "comments", ["deleted_at"], to_erase)
    op.create_index(op.f("ix_idempotency_keys_created_at"), "idempotency_keys", ["created_at"])
    op.add_column("idempotency_keys", sa.Column("object_id", sa.Text()))
    op.create_index(op.f("ix_idempotency_keys_object_id"), "idempotency_keys", ["object_id"])
    op.create_index(op.f("ix_followers_inbox"), "followers", ["inbox_id"])
    op.create_index(op.f("ix_authorizations_actor_uri"), "authorizations", ["actor_uri"])
    _partial("ix_authorizations_waiting", "authorizations", ["created_at"], "state = 'waiting'")
    op.create_index(op.f("ix_activities_object_uri"), "activities", ["object_uri"])
    op.create_index(
        op.f("ix_activities_private_created_at"),
        "activities",
        ["created_at"],
        sqlite_where=sa.text("is_public IS 0"),
        postgresql_where=sa.text("is_public IS false"),
    )
    op.create_index(op.f("ix_inboxes_host"), "inboxes", ["host"])
    op.create_index(op.f("ix_deliveries_inbox_id"), "deliveries", ["inbox_id"])
    op.create_index(op.f("ix_actors_fetched_at"), "actors", ["fetched_at"])
    connection = op.get_bind()
    _drop_excess_reactions(connection)
    _find_pictures(connection)


def _partial(name: str, table: str, columns: list[str], where: str) -> None:
    op.create_index(
        op.f(name), table, columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where)
    )


def _drop_excess_reactions(connection: sa.Connection) -> None:
    """Any text was taken as an emoji, and as many of one person as they liked to send."""
    emoji = sa.column("emoji")
    octets = sa.func.length(sa.cast(emoji, sa.LargeBinary))
    if connection.dialect.name == "postgresql":
        octets = sa.func.octet_length(emoji)
    names = ("id", "object_uri", "actor_uri", "kind")
    reactions = sa.table("reactions", emoji, *map(sa.column, names))
    connection.execute(
        sa.delete(reactions).where(
            reactions.c.kind == "emoji",
            octets > _LONGEST_EMOJI,
            sa.func.substr(emoji, 1, 1) != ":",
        )
    )
    place = sa.func.row_number().over(
        partition_by=(reactions.c.object_uri, reactions.c.actor_uri), order_by=reactions.c.id
    )
    placed = sa.select(reactions.c.id, place.label("place")).subquery()
    excess = sa.select(placed.c.id).where(placed.c.place > _REACTIONS_OF_ONE)
    connection.execute(sa.delete(reactions).where(reactions.c.id.in_(excess)))


def _find_pictures(connection: sa.Connection) -> None:
    """Which uploaded pictures stand in which posts, all versions of them, and comments."""
    ids = {
        row.file_name: row.id
        for row in connection.execute(sa.text("SELECT id, file_name FROM media"))
    }
    if not ids:
        return
    connection.execute(
        sa.text(
            "INSERT INTO media_uses (media_id, object_id) "
            "SELECT featured_media, id FROM posts WHERE featured_media IS NOT NULL"
        )
    )
    texts = (
        ("posts", "id", "content_html", ""),
        ("revisions", "post_id", "content_source", ""),
        ("comments", "id", "content_html", " AND author_id IS NOT NULL"),
    )
    for table, owner, column, further in texts:
        logger.info("looking for pictures in %s", table)
        _find_in(connection, ids, table, owner, column, further)


def _find_in(
    connection: sa.Connection,
    ids: dict[str, str],
    table: str,
    owner: str,
    column: str,
    further: str,
) -> None:
    after = ("", -1)
    # Row values, so that each part is looked for in the primary key.
    place, given, version = owner, ":owner", "0"
    if table == "revisions":
        place, given, version = f"({owner}, version)", "(:owner, :version)", "version"
    query = sa.text(
        f"SELECT {owner} AS owner, {version} AS version, {column} AS text FROM {table} "  # noqa: S608
        f"WHERE {place} > {given}{further} ORDER BY {place.strip('()')} LIMIT {_AT_ONCE}"
    )
    insert = sa.text(
        "INSERT INTO media_uses (media_id, object_id) VALUES (:media, :object) "
        "ON CONFLICT DO NOTHING"
    )
    names = ("owner", "version") if table == "revisions" else ("owner",)
    while rows := connection.execute(query, dict(zip(names, after, strict=False))).all():
        found = {
            (ids[name], row.owner)
            for row in rows
            for name in _NAME.findall(row.text)
            if name in ids
        }
        if found:
            pairs = [{"media": media, "object": owner_id} for media, owner_id in sorted(found)]
            connection.execute(insert, pairs)
        after = (rows[-1].owner, rows[-1].version)
