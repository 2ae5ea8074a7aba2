"""Outbox, followers, replies, likes, shares and context: totals, pages and what stays hidden."""

from typing import Any

import pytest
from sqlalchemy import delete, select
from support.world import NOW, World

from fedblog.domain.ids import new_id
from fedblog.domain.post import PostStatus
from fedblog.storage.tables import reactions

BASE = "https://blog.example.org"


async def walk(world: World, collection: Any, name: str = "items") -> list[Any]:
    """All items of a collection, page by page, as a peer would read them."""
    items: list[Any] = []
    page = collection["first"]
    for _ in range(30):
        if isinstance(page, str):
            page = await world.json(page)
        assert page["partOf"] == collection["id"]
        items += page[name]
        if "next" not in page:
            return items
        page = page["next"]
    raise AssertionError("the pages do not end")


@pytest.mark.both_engines
async def test_outbox_has_public_activities_newest_first_on_pages(world: World) -> None:
    made = []
    for _ in range(23):
        made.append(await world.activity("Create", post=await world.post()))
    await world.activity("Accept", is_public=False)
    outbox = await world.json("/ap/blog/outbox")
    assert outbox["id"] == f"{BASE}/ap/blog/outbox"
    assert (outbox["type"], outbox["totalItems"]) == ("OrderedCollection", 23)
    items = await walk(world, outbox, "orderedItems")
    assert [item["id"].rpartition("/")[2] for item in items] == made[::-1]
    assert {item["type"] for item in items} == {"Create"}


async def test_s30_outbox_forgets_what_was_deleted_and_never_had_drafts(world: World) -> None:
    post = await world.post()
    await world.activity("Create", post=post)
    kept = await world.activity("Create", post=await world.post())
    draft = await world.post(status=PostStatus.DRAFT)
    await world.activity("Create", post=draft)
    assert (await world.json("/ap/blog/outbox"))["totalItems"] == 2
    await world.change_post(post, status="deleted", deleted_at=NOW)
    outbox = await world.json("/ap/blog/outbox")
    items = await walk(world, outbox, "orderedItems")
    assert [item["id"].rpartition("/")[2] for item in items] == [kept]
    assert outbox["totalItems"] == 1


async def test_outbox_of_an_author_is_its_own(world: World) -> None:
    ada = world.authors["ada"].id
    post = await world.post()
    await world.activity("Create", post=post)
    reply = await world.comment(post, author_id=ada)
    said = await world.activity("Create", owner=ada, post=post, about=reply.uri)
    outbox = await world.json(f"/ap/authors/{ada}/outbox")
    items = await walk(world, outbox, "orderedItems")
    assert [item["id"].rpartition("/")[2] for item in items] == [said]
    await world.change_comment(reply, deleted_at=NOW)
    assert (await world.json(f"/ap/authors/{ada}/outbox"))["totalItems"] == 0


async def test_followers_are_counted_but_not_named(world: World) -> None:
    assert (await world.json("/ap/blog/followers"))["totalItems"] == 0
    await world.follower("rin")
    await world.follower("sol")
    await world.follower("tom", owner=world.authors["ada"].id)
    followers = await world.json("/ap/blog/followers")
    assert (followers["type"], followers["totalItems"]) == ("OrderedCollection", 2)
    assert await walk(world, followers, "orderedItems") == []
    of_ada = await world.json(f"/ap/authors/{world.authors['ada'].id}/followers")
    assert of_ada["totalItems"] == 1
    for path in ("", "?page=1"):
        assert "rin" not in (await world.get(f"/ap/blog/followers{path}")).text


async def test_following_and_featured_are_empty(world: World) -> None:
    for name in ("following", "featured"):
        item = await world.json(f"/ap/blog/{name}")
        assert (item["type"], item["totalItems"], item["orderedItems"]) == (
            "OrderedCollection",
            0,
            [],
        )


async def test_moderators_of_the_group_are_its_authors(world: World) -> None:
    group = await world.json("/ap/blog")
    assert group["attributedTo"] == f"{group['id']}/moderators"
    found = await world.json("/ap/blog/moderators")
    assert found["id"] == group["attributedTo"]
    assert found["type"] == "OrderedCollection"
    uris = {f"{group['id'][: -len('/blog')]}/authors/{a.id}" for a in world.authors.values()}
    assert set(found["orderedItems"]) == uris
    assert found["totalItems"] == len(uris)
    assert (await world.get("/ap/authors/nobody/moderators")).status_code == 404


@pytest.mark.both_engines
async def test_replies_have_the_whole_thread_and_context_the_post_as_well(world: World) -> None:
    post = await world.post()
    parent = None
    uris = []
    for _ in range(60):
        parent = await world.comment(post, parent)
        uris.append(parent.uri)
    replies = await world.json(f"/ap/posts/{post.id}/replies")
    assert (replies["type"], replies["totalItems"]) == ("Collection", 60)
    assert await walk(world, replies) == uris
    first = await world.json(f"/ap/posts/{post.id}/replies?page=1")
    assert first["items"] == replies["first"]["items"]
    context = await world.json(f"/ap/posts/{post.id}/context")
    assert context["totalItems"] == 61
    assert context["attributedTo"] == f"{BASE}/ap/blog"
    assert await walk(world, context) == [f"{BASE}/ap/posts/{post.id}", *uris]


