"""Writing, publishing, revising and deleting posts, and what followers hear of it."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from sqlalchemy import Connection, select
from support.blog import (
    change,
    comment,
    contents,
    follow,
    receivers,
    remote_actor,
    sent,
    stored,
    write,
)

from fedblog.domain.errors import InvalidFieldError, NotFoundError, PostStateError
from fedblog.domain.post import PostStatus
from fedblog.publishing import posts
from fedblog.publishing.fields import Guest
from fedblog.publishing.site import Site
from fedblog.storage import permalinks, tables
from fedblog.storage.changes import Change

PUBLIC = "https://www.w3.org/ns/activitystreams#Public"


async def test_published_article_is_what_strict_readers_need(site: Site) -> None:
    post = await write(
        site, tags=["Clean Water"], authors=["ada", Guest("Gus", "https://g.example/")]
    )
    (create,) = await sent(site)
    article = create["object"]
    assert create["type"] == "Create"
    assert create["actor"] == article["attributedTo"] == "http://localhost:8000/ap/blog"
    assert create["id"].startswith("http://localhost:8000/ap/activities/")
    assert article["type"] == "Article"
    assert article["id"] == f"http://localhost:8000/ap/posts/{post.id}"
    assert article["to"] == create["to"] == [PUBLIC]
    assert article["cc"] == create["cc"] == ["http://localhost:8000/ap/blog/followers"]
    assert isinstance(article["tag"], list)
    assert article["attachment"] == []
    first_line = article["content"].partition("\n")[0]
    for part in ("“Rivers”", article["url"], "Ada Author", "Gus", "https://g.example/"):
        assert part in first_line
    assert "They <em>flow</em>." in article["content"]
    for absent in ("summary", "source", "updated", "icon", "image"):
        assert absent not in article
    assert isinstance(article["context"], str)
    assert article["likes"]["totalItems"] == article["shares"]["totalItems"] == 0
    assert article["replies"]["type"] == "Collection"
    assert article["replies"]["first"]["items"] == []
    assert article["preview"]["type"] == "Note"
    assert article["published"].endswith("Z")


async def test_summary_stands_only_where_the_author_wrote_one(site: Site) -> None:
    await write(site, summary="On List<T> & 1 < 2")
    (create,) = await sent(site)
    assert create["object"]["summary"] == "On List<T> & 1 < 2"


@pytest.mark.both_engines
async def test_create_goes_once_to_each_distinct_inbox(site: Site) -> None:
    for name, host, shared in (
        ("bo", "one.example", True),
        ("cy", "one.example", True),
        ("di", "two.example", False),
    ):
        await follow(site, remote_actor(name, host, shared=shared))
    await write(site)
    (create,) = await sent(site)
    assert await receivers(site, create["id"]) == [
        "https://one.example/inbox",
        "https://two.example/users/di/inbox",
    ]


async def test_draft_is_sent_to_nobody_and_has_no_path(site: Site) -> None:
    post = await write(site, status="draft")
    assert (post.status, post.path, await sent(site)) == (PostStatus.DRAFT, None, [])


async def test_draft_goes_out_when_it_is_published(site: Site) -> None:
    draft = await write(site, status="draft", title="First name")
    await change(site, draft, title="Second name")
    post = await change(site, draft, status="published")
    assert post.path is not None
    assert post.path.endswith("/second-name/")
    assert [item["type"] for item in await sent(site)] == ["Create"]


async def test_draft_goes_out_with_the_tags_and_the_moment_it_has_then(site: Site) -> None:
    with time_machine.travel("2026-11-01T08:00:00Z", tick=False):
        draft = await write(site, status="draft", tags=["Rivers", "Old"])
        await change(site, draft, tags=["Rivers", "Flood plains"])
    with time_machine.travel("2026-11-20T09:30:00Z", tick=False):
        await change(site, draft, status="published")
    (create,) = await sent(site)
    article = create["object"]
    names = [tag["name"] for tag in article["tag"] if tag["type"] == "Hashtag"]
    assert names == ["#Rivers", "#FloodPlains"]
    assert article["published"] == create["published"] == "2026-11-20T09:30:00Z"
    assert "updated" not in article


async def test_path_has_the_date_in_the_blogs_time_zone(site: Site) -> None:
    def set_zone(connection: Connection) -> None:
        connection.execute(tables.blogs.update().values(time_zone="Pacific/Auckland"))

    await site.store.write(set_zone)
    with time_machine.travel(datetime(2026, 3, 1, 20, 0, tzinfo=UTC), tick=False):
        post = await write(site)
    assert post.path == "/2026/03/02/rivers/"


@pytest.mark.both_engines
async def test_path_that_is_taken_gets_a_number(site: Site) -> None:
    made = [await write(site) for _ in range(3)]
    assert [post.slug for post in made] == ["rivers", "rivers-2", "rivers-3"]
    assert len({post.path for post in made}) == 3


async def test_path_of_a_deleted_post_is_not_given_away(site: Site) -> None:
    first = await write(site)
    await posts.delete(site, first.id)
    assert (await write(site)).slug == "rivers-2"


async def test_title_of_a_published_post_changes_without_its_path(site: Site) -> None:
    post = await write(site)
    assert (await change(site, post, title="Streams")).path == post.path


async def test_changed_slug_moves_the_post_and_the_old_path_leads_to_it(site: Site) -> None:
    post = await write(site)
    moved = await change(site, post, slug="streams")
    assert post.path is not None
    assert moved.path == post.path.replace("rivers", "streams")
    assert await site.store.read(permalinks.former, 1, post.path) == post.id
    other = await write(site)
    assert other.path != post.path
    back = await change(site, moved, slug="rivers")
    assert back.path == post.path
    assert await site.store.read(permalinks.former, 1, post.path) is None
    assert await site.store.read(permalinks.former, 1, moved.path) == post.id


async def test_edits_within_one_second_have_growing_whole_second_stamps(site: Site) -> None:
    with time_machine.travel(datetime(2026, 5, 1, 12, 0, 0, 900000, tzinfo=UTC), tick=False):
        post = await write(site)
        await change(site, post, title="Two")
        await change(site, post, title="Three")
    create, *updates = await sent(site)
    stamps = [create["object"]["published"], *(item["object"]["updated"] for item in updates)]
    assert stamps == ["2026-05-01T12:00:00Z", "2026-05-01T12:00:01Z", "2026-05-01T12:00:02Z"]
    assert all(item["object"]["published"] == stamps[0] for item in updates)
    assert len({item["id"] for item in (create, *updates)}) == 3


async def test_revision_without_a_difference_is_heard_by_nobody(site: Site) -> None:
    post = await write(site, tags=["One"])
    same = await change(site, post, title="Rivers", content="They *flow*.", tags=["One"])
    assert same == await stored(site, post.id) == post
    assert len(await sent(site)) == 1


async def test_update_also_goes_to_the_people_in_the_conversation(site: Site) -> None:
    post = await write(site)
    await comment(site, remote_actor("eve", "three.example"), post.id)
    await comment(site, remote_actor("mal", "four.example"), post.id, visibility="private")
    await change(site, post, title="Streams")
    update = (await sent(site))[-1]
    assert await receivers(site, update["id"]) == ["https://three.example/inbox"]


@pytest.mark.both_engines
async def test_deleted_post_leaves_a_tombstone_and_nothing_else(site: Site) -> None:
    await follow(site, remote_actor("bo", "one.example"))
    post = await write(site)
    await posts.delete(site, post.id)
    delete = (await sent(site))[-1]
    assert delete["type"] == "Delete"
    assert delete["object"]["type"] == "Tombstone"
    assert delete["object"]["id"] == site.addresses.post(post.id)
    assert "content" not in delete["object"]
    assert delete["to"] == [PUBLIC]
    assert await receivers(site, delete["id"]) == ["https://one.example/inbox"]
    assert (await stored(site, post.id)).status is PostStatus.DELETED
    with pytest.raises(NotFoundError):
        await posts.delete(site, post.id)
    with pytest.raises(NotFoundError):
        await change(site, post, title="Back")


async def test_s30_deleted_draft_is_heard_of_by_nobody(site: Site) -> None:
    post = await write(site, status="draft")
    await posts.delete(site, post.id)
    assert await sent(site) == []


async def test_published_post_cannot_become_a_draft_again(site: Site) -> None:
    post = await write(site)
    with pytest.raises(PostStateError):
        await change(site, post, status="draft")


@pytest.mark.both_engines
async def test_scheduled_post_goes_out_at_its_time_and_once(site: Site) -> None:
    moment = datetime.now(UTC) + timedelta(hours=1)
    post = await write(site, status="scheduled", publish_at=moment)
    assert await posts.publish_due(site, moment - timedelta(seconds=1)) == 0
    assert await sent(site) == []
    out = await asyncio.gather(*(posts.publish_due(site, moment) for _ in range(3)))
    assert sum(out) == 1
    (create,) = await sent(site)
    assert create["object"]["id"] == site.addresses.post(post.id)
    assert (await stored(site, post.id)).published_at == moment.replace(microsecond=0)


async def test_scheduled_post_can_be_called_off(site: Site) -> None:
    moment = datetime.now(UTC) + timedelta(hours=1)
    post = await write(site, status="scheduled", publish_at=moment)
    draft = await change(site, post, status="draft")
    assert (draft.status, draft.publish_at) == (PostStatus.DRAFT, None)
    assert await posts.publish_due(site, moment) == 0


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"status": "scheduled"}, "publish_at"),
        ({"status": "scheduled", "publish_at": datetime(2020, 1, 1, tzinfo=UTC)}, "publish_at"),
        ({"status": "scheduled", "publish_at": datetime(2099, 1, 1)}, "publish_at"),
        ({"status": "published", "publish_at": datetime(2099, 1, 1, tzinfo=UTC)}, "publish_at"),
        ({"voice": "member"}, "voice"),
        ({"authors": ["nobody"]}, "authors"),
        ({"authors": []}, "authors"),
        ({"authors": [Guest("Gus", "javascript:alert(1)")]}, "authors"),
        ({"featured_media": "01ARZ3NDEKTSV4RRFFQ69G5FAV"}, "featured_media"),
        ({"tags": ["???"]}, "tags"),
        ({"categories": ["x" * 101]}, "categories"),
        ({"slug": "../etc"}, "slug"),
        ({"slug": ""}, "slug"),
        ({"language": "not a language"}, "language"),
        ({"language": "German"}, "language"),
        ({"title": "\u202e \n"}, "title"),
        ({"title": "x" * 301}, "title"),
        ({"content": "  "}, "content"),
        ({"summary": "x" * 1001}, "summary"),
    ],
)
async def test_field_that_does_not_hold_is_named_and_nothing_is_stored(
    site: Site, fields: dict[str, Any], named: str
) -> None:
    before = await contents(site)
    with pytest.raises(InvalidFieldError) as caught:
        await write(site, **fields)
    assert caught.value.field == named
    assert await contents(site) == before


async def test_tags_are_kept_once_without_their_hash(site: Site) -> None:
    post = await write(site, tags=["#Water", "water", " Clean  Water ", "水"], categories=["News"])
    assert post.tags == ("Water", "Clean Water", "水")
    assert (await stored(site, post.id)).tags == post.tags
    assert (await stored(site, post.id)).categories == ("News",)


@pytest.mark.both_engines
async def test_revisions_keep_every_text(site: Site) -> None:
    post = await write(site)
    await change(site, post, content="They stand.")

    def load(connection: Connection) -> list[str]:
        query = select(tables.revisions.c.content_source).order_by(tables.revisions.c.version)
        return list(connection.execute(query).scalars())

    assert await site.store.read(load) == ["They *flow*.", "They stand."]


async def test_publishing_says_what_changed(site: Site) -> None:
    heard: list[Change] = []
    stop = site.store.listen(heard.extend)
    post = await write(site)
    stop()
    assert {Change("post", post.id), Change("deliveries")} <= set(heard)


async def test_script_in_a_post_is_not_stored_as_html(site: Site) -> None:
    post = await write(site, content="Hi <script>alert(1)</script><img src=x onerror=alert(1)>")
    assert "script" not in post.content_html
    assert "onerror" not in post.content_html


@pytest.mark.parametrize("name", ["\u3164", "\u2800\u200b", "\ufe0f\u0301"])
async def test_title_and_name_of_which_nothing_is_seen_are_refused(site: Site, name: str) -> None:
    with pytest.raises(InvalidFieldError, match="empty"):
        await write(site, title=name)
    with pytest.raises(InvalidFieldError, match="empty"):
        await write(site, authors=[Guest(name)])
