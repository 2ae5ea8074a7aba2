"""Scheduled posts go out at their time, also after a restart."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, insert, select, update
from support.sinks import NOW, OpenSite, running
from support.waiting import eventually

from fedblog.domain.ids import new_id
from fedblog.jobs.schedule import ScheduleLoop
from fedblog.publishing.site import Site
from fedblog.storage.changes import Change, record
from fedblog.storage.tables import activities, posts

pytestmark = pytest.mark.both_engines


def add_post(connection: Connection, publish_at: datetime) -> str:
    post_id = new_id()
    connection.execute(
        insert(posts).values(
            id=post_id,
            blog_id=1,
            version=1,
            status="scheduled",
            title="On rivers",
            slug=f"on-rivers-{post_id[-6:].lower()}",
            content_source="Water finds its way.",
            content_format="markdown",
            content_html="<p>Water finds its way.</p>",
            excerpt="Water finds its way.",
            language="en",
            voice="group",
            comments="open",
            created_at=NOW,
            updated_at=NOW,
            publish_at=publish_at,
        )
    )
    record(connection, Change("schedule"))
    return post_id


def statuses(connection: Connection) -> dict[str, str]:
    return {row.id: row.status for row in connection.execute(select(posts.c.id, posts.c.status))}


def creates(connection: Connection) -> list[Any]:
    query = select(activities.c.post_id).where(activities.c.type == "Create")
    return list(connection.execute(query).scalars())


def bring_forward(connection: Connection, post_id: str, publish_at: datetime) -> None:
    connection.execute(update(posts).where(posts.c.id == post_id).values(publish_at=publish_at))
    record(connection, Change("schedule"))


async def published(site: Site, count: int) -> bool:
    found = await site.store.read(statuses)
    return sum(status == "published" for status in found.values()) == count


def soon(seconds: float) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


async def test_post_goes_out_at_its_time_and_once(open_site: OpenSite) -> None:
    site = await open_site()
    due = soon(0.5)
    post_id = await site.store.write(add_post, due)
    later = await site.store.write(add_post, soon(3600))
    async with running(ScheduleLoop(site)):
        await eventually(lambda: published(site, 1))
    assert datetime.now(UTC) >= due
    assert await site.store.read(creates) == [post_id]
    assert (await site.store.read(statuses))[later] == "scheduled"


async def test_post_whose_time_came_while_nothing_ran_goes_out_at_the_start(
    open_site: OpenSite,
) -> None:
    site = await open_site()
    async with running(ScheduleLoop(site)):
        pass
    missed = [await site.store.write(add_post, soon(-60 * number)) for number in (3, 2, 1)]
    following = await open_site()
    async with running(ScheduleLoop(following)):
        await eventually(lambda: published(following, 3))
    assert await following.store.read(creates) == missed


async def test_change_of_the_schedule_is_heard(open_site: OpenSite) -> None:
    site = await open_site()
    post_id = await site.store.write(add_post, soon(3600))
    async with running(ScheduleLoop(site)):
        await site.store.write(bring_forward, post_id, soon(0.2))
        await eventually(lambda: published(site, 1))
        await site.store.write(add_post, soon(0))
        await eventually(lambda: published(site, 2))
