"""Who hears of an edit or a deletion beside the followers: the people in the conversation, as far
as they are part of it."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Connection, update
from support.blog import author_named, comment, follow, receivers, remote_actor, sent

from fedblog.domain.actor import RemoteActor
from fedblog.domain.comment import CommentStatus
from fedblog.domain.ids import new_id
from fedblog.domain.reaction import Reaction, ReactionKind
from fedblog.publishing import posts
from fedblog.publishing.site import Site
from fedblog.storage import actors, reactions
from fedblog.storage import tables as t

pytestmark = pytest.mark.both_engines


async def published(site: Site) -> str:
    fields: Any = {"title": "T", "content": "x", "status": "published"}
    return (await posts.create(site, await author_named(site, "ada"), fields)).id


async def react(site: Site, actor: RemoteActor, post_id: str, kind: ReactionKind) -> None:
    reaction = Reaction(
        id=new_id(),
        blog_id=site.blog_id,
        object_uri=site.addresses.post(post_id),
        post_id=post_id,
        comment_id=None,
        actor_uri=actor.uri,
        kind=kind,
        emoji="",
        activity_uri=f"{actor.uri}/{kind}",
        created_at=datetime.now(UTC),
    )

    def unit(connection: Connection) -> None:
        actors.save(connection, actor, [])
        reactions.insert_all(connection, [reaction])

    await site.store.write(unit)


def inbox(actor: RemoteActor) -> str:
    return actor.shared_inbox or actor.inbox


@pytest.mark.parametrize("step", ["edit", "delete"])
async def test_an_edit_reaches_writers_of_approved_comments_and_boosters_and_nobody_else(
    site: Site, step: str
) -> None:
    post_id, other_post = await published(site), await published(site)
    people = {
        name: remote_actor(name, f"{name}.example", shared=name != "apart")
        for name in (
            *("approved", "apart", "held", "spam", "private", "deleted", "gone", "booster"),
            *("gonebooster", "liker", "elsewhere", "follower"),
        )
    }
    await follow(site, people["follower"])
    for name in ("approved", "apart", "deleted", "gone"):
        item = await comment(site, people[name], post_id)
        if name == "deleted":
            when = {"deleted_at": datetime.now(UTC)}
            await site.store.write(change, t.comments, t.comments.c.id == item.id, when)
    await comment(site, people["held"], post_id, status=CommentStatus.HELD)
    await comment(site, people["spam"], post_id, status=CommentStatus.SPAM)
    await comment(site, people["private"], post_id, visibility="private")
    await comment(site, people["elsewhere"], other_post)
    await react(site, people["booster"], post_id, ReactionKind.ANNOUNCE)
    await react(site, people["gonebooster"], post_id, ReactionKind.ANNOUNCE)
    await react(site, people["liker"], post_id, ReactionKind.LIKE)
    for name in ("gone", "gonebooster"):
        when = {"deleted_at": datetime.now(UTC)}
        await site.store.write(change, t.actors, t.actors.c.uri == people[name].uri, when)
    if step == "edit":
        await posts.revise(site, await author_named(site, "ada"), post_id, {"title": "New"})
    else:
        await posts.delete(site, post_id)
    activity = (await sent(site))[-1]
    assert activity["type"] == {"edit": "Update", "delete": "Delete"}[step]
    heard = ("approved", "apart", "booster", "follower")
    assert await receivers(site, activity["id"]) == sorted(inbox(people[name]) for name in heard)


async def test_nobody_who_is_blocked_hears_of_an_edit(site: Site) -> None:
    post_id = await published(site)
    blocked = remote_actor("eve", "one.example", shared=False)
    neighbour = remote_actor("ann", "one.example", shared=False)
    below = remote_actor("bo", "sub.two.example")
    for actor in (blocked, neighbour, below):
        await comment(site, actor, post_id)
        await follow(site, actor)
    for what in ({"actor_uri": blocked.uri}, {"domain": "two.example"}):
        row = {"id": new_id(), "blog_id": site.blog_id, "created_at": datetime.now(UTC)} | what
        await site.store.write(insert, t.blocks, row)
    await posts.revise(site, await author_named(site, "ada"), post_id, {"title": "New"})
    activity = (await sent(site))[-1]
    assert await receivers(site, activity["id"]) == [neighbour.inbox]


async def test_a_person_who_moved_house_hears_at_the_inbox_known_last(site: Site) -> None:
    post_id = await published(site)
    actor = remote_actor("ann", "one.example")
    await comment(site, actor, post_id)
    await site.store.write(
        actors.save, replace(actor, shared_inbox="https://one.example/new-inbox"), []
    )
    await posts.delete(site, post_id)
    activity = (await sent(site))[-1]
    assert await receivers(site, activity["id"]) == ["https://one.example/new-inbox"]


def change(connection: Connection, table: Any, which: Any, values: dict[str, Any]) -> None:
    connection.execute(update(table).where(which).values(**values))


def insert(connection: Connection, table: Any, row: dict[str, Any]) -> None:
    connection.execute(table.insert().values(**row))
