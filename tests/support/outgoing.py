"""Activities with their deliveries, posts and blocks, as rows."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, insert
from support.sinks import NOW

from fedblog.domain.delivery import DeliveryState
from fedblog.domain.ids import new_id
from fedblog.storage import activities, fan_out
from fedblog.storage.activities import StoredActivity
from fedblog.storage.dispatch import ClaimedDelivery, SettledDelivery
from fedblog.storage.tables import blocks, posts

LEASE = timedelta(minutes=1)


def record(
    connection: Connection,
    *,
    followers_of: Sequence[str] = (),
    inboxes: Sequence[str] = (),
    type: str = "Create",
    post_id: str | None = None,
    now: datetime = NOW,
) -> str:
    activity_id = new_id()
    activities.insert_activity(
        connection,
        StoredActivity(
            id=activity_id,
            blog_id=1,
            owner="blog",
            type=type,
            object_uri=f"https://blog.example/ap/posts/{post_id}" if post_id else None,
            object_version=1,
            post_id=post_id,
            is_public=True,
            body=b"{}",
            created_at=now,
        ),
    )
    fan_out.enqueue(
        connection,
        activity_id,
        blog_id=1,
        follower_owners=followers_of,
        inbox_urls=inboxes,
        now=now,
    )
    return activity_id


def block(connection: Connection, *, domain: str | None = None, actor: str | None = None) -> None:
    connection.execute(
        insert(blocks).values(
            id=new_id(), blog_id=1, domain=domain, actor_uri=actor, created_at=NOW
        )
    )


def add_post(connection: Connection) -> str:
    post_id = new_id()
    connection.execute(
        insert(posts).values(
            id=post_id,
            blog_id=1,
            version=1,
            status="published",
            title="On rivers",
            slug="on-rivers",
            path=f"/2026/11/05/{post_id}/",
            content_source="",
            content_format="markdown",
            content_html="",
            excerpt="",
            language="en",
            voice="group",
            comments="open",
            created_at=NOW,
            updated_at=NOW,
            published_at=NOW,
        )
    )
    return post_id


def result(item: ClaimedDelivery, state: str, **fields: Any) -> SettledDelivery:
    return SettledDelivery(
        item.activity_id,
        item.inbox_id,
        item.attempts,
        DeliveryState(state),
        fields.pop("status", None),
        **fields,
    )
