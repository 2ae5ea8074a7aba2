"""A block holds from its commit; what it means for very many rows follows in slices."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Connection, delete, func, select
from support.blog import comment, follow, remote_actor
from support.sinks import running

from fedblog.activitystreams.reading import read_activity
from fedblog.domain.actor import RemoteActor
from fedblog.domain.block import Block
from fedblog.domain.comment import Comment
from fedblog.domain.ids import new_id
from fedblog.domain.reaction import Reaction, ReactionKind
from fedblog.federation import batch
from fedblog.federation.blocklist import Blocklist
from fedblog.federation.facts import Incoming, Outcome
from fedblog.federation.words import Limits
from fedblog.jobs.slices import SliceLoop
from fedblog.publishing import moderation, posts
from fedblog.publishing.identity import find_author
from fedblog.publishing.site import Site
from fedblog.storage import (
    actors,
    comments,
    cutting_off,
    erasing,
    fan_out,
    lifting,
    reactions,
    slices,
    threads,
)
from fedblog.storage import tables as t
from fedblog.storage.changes import Change, record

pytestmark = pytest.mark.both_engines

KINDS = {
    cutting_off.CUT_OFF: cutting_off.cut_off,
    erasing.ERASE_ACTOR: erasing.erase_actor,
    fan_out.FAN_OUT: fan_out.fan_out,
    lifting.LIFT: lifting.lift,
}
MANY = 40


@pytest.fixture(autouse=True)
def nothing_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave all of the work to slices."""
    monkeypatch.setattr(slices.Allowance.__init__, "__defaults__", (0, slices.FIRST_LIMIT))


async def a_post(site: Site) -> str:
    author = await find_author(site.store, "ada")
    made: Any = await posts.create(
        site, author, {"title": "Rivers", "content": "They flow.", "status": "published"}
    )
    await to_the_end(site)
    return str(made.id)


async def many_comments(site: Site, actor: RemoteActor, post_id: str, number: int = MANY) -> None:
    for _ in range(number):
        await comment(site, actor, post_id)


async def one_slice(site: Site, limit: int = 10) -> slices.Slice | None:
    now = datetime.now(UTC)
    ids = await site.store.read(slices.due, KINDS, now, 1)
    if not ids:
        return None
    return await site.store.write(slices.carry_on, ids[0], KINDS, now, seconds=1e-9, limit=limit)


async def to_the_end(site: Site) -> int:
    number = 0
    while await one_slice(site) is not None:
        number += 1
    return number


async def shown(site: Site) -> int:
    def load(connection: Connection) -> int:
        query = select(func.count()).where(
            t.comments.c.status == "approved", t.comments.c.deleted_at.is_(None)
        )
        return connection.scalar(query) or 0

    return await site.store.read(load)


def reply(actor: RemoteActor, post_uri: str) -> Incoming:
    uri = f"{actor.uri}/notes/{new_id()}"
    activity = read_activity(
        {
            "id": f"{uri}#create",
            "type": "Create",
            "actor": actor.uri,
            "object": {
                "id": uri,
                "type": "Note",
                "attributedTo": actor.uri,
                "inReplyTo": post_uri,
                "content": "<p>Once more.</p>",
                "to": ["https://www.w3.org/ns/activitystreams#Public"],
                "published": "2026-11-01T12:00:00Z",
            },
        }
    )
    incoming = Incoming(activity, actor, f"{uri}#create", datetime.now(UTC), 0)
    return batch.worded(incoming, Limits())


async def receive(site: Site, incoming: Incoming) -> Outcome:
    [outcome] = await site.store.write(batch.process, site.addresses, site.blog_id, [incoming])
    return outcome


