"""A block that is lifted brings back what it hid, and says what it does not bring back."""

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Connection, func, select, update
from support.blog import comment, follow, remote_actor

from fedblog.domain.actor import RemoteActor
from fedblog.domain.comment import CommentStatus
from fedblog.domain.ids import new_id
from fedblog.domain.reaction import Reaction, ReactionKind
from fedblog.publishing import comments, moderation, posts
from fedblog.publishing.identity import find_author
from fedblog.publishing.site import Site
from fedblog.storage import actors, erasing, reactions, slices, terms
from fedblog.storage import tables as t
from fedblog.storage.changes import Change

pytestmark = pytest.mark.both_engines


async def a_post(site: Site) -> str:
    author = await find_author(site.store, "ada")
    made: Any = await posts.create(
        site, author, {"title": "Rivers", "content": "They flow.", "status": "published"}
    )
    return str(made.id)


async def like(
    site: Site, actor: RemoteActor, post_id: str, comment_id: str | None = None
) -> Reaction:
    made = Reaction(
        new_id(), 1, f"https://x.example/{new_id()}", None if comment_id else post_id, comment_id,
        actor.uri, ReactionKind.LIKE, "", f"{actor.uri}/likes/1", datetime.now(UTC),
    )  # fmt: skip

    def unit(connection: Connection) -> None:
        actors.save(connection, actor, [])
        reactions.insert_all(connection, [made])

    await site.store.write(unit)
    return made


async def shown(site: Site, actor: RemoteActor) -> list[tuple[str, bool]]:
    def load(connection: Connection) -> list[tuple[str, bool]]:
        rows = connection.execute(
            select(t.comments.c.status, t.comments.c.status_locked)
            .where(t.comments.c.actor_uri == actor.uri)
            .order_by(t.comments.c.id)
        )
        return [(row.status, bool(row.status_locked)) for row in rows]

    return await site.store.read(load)


async def liked(site: Site) -> list[Any]:
    def load(connection: Connection) -> list[Any]:
        return list(connection.execute(select(t.reactions).order_by(t.reactions.c.id)))

    return await site.store.read(load)


async def kept(site: Site) -> int:
    query = select(func.count()).select_from(t.hidden)
    return await site.store.read(lambda connection: connection.execute(query).scalar_one())


async def test_comments_come_back_as_they_were(site: Site) -> None:
    mal = remote_actor("mal", "bad.example")
    post_id = await a_post(site)
    made = [await comment(site, mal, post_id) for _ in range(4)]
    await moderation.decide(site, made[1].id, CommentStatus.HELD)
    await moderation.decide(site, made[2].id, CommentStatus.SPAM)
    before = await shown(site, mal)
    assert before == [("approved", False), ("held", True), ("spam", True), ("approved", False)]
    block = await moderation.block_domain(site, "bad.example")
    assert await shown(site, mal) == [("spam", True)] * 4
    heard: list[Change] = []
    stop = site.store.listen(heard.extend)
    lifted = await moderation.unblock(site, block.id)
    stop()
    assert (lifted.comments, lifted.reactions, lifted.followers) == (3, 0, 0)
    assert await shown(site, mal) == before
    assert Change("comments", post_id) in heard
    assert await kept(site) == 0


async def test_reactions_come_back_as_they_were(site: Site) -> None:
    mal, bo = remote_actor("mal", "bad.example"), remote_actor("bo", "good.example")
    post_id = await a_post(site)
    above = await comment(site, bo, post_id)
    for item in (None, above.id):
        await like(site, mal, post_id, item)
    await like(site, bo, post_id)
    before = await liked(site)
    block = await moderation.block_actor(site, mal.uri)
    assert len(await liked(site)) == 1
    heard: list[Change] = []
    stop = site.store.listen(heard.extend)
    lifted = await moderation.unblock(site, block.id)
    stop()
    assert lifted.reactions == 2
    assert await liked(site) == before
    assert {Change("reactions", post_id), Change("comments", post_id)} <= set(heard)


async def test_followers_are_counted_and_do_not_come_back(site: Site) -> None:
    people = [remote_actor(f"u{number}", "bad.example") for number in range(3)]
    for person in people:
        await follow(site, person)
    block = await moderation.block_domain(site, "bad.example")
    assert (await moderation.unblock(site, block.id)).followers == 3
    query = select(func.count()).select_from(t.followers)
    assert await site.store.read(lambda c: c.execute(query).scalar_one()) == 0


async def test_what_was_decided_meanwhile_stays_so(site: Site) -> None:
    mal = remote_actor("mal", "bad.example")
    post_id = await a_post(site)
    made = [await comment(site, mal, post_id) for _ in range(4)]
    block = await moderation.block_domain(site, "bad.example")
    await moderation.decide(site, made[0].id, CommentStatus.APPROVED)
    await moderation.decide(site, made[1].id, CommentStatus.SPAM)
    await comments.delete(site, made[2].id)
    await moderation.unblock(site, block.id)
    assert await shown(site, mal) == [
        ("approved", True),
        ("spam", True),
        ("spam", True),
        ("approved", False),
    ]


