"""Erasing what was deleted: texts, former texts, comments and pictures, some time after nobody is
shown them any more.

What other servers may still ask for stays: the id and address of a post and of a comment written
here, and when they were deleted (410), and the Delete that was sent. Each step deals with at most
*limit* rows in the caller's unit and gives how many it was; all of them may be done again.
"""

from collections.abc import Callable, Sequence
from datetime import datetime

from sqlalchemy import (
    ColumnElement,
    Connection,
    Table,
    and_,
    delete,
    exists,
    func,
    literal,
    literal_column,
    or_,
    select,
    tuple_,
    update,
)

from fedblog.storage.fan_out import FAN_OUT
from fedblog.storage.sweeping import delete_some
from fedblog.storage.tables import (
    activities,
    authors,
    comments,
    counts,
    deliveries,
    jobs,
    media,
    media_uses,
    post_authors,
    post_terms,
    posts,
    reactions,
    revisions,
)
from fedblog.storage.threads import NO_WORDS

_elsewhere = media_uses.alias("elsewhere")

Step = Callable[[Connection, str, datetime, int], int]


TAKE_BACK = "take_back"
"""The kind of job that has a deleted post's replies deleted elsewhere; its key is the post's id."""
Due = tuple[datetime, str]
"""When something was deleted, and its id."""


def due_posts(
    connection: Connection, before: datetime, after: Due | None, limit: int
) -> Sequence[Due]:
    """Posts deleted before *before*, the longest deleted first, going on after *after*."""
    return _due(connection, posts, before, after, limit)


def drop_comments(connection: Connection, post_id: str, now: datetime, limit: int) -> int:
    """Comments from elsewhere go altogether, of those written here the ids stay; what was said of
    either goes with it."""
    left = or_(comments.c.actor_uri.is_not(None), comments.c.erased_at.is_(None))
    rows = connection.execute(
        select(comments.c.id, comments.c.actor_uri)
        .where(comments.c.post_id == post_id, left)
        .order_by(comments.c.id.desc())  # answers mostly come after what they answer
        .limit(limit)
    ).all()
    ids = [row.id for row in rows]
    number = drop_reactions_to(connection, ids, limit)
    if number == limit:
        return number
    connection.execute(update(comments).where(comments.c.parent_id.in_(ids)).values(parent_id=None))
    theirs = [row.id for row in rows if row.actor_uri is not None]
    connection.execute(delete(comments).where(comments.c.id.in_(theirs)))
    deleted_at = select(posts.c.deleted_at).where(posts.c.id == post_id)
    ours = [row.id for row in rows if row.actor_uri is None]
    _wipe_comments(connection, ours, connection.execute(deleted_at).scalar_one(), now)
    return len(rows)


def drop_reactions(connection: Connection, post_id: str, now: datetime, limit: int) -> int:
    """Reactions to the post."""
    to_post = reactions.c.post_id == post_id
    return delete_some(connection, reactions, to_post, order=reactions.c.id, limit=limit)


def empty_activities(connection: Connection, post_id: str, now: datetime, limit: int) -> int:
    """The bytes of what was sent about the post and its comments, Deletes apart."""
    return _empty(connection, activities.c.post_id == post_id, limit)


def drop_revisions(connection: Connection, post_id: str, now: datetime, limit: int) -> int:
    """The former texts of the post."""
    of_post = revisions.c.post_id == post_id
    return delete_some(connection, revisions, of_post, order=revisions.c.version, limit=limit)


STEPS: Sequence[Step] = (
    drop_comments,
    drop_reactions,
    empty_activities,
    drop_revisions,
)
"""What is done for a post that is erased, in this order; then its pictures and `finish_post`."""


def objects_of(connection: Connection, post_id: str) -> list[str]:
    """The post and those of its comments in which uploaded pictures stand."""
    found = connection.execute(
        select(comments.c.id)
        .join(media_uses, media_uses.c.object_id == comments.c.id)
        .where(comments.c.post_id == post_id, comments.c.actor_uri.is_(None))
        .distinct()
    )
    return [post_id, *found.scalars()]


def finish_post(connection: Connection, post_id: str, now: datetime) -> bool:
    """Erase what is left of the post, where nothing waits to be sent about it any more but its
    Delete; gives whether it is erased."""
    if connection.execute(select(_unsent(activities.c.post_id == post_id))).scalar():
        return False
    connection.execute(delete(post_authors).where(post_authors.c.post_id == post_id))
    connection.execute(delete(post_terms).where(post_terms.c.post_id == post_id))
    stood = objects_of(connection, post_id)
    connection.execute(delete(media_uses).where(media_uses.c.object_id.in_(stood)))
    connection.execute(delete(counts).where(counts.c.key == post_id))
    connection.execute(
        update(posts)
        .where(posts.c.id == post_id)
        .values(
            title="",
            slug="",
            asked_slug=None,
            content_source="",
            content_html="",
            summary=None,
            excerpt="",
            featured_media=None,
            erased_at=now,
        )
    )
    return True