async def test_block_hides_slice_by_slice_and_goes_on_after_a_crash(site: Site) -> None:
    mal, bo = remote_actor("mal", "one.example"), remote_actor("bo", "one.example")
    post_id = await a_post(site)
    await many_comments(site, mal, post_id)
    await comment(site, bo, post_id)
    heard: list[Change] = []
    stop = site.store.listen(heard.extend)
    block = await moderation.block_actor(site, mal.uri)
    assert await shown(site) == MANY + 1
    progress = (await site.store.read(slices.progress, cutting_off.CUT_OFF, [block.id]))[block.id]
    assert progress.rows == 0
    left = []
    while (done := await one_slice(site)) is not None:
        left.append(await shown(site))

        def dies(connection: Connection) -> None:
            for job_id in slices.due(connection, KINDS, datetime.now(UTC), 1):
                slices.carry_on(
                    connection, job_id, KINDS, datetime.now(UTC), seconds=1e-9, limit=10
                )
            raise RuntimeError("killed")

        with pytest.raises(RuntimeError):
            await site.store.write(dies)
        if done.is_done:
            break
    stop()
    assert left[:5] == [MANY - 9, MANY - 19, MANY - 29, MANY - 39, 1]
    assert left[-1] == 1
    assert Change("comments", post_id) in heard
    assert await site.store.read(slices.progress, cutting_off.CUT_OFF, [block.id]) == {}


async def test_blocked_domain_is_gone_through_whatever_its_people_did(site: Site) -> None:
    """Few rows by many, many by few, subdomains and ports; the neighbours keep everything."""
    post_id = await a_post(site)
    names = ("bad.example", "a.bad.example", "b.bad.example:8443", "notbad.example", "bad.example2")
    people = [remote_actor(f"u{n}", host) for host in names for n in range(15)]
    prolific = remote_actor("u3", "bad.example")
    for person in people:
        await follow(site, person)
        await comment(site, person, post_id)
    await many_comments(site, prolific, post_id)
    now = datetime.now(UTC)
    likes = [
        Reaction(
            new_id(), 1, f"https://x.example/{n}", post_id, None, person.uri,
            ReactionKind.LIKE, "", None, now,
        )
        for n, person in enumerate(people)
    ]  # fmt: skip
    await site.store.write(reactions.insert_all, likes)
    await a_post(site)
    await moderation.block_domain(site, "bad.example")
    assert await to_the_end(site) > 10

    def rest(connection: Connection) -> tuple[set[str], set[str], set[str], set[str]]:
        hosts = {uri.split("/")[2] for uri in connection.scalars(select(t.followers.c.actor_uri))}
        liking = {uri.split("/")[2] for uri in connection.scalars(select(t.reactions.c.actor_uri))}
        writing = connection.scalars(
            select(t.comments.c.actor_uri).where(t.comments.c.status == "approved")
        )
        waiting = connection.scalars(
            select(t.inboxes.c.host)
            .join(t.deliveries, t.deliveries.c.inbox_id == t.inboxes.c.id)
            .where(t.deliveries.c.state == "waiting")
        )
        return hosts, liking, {uri.split("/")[2] for uri in writing}, set(waiting)

    assert await site.store.read(rest) == ({"notbad.example", "bad.example2"},) * 4
    assert await shown(site) == 30


async def test_blocked_person_does_not_take_along_others_whose_inbox_is_the_same(
    site: Site,
) -> None:
    """There are servers whose actors all name one inbox as their own."""
    mal, bo, late = (
        replace(remote_actor(name, "one.example", shared=False), inbox="https://one.example/in")
        for name in ("mal", "bo", "late")
    )
    alone = remote_actor("alone", "two.example", shared=False)
    for person in (mal, bo, alone):
        await follow(site, person)
    await a_post(site)
    blocklist = Blocklist(site.store, site.blog_id)
    await moderation.block_actor(site, mal.uri)
    await moderation.block_actor(site, alone.uri)
    await to_the_end(site)
    await a_post(site)

    def waiting(connection: Connection) -> list[str]:
        rows = connection.scalars(
            select(t.inboxes.c.url)
            .join(t.deliveries, t.deliveries.c.inbox_id == t.inboxes.c.id)
            .where(t.deliveries.c.state == "waiting")
        )
        return list(rows)

    assert await site.store.read(waiting) == [bo.inbox] * 2
    await blocklist.refresh()
    assert not blocklist.forbids(bo.inbox)
    assert blocklist.forbids(alone.inbox)

    def unfollow(connection: Connection) -> None:
        connection.execute(delete(t.followers))
        record(connection, Change("followers", "blog"))

    await site.store.write(unfollow)
    await blocklist.refresh()
    assert blocklist.forbids(bo.inbox)
    await follow(site, late)
    await site.store.write(record, Change("followers", "blog"))
    await blocklist.refresh()
    assert not blocklist.forbids(late.inbox)


