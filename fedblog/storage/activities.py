"""Activities sent from here, kept as the bytes that every recipient gets."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, insert, select

from fedblog.storage.lists import ListStatement
from fedblog.storage.tables import activities


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


def find_all(connection: Connection, activity_ids: Collection[str]) -> list[StoredActivity]:
    """The activities among *activity_ids* that exist."""
    return [StoredActivity(**row._mapping) for row in _BY_ID.run(connection, activity_ids)]
