"""The end of a post is the end of what its authors answered under it, on other servers too."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, insert, select
from support.blog import author_named, comment, follow, receivers, remote_actor, sent

from fedblog.app import long_work
from fedblog.domain.comment import Comment
from fedblog.domain.ids import new_id
from fedblog.domain.post import Post
from fedblog.publishing import comments, posts
from fedblog.publishing.site import Site
from fedblog.storage import comments as comment_rows
from fedblog.storage import erasure, slices
from fedblog.storage import tables as t

pytestmark = pytest.mark.both_engines


async def published(site: Site) -> str:
    fields: Any = {"title": "T", "content": "x", "status": "published"}
    return (await posts.create(site, await author_named(site, "ada"), fields)).id


async def answer(site: Site, above: Comment, by: str = "ada") -> Comment:
    made = await comments.reply(site, await author_named(site, by), above.id, "Thanks")
    assert isinstance(made, Comment)
    return made


async def deletes(site: Site) -> list[dict[str, Any]]:
    return [item for item in await sent(site) if item["type"] == "Delete"]


async def carry_on(site: Site) -> None:
    """Do the long work that waits, a step in each unit."""
    kinds = long_work(site)
    later = datetime.now(UTC) + timedelta(minutes=1)
    while found := await site.store.read(slices.due, kinds, later, 1):
        await site.store.write(slices.carry_on, found[0], kinds, later, seconds=1e-9)


async def test_replies_of_authors_are_deleted_elsewhere_with_their_post(site: Site) -> None:
    post_id, other_post = await published(site), await published(site)
    ann, bo = remote_actor("ann", "one.example"), remote_actor("bo", "two.example")
    await follow(site, remote_actor("fay", "three.example"))
    asked, again = await comment(site, ann, post_id), await comment(site, bo, post_id)
    by_ada, by_olga = await answer(site, asked), await answer(site, again, by="olga")
    below = await answer(site, by_ada, by="olga")
    await answer(site, await comment(site, ann, other_post))
    taken = await answer(site, asked)
    await comments.delete(site, taken.id)
    await posts.delete(site, post_id)
    await carry_on(site)
    post, *others = (await deletes(site))[1:]
    assert post["object"]["id"] == site.addresses.post(post_id)
    told = {item["object"]["id"]: item for item in others}
    assert len(others) == 3
    assert set(told) == {by_ada.uri, by_olga.uri, below.uri}
    for reply, answered in ((by_ada, ann), (by_olga, bo), (below, None)):
        delete = told[reply.uri]
        assert delete["actor"] == site.addresses.actor(reply.author_id or "")
        assert delete["object"]["type"] == "Tombstone"
        assert (answered is None) or answered.uri in delete["cc"]
        assert await receivers(site, delete["id"]) == [
            "https://one.example/inbox",
            "https://three.example/inbox",
            "https://two.example/inbox",
        ]


async def test_who_is_gone_is_named_by_no_delete(site: Site) -> None:
    post_id = await published(site)
    ann = remote_actor("ann", "one.example")
    reply = await answer(site, await comment(site, ann, post_id))

    def go(connection: Connection) -> None:
        connection.execute(t.actors.update().values(deleted_at=datetime.now(UTC)))

    await site.store.write(go)
    await posts.delete(site, post_id)
    await carry_on(site)
    delete = (await deletes(site))[-1]
    assert delete["object"]["id"] == reply.uri
    assert ann.uri not in delete.get("cc", [])


async def test_very_many_replies_follow_in_slices_and_each_once(site: Site) -> None:
    """A unit that deletes does not grow with what was said; the post is erased after the last."""
    post_id = await published(site)
    first = await answer(site, await comment(site, remote_actor("ann", "one.example"), post_id))
    ours, theirs = 230, 450

    def many(connection: Connection) -> None:
        row = dict(
            connection.execute(select(t.comments).where(t.comments.c.id == first.id)).one()._mapping
        )
        for number in range(ours + theirs):
            id_ = new_id()
            own: dict[str, Any] = {"id": id_, "uri": site.addresses.comment(id_)}
            if number >= ours:
                own = {"id": id_, "uri": f"https://one.example/{id_}", "author_id": None}
                own["actor_uri"] = remote_actor("ann", "one.example").uri
            connection.execute(insert(t.comments).values(row | own))

    await site.store.write(many)
    await posts.delete(site, post_id)
    at_once = len(await deletes(site)) - 1
    assert 0 < at_once < 150
    assert not await site.store.read(erasure.is_told, post_id)
    await carry_on(site)
    told = [item["object"]["id"] for item in await deletes(site)]
    assert len(told) == len(set(told)) == ours + 2
    assert await site.store.read(erasure.is_told, post_id)


async def test_a_post_waits_for_its_replies_to_be_taken_back_before_it_is_erased(
    site: Site,
) -> None:
    post_id = await published(site)
    job: dict[str, Any] = {"id": new_id(), "kind": erasure.TAKE_BACK, "key": post_id}

    def add(connection: Connection) -> None:
        now = datetime.now(UTC)
        connection.execute(insert(t.jobs).values(payload="{}", run_at=now, created_at=now, **job))

    assert await site.store.read(erasure.is_told, post_id)
    await site.store.write(add)
    assert not await site.store.read(erasure.is_told, post_id)
    assert await site.store.read(erasure.is_told, await published(site))


async def test_deleted_draft_has_nothing_to_take_back(site: Site) -> None:
    draft = await posts.create(
        site, await author_named(site, "ada"), {"title": "T", "content": "x", "status": "draft"}
    )
    assert isinstance(draft, Post)
    await posts.delete(site, draft.id)
    assert await sent(site) == []
    assert await site.store.read(comment_rows.below, draft.id, "", 10) == []
