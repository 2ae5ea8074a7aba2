"""Activities sent from here, kept as the bytes that every recipient gets."""

from collections.abc import Collection
from dataclasses import dataclass, fields
from datetime import datetime

from sqlalchemy import Connection, func, select

from fedblog.domain.addresses import BLOG
from fedblog.domain.ids import first_id_at, last_of_now
from fedblog.storage.bulk import BulkInsert
from fedblog.storage.lists import ListStatement
from fedblog.storage.tables import activities, comments


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


_INSERT = BulkInsert(activities, [field.name for field in fields(StoredActivity)])
_BY_ID = ListStatement(lambda listed: select(*activities.c).where(listed(activities.c.id)))


def insert_activity(connection: Connection, activity: StoredActivity) -> None:
    """Keep a new activity. Raises ConstraintError for an id that is taken."""
    _INSERT.run(connection, [tuple(getattr(activity, name) for name in _INSERT.names)])


def last_id(connection: Connection, now: datetime) -> str | None:
    """The last id by which activities or comments are in order, as far as it is of these days."""
    found = [
        connection.scalar(select(func.max(table.c.id)).where(table.c.id < last_of_now(now)))
        for table in (activities, comments)
    ]
    return max((id_ for id_ in found if id_ is not None), default=None)


def forwarded_since(connection: Connection, post_id: str, moment: datetime, most: int) -> int:
    """How many activities of others about what stands under a post the blog has sent on since
    *moment*; it is not counted beyond *most*."""
    of_others = (
        select(activities.c.id)
        .where(
            activities.c.post_id == post_id,
            activities.c.id >= first_id_at(moment),
            activities.c.owner == BLOG,
            activities.c.is_public.is_(False),
        )
        .limit(most)
        .subquery()
    )
    return connection.execute(select(func.count()).select_from(of_others)).scalar_one()


def find_all(connection: Connection, activity_ids: Collection[str]) -> list[StoredActivity]:
    """The activities among *activity_ids* that exist."""
    return [StoredActivity(**row._mapping) for row in _BY_ID.run(connection, activity_ids)]