def due_comments(
    connection: Connection, before: datetime, after: Due | None, limit: int
) -> Sequence[Due]:
    """Comments of which more is left than their words, which went at once (as `due_posts`)."""
    return _due(connection, comments, before, after, limit)


def _due(
    connection: Connection, table: Table, before: datetime, after: Due | None, limit: int
) -> Sequence[Due]:
    query = select(table.c.deleted_at, table.c.id).where(
        _is_to_erase(table), table.c.deleted_at <= before
    )
    if after is not None:
        moment, id_ = after
        here = tuple_(table.c.deleted_at, table.c.id)
        query = query.where(here > tuple_(literal(moment, table.c.deleted_at.type), id_))
    rows = connection.execute(query.order_by(table.c.deleted_at, table.c.id).limit(limit))
    return [(row.deleted_at, row.id) for row in rows]


def _is_to_erase(table: Table) -> ColumnElement[bool]:
    return and_(table.c.deleted_at.is_not(None), table.c.erased_at.is_(None))


def drop_reactions_to(connection: Connection, comment_ids: Sequence[str], limit: int) -> int:
    """Reactions to deleted comments."""
    to_them = reactions.c.comment_id.in_(comment_ids)
    return delete_some(connection, reactions, to_them, order=reactions.c.comment_id, limit=limit)


def erase_comments(connection: Connection, ids: Sequence[str], now: datetime) -> int:
    """Erase what is left of deleted comments; gives of how many. One about which something waits
    to be sent stays for another time."""
    about = activities.c.object_uri == comments.c.uri
    ready = (
        connection.execute(
            select(comments.c.id).where(
                comments.c.id.in_(ids), _is_to_erase(comments), ~_unsent(about)
            )
        )
        .scalars()
        .all()
    )
    if not ready:
        return 0
    uris = select(comments.c.uri).where(comments.c.id.in_(ready))
    _empty(connection, activities.c.object_uri.in_(uris), None)
    connection.execute(delete(media_uses).where(media_uses.c.object_id.in_(ready)))
    _wipe_comments(connection, ready, now, now)
    return len(ready)


def drop_media(connection: Connection, object_ids: Sequence[str]) -> list[str]:
    """Drop the rows of the pictures that stand in these posts and comments and in nothing else,
    deleted or not; gives the names of their files."""
    rows = connection.execute(
        select(media.c.id, media.c.file_name)
        .join_from(media, media_uses, media_uses.c.media_id == media.c.id)
        .where(
            media_uses.c.object_id.in_(object_ids),
            ~exists().where(
                _elsewhere.c.media_id == media.c.id, _elsewhere.c.object_id.not_in(object_ids)
            ),
            ~exists().where(authors.c.avatar == media.c.id),
        )
        .distinct()
    ).all()
    ids = [row.id for row in rows]
    if ids:
        connection.execute(
            update(posts).where(posts.c.featured_media.in_(ids)).values(featured_media=None)
        )
        connection.execute(delete(media_uses).where(media_uses.c.media_id.in_(ids)))
        connection.execute(delete(media).where(media.c.id.in_(ids)))
    return [row.file_name for row in rows]


def is_told(connection: Connection, post_id: str) -> bool:
    """Whether all who are to hear of the deletion of the post and its replies are written down: its
    comments and boosts say who they are."""
    taken_back = exists().where(jobs.c.kind == TAKE_BACK, jobs.c.key == post_id)
    fanned_out = exists().where(activities.c.post_id == post_id, _is_fanned_out())
    return not connection.execute(select(or_(taken_back, fanned_out))).scalar()


def _unsent(about: ColumnElement[bool]) -> ColumnElement[bool]:
    """Whether something that *about* names, no Delete, waits to be sent."""
    return exists().where(about, activities.c.type != "Delete", _is_waiting())


def _is_waiting() -> ColumnElement[bool]:
    waits = exists().where(
        deliveries.c.activity_id == activities.c.id,
        deliveries.c.state == literal_column("'waiting'"),
    )
    return or_(waits, _is_fanned_out())


def _is_fanned_out() -> ColumnElement[bool]:
    """Whether deliveries of an activity are still being written down, in slices."""
    return exists().where(jobs.c.kind == FAN_OUT, jobs.c.key == activities.c.id)


def _empty(connection: Connection, about: ColumnElement[bool], limit: int | None) -> int:
    filled = select(activities.c.id).where(
        about,
        activities.c.type != "Delete",
        func.length(activities.c.body) > 0,
        ~_is_waiting(),
    )
    if limit is not None:
        filled = filled.limit(limit)
    return connection.execute(
        update(activities).where(activities.c.id.in_(filled)).values(body=b"")
    ).rowcount


def _wipe_comments(
    connection: Connection, ids: Sequence[str], deleted_at: datetime, now: datetime
) -> None:
    if not ids:
        return
    moment = literal(deleted_at, comments.c.deleted_at.type)
    connection.execute(
        update(comments)
        .where(comments.c.id.in_(ids))
        .values(
            **NO_WORDS,
            url="",
            in_reply_to_uri="",
            language=None,
            guest_name=None,
            edited_at=None,
            deleted_at=func.coalesce(comments.c.deleted_at, moment),
            erased_at=now,
        )
    )
