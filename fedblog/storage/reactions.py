"""Reactions as the inbox needs them: found and kept for a whole batch at once."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, or_, select, update

from fedblog.domain.reaction import Reaction, ReactionKind
from fedblog.storage.bulk import BulkInsert, Values
from fedblog.storage.changes import Change, record
from fedblog.storage.lists import ListStatement
from fedblog.storage.tables import comments, reactions

_TOUCHED = ListStatement(
    lambda listed: select(reactions).where(
        or_(listed(reactions.c.activity_uri), listed(reactions.c.object_uri)),
        reactions.c.actor_uri.in_(bindparam("actors", expanding=True)),
    )
)
_POSTS_OF_ACTOR = (
    select(reactions.c.post_id, reactions.c.comment_id)
    .where(reactions.c.actor_uri == bindparam("actor_uri"))
    .distinct()
)
_COLUMNS = (
    *("id", "blog_id", "object_uri", "post_id", "comment_id", "actor_uri"),
    *("kind", "emoji", "activity_uri", "created_at"),
)
_INSERT = BulkInsert(reactions, _COLUMNS)
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
    """Keep new reactions."""
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


def delete_of_actor(connection: Connection, actor_uri: str) -> list[tuple[str | None, str | None]]:
    """Drop all reactions of an actor; gives the (post, comment) pairs they stood on."""
    touched = connection.execute(_POSTS_OF_ACTOR, {"actor_uri": actor_uri}).all()
    connection.execute(delete(reactions).where(reactions.c.actor_uri == actor_uri))
    return [(row[0], row[1]) for row in touched]


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
