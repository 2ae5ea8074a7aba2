"""The activities that anyone may read, each by its address and in its actor's outbox.

What they are about must be readable still (security case S30): its bytes hold the text as sent.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, and_, case, or_, select

from fedblog.storage import counts
from fedblog.storage.tables import activities, comments, posts
from fedblog.storage.visibility import is_public_comment, is_public_post


@dataclass(frozen=True, slots=True)
class ActivityDocument:
    """A public activity as it was sent. *is_readable* is off where what it is about is gone, and
    *is_current* where it holds an earlier text of the post than the one that stands now."""

    id: str
    body: bytes
    post_id: str | None
    object_uri: str | None
    is_readable: bool
    is_current: bool


_ABOUT = activities.outerjoin(posts, posts.c.id == activities.c.post_id).outerjoin(
    comments, comments.c.uri == activities.c.object_uri
)
# A Delete names nothing but an address. Everything else holds the text as it was sent.
_READABLE = or_(
    activities.c.type == "Delete",
    and_(
        or_(activities.c.post_id.is_(None), is_public_post()),
        or_(comments.c.id.is_(None), is_public_comment()),
    ),
)


_CURRENT = or_(
    activities.c.type == "Delete",
    activities.c.post_id.is_(None),
    activities.c.object_version.is_(None),
    activities.c.object_version == posts.c.version,
)
_ACTIVITY = select(
    activities.c.id,
    activities.c.body,
    activities.c.post_id,
    activities.c.object_uri,
    case((_READABLE, 1), else_=0).label("is_readable"),
    case((_CURRENT, 1), else_=0).label("is_current"),
)


def activity(connection: Connection, blog_id: int, activity_id: str) -> ActivityDocument | None:
    """The public activity *activity_id*."""
    row = connection.execute(
        _ACTIVITY.select_from(_ABOUT).where(
            activities.c.id == activity_id,
            activities.c.blog_id == blog_id,
            activities.c.is_public,
        )
    ).first()
    return None if row is None else _activity(row)


def _activity(row: Any) -> ActivityDocument:
    return ActivityDocument(
        row.id,
        row.body,
        row.post_id,
        row.object_uri,
        is_readable=bool(row.is_readable),
        is_current=bool(row.is_current),
    )


def outbox(
    connection: Connection,
    blog_id: int,
    owner: str,
    before: str | None,
    limit: int,
    most_bytes: int,
) -> tuple[list[ActivityDocument], str | None]:
    """An actor's readable public activities, newest first, and the cursor of the next page: at most
    *limit*, fewer where they would be more than *most_bytes*, but one."""
    query = _of_owner(_ACTIVITY, blog_id, owner)
    if before is not None:
        query = query.where(activities.c.id < before)
    rows = connection.execute(query.order_by(activities.c.id.desc()).limit(limit + 1)).all()
    kept: list[Any] = []
    total = 0
    for row in rows[:limit]:
        total += len(row.body)
        if kept and total > most_bytes:
            break
        kept.append(row)
    more = kept[-1].id if kept and len(rows) > len(kept) else None
    return [_activity(row) for row in kept], more


def is_in_outbox(connection: Connection, blog_id: int, owner: str, id_: str) -> bool:
    """Whether *id_* is a public activity of the actor, readable still or not."""
    query = select(activities.c.id).where(
        activities.c.id == id_,
        activities.c.blog_id == blog_id,
        activities.c.owner == owner,
        activities.c.is_public,
    )
    return connection.execute(query).first() is not None


def count_outbox(connection: Connection, blog_id: int, owner: str) -> int:
    """How many they are."""
    return counts.one(connection, "outbox", counts.owner_key(blog_id, owner))


def _of_owner(query: Select[Any], blog_id: int, owner: str) -> Select[Any]:
    return query.select_from(_ABOUT).where(
        activities.c.blog_id == blog_id,
        activities.c.owner == owner,
        activities.c.is_public,
        _READABLE,
    )