async def test_likes_and_shares_list_each_person_once(world: World) -> None:
    post = await world.post()
    for name in ("rin", "sol"):
        await world.react(post, "like", name)
        await world.react(post, "announce", name)
    await world.react(post, "emoji", "rin", emoji="🎉")
    await world.react(post, "like", "anon", activity_uri=None)
    await world.react(post, "dislike", "tom")
    likes = await world.json(f"/ap/posts/{post.id}/likes")
    assert likes["totalItems"] == 3
    items = await walk(world, likes)
    assert len(items) == 2
    assert all("/dislike/" not in item for item in items)
    shares = await world.json(f"/ap/posts/{post.id}/shares")
    assert shares["totalItems"] == 2
    assert await walk(world, shares) == [
        "https://peer.example/announce/rin",
        "https://peer.example/announce/sol",
    ]


@pytest.mark.both_engines
async def test_likes_go_on_over_pages(world: World) -> None:
    post = await world.post()
    for number in range(105):
        await world.react(post, "like", f"reader{number}")
    likes = await world.json(f"/ap/posts/{post.id}/likes")
    assert len(set(await walk(world, likes))) == likes["totalItems"] == 105


async def test_comment_has_collections_of_its_own(world: World) -> None:
    post = await world.post()
    own = await world.comment(post, author_id=world.authors["ada"].id)
    answer = await world.comment(post, own)
    await world.comment(post, answer)
    await world.react(post, "like", "rin", comment=own)
    path = f"/ap/comments/{own.id}"
    assert (await world.json(path))["likes"]["totalItems"] == 1
    assert await walk(world, await world.json(f"{path}/replies")) == [answer.uri]
    assert (await world.json(f"{path}/likes"))["totalItems"] == 1
    assert (await world.json(f"{path}/shares"))["totalItems"] == 0
    assert (await world.json(f"/ap/posts/{post.id}/likes"))["totalItems"] == 0


async def test_new_comment_is_seen_at_once_through_the_cache(world: World) -> None:
    post = await world.post()
    other = await world.post()
    for which in (post, other):
        assert (await world.json(f"/ap/posts/{which.id}/replies"))["totalItems"] == 0
    kept = len(world.cache)
    await world.comment(post)
    assert len(world.cache) == kept - 1
    assert (await world.json(f"/ap/posts/{post.id}/replies"))["totalItems"] == 1


async def test_unknown_owners_pages_and_methods_are_refused(world: World) -> None:
    post = await world.post()
    for name in ("outbox", "followers", "following", "featured"):
        assert (await world.get(f"/ap/authors/{new_id()}/{name}")).status_code == 404
        assert (await world.http.post(f"/ap/blog/{name}")).status_code == 405
    for query in ("cursor=x", "cursor=", "cursor=../..", "page=2", "page=-1", "page=x"):
        assert (await world.get(f"/ap/blog/outbox?{query}")).status_code == 400
        assert (await world.get(f"/ap/posts/{post.id}/replies?{query}")).status_code == 400
    assert (await world.get("/ap/blog/liked")).status_code == 404


@pytest.mark.both_engines
async def test_cursor_that_no_page_ended_with_is_no_page(world: World) -> None:
    post, other = await world.post(), await world.post()
    comment = await world.comment(post, author_id=world.authors["ada"].id)
    below = await world.comment(post, comment)
    said = await world.activity("Create", post=post)
    ada = world.authors["ada"].id
    objects = [
        f"/ap/{kind}/{name}"
        for kind in (f"posts/{post.id}", f"comments/{comment.id}")
        for name in ("replies", "likes", "shares")
    ]
    actors = [
        f"/ap/{owner}/{name}"
        for owner in ("blog", "readers", "instance", f"authors/{ada}")
        for name in ("outbox", "followers", "following", "featured")
    ]
    elsewhere = [f"/ap/posts/{other.id}/replies", f"/ap/authors/{ada}/outbox"]
    for path in [*objects, *actors, f"/ap/posts/{post.id}/context"]:
        for cursor in (new_id(), "0" * 26, post.id):
            answer = await world.get(f"{path}?cursor={cursor}")
            assert answer.status_code == 404, (path, cursor)
    for path, cursor in zip(elsewhere, (below.id, said), strict=True):
        assert (await world.get(f"{path}?cursor={cursor}")).status_code == 404, path
    for path, cursor in [
        (f"/ap/posts/{post.id}/replies", comment.id),
        (f"/ap/comments/{comment.id}/replies", below.id),
        (f"/ap/posts/{post.id}/context", below.id),
        ("/ap/blog/outbox", said),
    ]:
        assert (await world.get(f"{path}?cursor={cursor}")).status_code == 200, path


@pytest.mark.both_engines
async def test_page_after_a_like_that_was_undone_begins_after_the_one_before_it(
    world: World,
) -> None:
    post = await world.post()
    for name in ("ann", "ben", "cleo"):
        await world.react(post, "like", name)
    ids = await world.site.store.read(
        lambda connection: connection.execute(select(reactions.c.id).order_by("id")).scalars().all()
    )
    await world.site.store.write(
        lambda connection: connection.execute(delete(reactions).where(reactions.c.id == ids[1]))
    )
    path = f"/ap/posts/{post.id}/likes"
    answer = await world.get(f"{path}?cursor={ids[1]}")
    assert answer.status_code == 302
    assert answer.headers["location"].endswith(f"{path}?cursor={ids[0]}")
    page = (await world.get(f"{path}?cursor={ids[0]}")).json()
    assert len(page["items"]) == 1
    assert (await world.get(f"{path}?cursor={'0' * 26}")).status_code == 404


@pytest.mark.both_engines
async def test_further_page_of_a_post_that_is_gone_is_gone_as_well(world: World) -> None:
    post = await world.post()
    await world.change_post(post, status=PostStatus.DELETED.value)
    for name in ("replies", "likes", "shares", "context"):
        answer = await world.get(f"/ap/posts/{post.id}/{name}?cursor={new_id()}")
        assert answer.status_code == 410, name
