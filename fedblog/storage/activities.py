"""Activities sent from here, kept as the bytes that every recipient gets."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, func, insert, or_, select

from fedblog.storage.lists import ListStatement
from fedblog.storage.tables import activities, posts


@dataclass(frozen=True, slots=True)
class StoredActivity:
    """One activity. *owner* is the key of the local actor that sent it; *body* its JSON."""

    id: str
    blog_id: int
    owner: str
    type: str
    object_uri: str | None
    object_version: int | None
    post_id: str | None
    is_public: bool
    body: bytes
    created_at: datetime


_COLUMNS = select(*activities.c)
_BY_ID = ListStatement(lambda listed: select(*activities.c).where(listed(activities.c.id)))


def insert_activity(connection: Connection, activity: StoredActivity) -> None:
    """Keep a new activity. Raises ConstraintError for an id that is taken."""
    connection.execute(
        insert(activities).values(
            id=activity.id,
            blog_id=activity.blog_id,
            owner=activity.owner,
            type=activity.type,
            object_uri=activity.object_uri,
            object_version=activity.object_version,
            post_id=activity.post_id,
            is_public=activity.is_public,
            body=activity.body,
            created_at=activity.created_at,
        )
    )


def find(connection: Connection, activity_id: str) -> StoredActivity | None:
    """The activity *activity_id*, or None."""
    row = connection.execute(_COLUMNS.where(activities.c.id == activity_id)).first()
    return None if row is None else StoredActivity(**row._mapping)


def find_all(connection: Connection, activity_ids: Collection[str]) -> list[StoredActivity]:
    """The activities among *activity_ids* that exist."""
    return [StoredActivity(**row._mapping) for row in _BY_ID.run(connection, activity_ids)]


def outbox_page(
    connection: Connection, blog_id: int, owner: str, *, before: str | None, limit: int
) -> list[StoredActivity]:
    """What the world may see of an actor's outbox, newest first, below the id *before*.

    Activities about a post that is not published (any more) are left out: their bytes would still
    show it (S30).
    """
    query = _shown(select(*activities.c), blog_id, owner)
    if before is not None:
        query = query.where(activities.c.id < before)
    rows = connection.execute(query.order_by(activities.c.id.desc()).limit(limit))
    return [StoredActivity(**row._mapping) for row in rows]


def count_public(connection: Connection, blog_id: int, owner: str) -> int:
    """How many activities the pages of an actor's outbox hold."""
    count: int = connection.execute(_shown(select(func.count()), blog_id, owner)).scalar_one()
    return count


def is_shown(connection: Connection, activity_id: str) -> bool:
    """Whether anyone may read the activity *activity_id* by its address."""
    query = select(activities.c.id).outerjoin(posts, posts.c.id == activities.c.post_id)
    query = query.where(activities.c.id == activity_id, activities.c.is_public)
    return connection.execute(query.where(_OF_PUBLISHED)).first() is not None


_OF_PUBLISHED = or_(
    activities.c.post_id.is_(None), posts.c.status == "published", activities.c.type == "Delete"
)


def _shown(query: Select[Any], blog_id: int, owner: str) -> Select[Any]:
    return (
        query.select_from(activities)
        .outerjoin(posts, posts.c.id == activities.c.post_id)
        .where(
            activities.c.blog_id == blog_id,
            activities.c.owner == owner,
            activities.c.is_public,
            _OF_PUBLISHED,
        )
    )
