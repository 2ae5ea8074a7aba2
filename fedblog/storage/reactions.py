"""Reactions as the inbox needs them: found and kept for a whole batch at once."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Connection, Row, Text, bindparam, delete, or_, select, update

from fedblog.domain.reaction import Reaction, ReactionKind
from fedblog.storage.bulk import BulkInsert, Values
from fedblog.storage.changes import Change, record
from fedblog.storage.lists import ListStatement, is_among
from fedblog.storage.tables import comments, reactions

_TOUCHED = ListStatement(
    lambda listed: select(reactions).where(
        or_(listed(reactions.c.activity_uri), listed(reactions.c.object_uri)),
        reactions.c.actor_uri.in_(bindparam("actors", expanding=True)),
    )
)
_COLUMNS = (
    *("id", "blog_id", "object_uri", "post_id", "comment_id", "actor_uri"),
    *("kind", "emoji", "activity_uri", "created_at"),
)
_INSERT = BulkInsert(reactions, _COLUMNS, is_ignoring=True)
_UPDATE = (
    update(reactions)
    .where(
        reactions.c.object_uri == bindparam("of_object"),
        reactions.c.actor_uri == bindparam("of_actor"),
        reactions.c.kind == bindparam("of_kind"),
        reactions.c.emoji == bindparam("of_emoji"),
    )
    .values(activity_uri=bindparam("new_activity_uri"))
)
_DELETE = delete(reactions).where(reactions.c.id == bindparam("row_id"))


def find(
    connection: Connection, uris: Collection[str], actor_uris: Collection[str]
) -> list[Reaction]:
    """Reactions by *actor_uris* whose object or own activity is among *uris*."""
    return [
        _reaction(row) for row in _TOUCHED.run(connection, uris, actors=sorted(set(actor_uris)))
    ]


def insert_all(connection: Connection, items: Sequence[Reaction]) -> None:
    """Keep new reactions; one that stands already stays as it is."""
    _INSERT.run(connection, [_values(item) for item in items])


def replace_all(connection: Connection, items: Sequence[Reaction]) -> None:
    """Renew the activity that stands for reactions kept already (undone and done again)."""
    if items:
        connection.execute(
            _UPDATE,
            [
                {
                    "of_object": item.object_uri,
                    "of_actor": item.actor_uri,
                    "of_kind": item.kind.value,
                    "of_emoji": item.emoji,
                    "new_activity_uri": item.activity_uri,
                }
                for item in items
            ],
        )


def delete_all(connection: Connection, items: Sequence[Reaction]) -> None:
    """Drop reactions that were undone."""
    if items:
        connection.execute(_DELETE, [{"row_id": item.id} for item in items])


def delete_activity(connection: Connection, activity_uri: str, actor_uri: str) -> None:
    """Drop the reaction that *actor_uri* made by the activity *activity_uri*."""
    gone = (reactions.c.activity_uri == activity_uri, reactions.c.actor_uri == actor_uri)
    touched = connection.execute(
        select(reactions.c.post_id, comments.c.post_id.label("below"))
        .join_from(reactions, comments, comments.c.id == reactions.c.comment_id, isouter=True)
        .where(*gone)
    ).all()
    connection.execute(delete(reactions).where(*gone))
    for row in touched:
        if row.post_id is not None:
            record(connection, Change("reactions", row.post_id))
        elif row.below is not None:
            record(connection, Change("comments", row.below))


def of_actors(
    connection: Connection, actor_uris: Collection[str], limit: int, *, blog_id: int | None = None
) -> list[Row[Any]]:
    """At most *limit* reactions of actors, for `drop`."""
    query = select(reactions).where(is_among(connection, reactions.c.actor_uri, Text, actor_uris))
    if blog_id is not None:
        query = query.where(reactions.c.blog_id == blog_id)
    return list(connection.execute(query.limit(limit)))


def drop(connection: Connection, rows: Sequence[Row[Any]]) -> None:
    """Drop the reactions *rows* and say what shows them."""
    if not rows:
        return
    connection.execute(
        delete(reactions).where(
            is_among(connection, reactions.c.id, Text, sorted(row.id for row in rows))
        )
    )
    record(connection, *(Change("reactions", row.post_id) for row in rows if row.post_id))
    below = sorted({row.comment_id for row in rows if row.comment_id})
    if below:
        above = (
            select(comments.c.post_id)
            .where(
                is_among(connection, comments.c.id, Text, below), comments.c.post_id.is_not(None)
            )
            .distinct()
        )
        record(
            connection,
            *(Change("comments", post_id) for post_id in connection.execute(above).scalars()),
        )


def _reaction(row: Row[Any]) -> Reaction:
    values = dict(row._mapping)
    values["kind"] = ReactionKind(values["kind"])
    return Reaction(**values)


def _values(item: Reaction) -> Values:
    """The columns `_COLUMNS` of *item*."""
    return (
        item.id,
        item.blog_id,
        item.object_uri,
        item.post_id,
        item.comment_id,
        item.actor_uri,
        item.kind.value,
        item.emoji,
        item.activity_uri,
        item.created_at,
    )