async def test_reply_that_was_let_in_before_the_block_is_not_stored_after_it(site: Site) -> None:
    mal = remote_actor("mal", "sub.bad.example")
    post_id = await a_post(site)
    await many_comments(site, mal, post_id, 12)
    proven = reply(mal, site.addresses.post(post_id))
    await moderation.block_domain(site, "bad.example")
    await one_slice(site)
    outcome = await receive(site, proven)
    assert (outcome.result, outcome.reason) == ("ignored", "blocked")
    await to_the_end(site)
    assert await shown(site) == 0


async def test_reply_that_races_with_a_slice_is_hidden_or_refused(
    site: Site, open_store: Any
) -> None:
    mal = remote_actor("mal", "bad.example")
    post_id = await a_post(site)
    await many_comments(site, mal, post_id, 30)
    other = await open_store()

    async def write_replies() -> None:
        for _ in range(20):
            incoming = reply(mal, site.addresses.post(post_id))
            await other.write(batch.process, site.addresses, site.blog_id, [incoming])

    async def block() -> None:
        await asyncio.sleep(0)
        await moderation.block_domain(site, "bad.example")
        await to_the_end(site)

    await asyncio.gather(write_replies(), block())
    await to_the_end(site)
    assert await shown(site) == 0


async def test_lifted_block_ends_its_work(site: Site) -> None:
    mal = remote_actor("mal", "bad.example")
    post_id = await a_post(site)
    await many_comments(site, mal, post_id, 30)
    block: Block = await moderation.block_domain(site, "bad.example")
    while (before := await shown(site)) == 30:
        await one_slice(site)
    assert before == 20
    await moderation.unblock(site, block.id)
    assert (await receive(site, reply(mal, site.addresses.post(post_id)))).result == "stored"
    await to_the_end(site)
    assert await shown(site) == 31


async def test_end_of_an_actor_takes_the_words_in_slices(site: Site) -> None:
    ann, bo = remote_actor("ann", "one.example"), remote_actor("bo", "one.example")
    post_id = await a_post(site)
    await follow(site, ann)
    await many_comments(site, ann, post_id, 30)
    kept: Comment = await comment(site, bo, post_id)
    document = {"id": f"{ann.uri}#delete", "type": "Delete", "actor": ann.uri, "object": ann.uri}
    activity = read_activity(document)
    outcome = await receive(
        site, Incoming(activity, ann, f"{ann.uri}#delete", datetime.now(UTC), 0)
    )
    assert outcome.result == "stored"
    gone = (await site.store.read(actors.find, [ann.uri]))[ann.uri]
    assert gone.deleted_at is not None
    assert gone.name == ""
    await one_slice(site)
    assert await shown(site) == 21
    # What comes between two slices is nobody's.
    assert (await receive(site, reply(ann, site.addresses.post(post_id)))).result == "ignored"
    async with running(SliceLoop(site, KINDS)):
        while await shown(site) > 1:
            await asyncio.sleep(0.01)

    def words(connection: Connection) -> set[str]:
        query = select(t.comments.c.content_html).where(t.comments.c.actor_uri == ann.uri)
        return set(connection.scalars(query))

    assert await site.store.read(words) == {""}
    standing = await site.store.read(comments.get, site.blog_id, kept.id)
    assert standing is not None
    assert standing.is_shown
    assert await site.store.read(threads.find, [kept.uri]) == [standing]