async def test_what_another_block_holds_stays_hidden_until_that_is_lifted(site: Site) -> None:
    mal, bo = remote_actor("mal", "sub.bad.example"), remote_actor("bo", "bad.example")
    post_id = await a_post(site)
    for person in (mal, bo):
        await comment(site, person, post_id)
        await like(site, person, post_id)
    wide = await moderation.block_domain(site, "bad.example")
    narrow = await moderation.block_actor(site, mal.uri)
    await moderation.unblock(site, wide.id)
    assert await shown(site, bo) == [("approved", False)]
    assert await shown(site, mal) == [("spam", True)]
    assert [row.actor_uri for row in await liked(site)] == [bo.uri]
    lifted = await moderation.unblock(site, narrow.id)
    assert (lifted.comments, lifted.reactions) == (1, 1)
    assert await shown(site, mal) == [("approved", False)]
    assert {row.actor_uri for row in await liked(site)} == {bo.uri, mal.uri}


async def test_second_block_lifted_first_brings_nothing_back(site: Site) -> None:
    mal = remote_actor("mal", "bad.example")
    post_id = await a_post(site)
    await comment(site, mal, post_id)
    wide = await moderation.block_domain(site, "bad.example")
    narrow = await moderation.block_actor(site, mal.uri)
    assert (await moderation.unblock(site, narrow.id)).comments == 0
    assert await shown(site, mal) == [("spam", True)]
    await moderation.unblock(site, wide.id)
    assert await shown(site, mal) == [("approved", False)]


async def test_reaction_that_was_made_again_stands_once(site: Site) -> None:
    mal = remote_actor("mal", "bad.example")
    post_id = await a_post(site)
    made = await like(site, mal, post_id)
    block = await moderation.block_domain(site, "bad.example")

    def again(connection: Connection) -> None:
        reactions.insert_all(connection, [Reaction(**{**vars_of(made), "id": new_id()})])

    await site.store.write(again)
    await moderation.unblock(site, block.id)
    assert len(await liked(site)) == 1


def vars_of(made: Reaction) -> dict[str, Any]:
    return {name: getattr(made, name) for name in Reaction.__dataclass_fields__}


async def test_nothing_comes_back_to_what_is_deleted_or_of_who_is_gone(site: Site) -> None:
    mal, gone = remote_actor("mal", "bad.example"), remote_actor("gone", "bad.example")
    bo = remote_actor("bo", "good.example")
    living, deleted = await a_post(site), await a_post(site)
    below = await comment(site, bo, living)
    await like(site, mal, deleted)
    await like(site, mal, living, below.id)
    await like(site, gone, living)
    await comment(site, gone, living)
    block = await moderation.block_domain(site, "bad.example")
    await posts.delete(site, deleted)
    await comments.delete(site, below.id)

    def leaves(connection: Connection) -> None:
        erasing.remove_actor(connection, gone.uri, datetime.now(UTC), slices.Allowance())

    await site.store.write(leaves)
    await moderation.unblock(site, block.id)
    assert await liked(site) == []
    assert await kept(site) == 0


async def test_leave_that_a_block_took_back_is_given_again(site: Site) -> None:
    mal = remote_actor("mal", "bad.example")
    post_id = await a_post(site)
    rows = [
        {
            "id": new_id(),
            "blog_id": 1,
            "interaction": "Quote",
            "owner": "blog",
            "target_uri": site.addresses.post(post_id),
            "object_uri": f"{mal.uri}/quotes/{state}",
            "actor_uri": mal.uri,
            "post_id": post_id,
            "state": state,
            "was_granted": state == "granted",
            "created_at": datetime.now(UTC),
            "decided_at": None if state == "waiting" else datetime.now(UTC),
        }
        for state in ("granted", "waiting", "revoked")
    ]

    def ask(connection: Connection) -> None:
        connection.execute(t.authorizations.insert(), rows)

    await site.store.write(ask)
    await comment(site, mal, post_id)

    def load(connection: Connection) -> list[Any]:
        return list(connection.execute(select(t.authorizations).order_by(t.authorizations.c.id)))

    before = await site.store.read(load)
    block = await moderation.block_domain(site, "bad.example")
    assert {row.state for row in await site.store.read(load)} == {"revoked"}
    await moderation.unblock(site, block.id)
    assert await site.store.read(load) == before


async def test_what_can_never_come_back_is_dropped(site: Site) -> None:
    mal = remote_actor("mal", "bad.example")
    post_id, other = await a_post(site), await a_post(site)
    for where in (post_id, other):
        await like(site, mal, where)
    await moderation.block_domain(site, "bad.example")

    def erased(connection: Connection) -> None:
        connection.execute(
            update(t.posts).where(t.posts.c.id == other).values(erased_at=datetime.now(UTC))
        )

    await site.store.write(erased)
    found, _ = await site.store.read(terms.lone_hidden, datetime.now(UTC), None, 10)
    assert len(found) == 1
    await site.store.write(terms.drop_hidden, found, datetime.now(UTC))
    assert await kept(site) == 1
