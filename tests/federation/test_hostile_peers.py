"""What a hostile or clumsy peer tries, and what it does not get."""

import asyncio
import secrets
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, select
from support.people import People
from support.servers import Server

from fedblog.activitystreams.reading import read_activity
from fedblog.federation import batch
from fedblog.federation.facts import Incoming, Outcome
from fedblog.federation.words import Limits
from fedblog.storage import threads
from fedblog.storage.tables import comments, followers, inboxes, reactions


@pytest.fixture
async def post(server: Server, people: People) -> dict[str, Any]:
    for name in ("ann", "ben"):
        people.add(name)
    return await server.publish()


async def send(server: Server, people: People, name: str, activity: dict[str, Any]) -> int:
    return (await people.post(server.inbox, activity, by=name)).status_code


async def reply(
    server: Server, people: People, name: str, parent: str, text: str, **changes: Any
) -> dict[str, Any]:
    note = people.note(name, parent, f"<p>{text}</p>", **changes)
    assert await send(server, people, name, people.activity("Create", name, note)) == 202
    return note


async def rows(server: Server, table: Any, *where: Any) -> list[Any]:
    def load(connection: Connection) -> list[Any]:
        return list(connection.execute(select(table).where(*where)))

    return await server.site.store.read(load)


async def together(
    server: Server, people: People, name: str, activities: list[dict[str, Any]]
) -> list[Outcome]:
    """Let *activities* of one person arrive in one batch."""
    site = server.site
    actor = await site.actors.actor(people.uri(name))
    now, limits = datetime.now(UTC), Limits()
    items = [Incoming(read_activity(a), actor, a["id"], now, 0) for a in activities]
    items = [batch.worded(item, limits) for item in items]
    return await site.store.write(batch.process, site.addresses, site.blog_id, items)


async def texts(server: Server, post: dict[str, Any]) -> list[tuple[str, str]]:
    return [(c["content"], c["status"]) for c in await server.comments(post)]


async def change(server: Server, post: dict[str, Any], **fields: Any) -> None:
    answer = await server.api("PATCH", f"/posts/{post['id']}", json=fields)
    assert answer.status_code == 200, answer.text


async def test_reply_to_a_reply_is_held_where_comments_are_held(server, people, post):
    note = await reply(server, people, "ann", post["activitypub_id"], "One")
    await change(server, post, comments="held")
    await reply(server, people, "ben", note["id"], "Two")
    assert await texts(server, post) == [("<p>One</p>", "approved"), ("<p>Two</p>", "held")]


async def test_reply_to_a_reply_is_refused_where_comments_are_closed(server, people, post):
    note = await reply(server, people, "ann", post["activitypub_id"], "One")
    await change(server, post, comments="closed")
    await reply(server, people, "ben", note["id"], "Two")
    assert await texts(server, post) == [("<p>One</p>", "approved")]


async def test_reply_to_a_reply_under_a_deleted_post_is_not_kept(server, people, post):
    note = await reply(server, people, "ann", post["activitypub_id"], "One")
    assert (await server.api("DELETE", f"/posts/{post['id']}")).status_code == 204
    await reply(server, people, "ben", note["id"], "Two")
    assert len(await rows(server, comments)) == 1


async def test_orphans_are_held_where_their_post_holds_comments(server, people, post):
    await change(server, post, comments="held")
    first = people.note("ann", post["activitypub_id"], "<p>One</p>")
    second = people.note("ann", first["id"], "<p>Two</p>")
    third = people.note("ben", second["id"], "<p>Three</p>")
    for name, note in (("ben", third), ("ann", second), ("ann", first)):
        assert await send(server, people, name, people.activity("Create", name, note)) == 202
    assert {status for _, status in await texts(server, post)} == {"held"}
    assert len(await texts(server, post)) == 3


async def test_actor_whose_address_is_broken_is_refused_while_domains_are_blocked(
    server, people, post
):
    await server.api("POST", "/blocks", json={"domain": "bad.example"})
    for actor in ("https://[bad", "https://[::1", "https://a]b/c", "http://x:99999999/a"):
        activity = people.activity("Like", "ann", post["activitypub_id"], actor=actor)
        answer = await people.post(server.inbox, activity, by="ann")
        assert answer.status_code < 500, (actor, answer.text)
        activity = people.activity("Like", "ann", post["activitypub_id"])
        answer = await people.post(server.inbox, activity, by="ann", key_id=actor)
        assert answer.status_code == 401, (actor, answer.text)


async def test_object_of_a_broken_address_is_no_error(server, people, post):
    await server.api("POST", "/blocks", json={"domain": "bad.example"})
    for uri in ("https://[bad", "http://[::1", f"{people.base_url}\\x", "https://x:bad/y"):
        for kind in ("Create", "Update", "Announce", "Like", "Undo", "Follow", "Delete", "Flag"):
            activity = people.activity(kind, "ann", uri)
            answer = await people.post(server.inbox, activity, by="ann")
            assert answer.status_code == 202, (kind, uri, answer.text)
            activity = people.activity(kind, "ann", uri, actor="https://other.example/u")
            answer = await people.post(server.inbox, activity, by="ann")
            assert answer.status_code == 202, (kind, uri, answer.text)


async def test_circle_of_replies_is_taken_and_ends(server, people, post):
    one = people.note("ann", None, "<p>One</p>")
    two = people.note("ben", one["id"], "<p>Two</p>")
    one["inReplyTo"] = two["id"]
    itself = people.note("ann", None, "<p>Self</p>")
    itself["inReplyTo"] = itself["id"]
    sent = [("ann", one), ("ben", two), ("ann", itself)]
    answers = await asyncio.gather(
        *(send(server, people, name, people.activity("Create", name, n)) for name, n in sent)
    )
    assert answers == [202, 202, 202]
    await server.site.store.write(
        threads.forget_orphans, datetime.now(UTC) + timedelta(days=1), 1000
    )
    assert await rows(server, comments) == []


async def test_thread_that_comes_backwards_in_one_batch_is_stored(server, people, post):
    parent = post["activitypub_id"]
    notes = []
    for number in range(6):
        notes.append(people.note("ann", parent, f"<p>{number}</p>"))
        parent = notes[-1]["id"]
    notes.reverse()
    for part in (notes[:-1], notes[-1:]):
        activities = [people.activity("Create", "ann", note) for note in part]
        outcomes = await together(server, people, "ann", activities)
        assert {outcome.result for outcome in outcomes} == {"stored"}
    assert sorted(c["depth"] for c in await server.comments(post)) == list(range(6))


async def test_like_undone_and_done_again_in_one_batch_is_the_new_one(server, people, post):
    like = people.activity("Like", "ann", post["activitypub_id"])
    undo = people.activity("Undo", "ann", like)
    again = people.activity("Like", "ann", post["activitypub_id"])
    for part in ([like], [undo, again]):
        await together(server, people, "ann", part)
    assert [row.activity_uri for row in await rows(server, reactions)] == [again["id"]]


async def test_long_ids_fail_alone_and_are_no_error_of_ours(server, people, post):
    long = secrets.token_urlsafe(3000)[:1950]
    wide = "".join(chr(0x4E00 + secrets.randbelow(20000)) for _ in range(1950))
    for tail in (long, wide):
        note = people.note("ann", post["activitypub_id"], "<p>x</p>")
        activity = people.activity("Create", "ann", note, id=f"{people.base_url}/{tail}")
        answer = await people.post(server.inbox, activity, by="ann")
        assert answer.status_code in (202, 400), answer.text
        note = people.note("ann", f"{people.base_url}/{tail}", "<p>x</p>")
        note["id"] = f"{people.base_url}/n{tail}"
        activity = people.activity("Create", "ann", note)
        answer = await people.post(server.inbox, activity, by="ann")
        assert answer.status_code in (202, 400), answer.text
        for kind in ("Delete", "Undo", "Like", "Announce", "Follow", "Update"):
            activity = people.activity(kind, "ann", f"{people.base_url}/{tail}")
            answer = await people.post(server.inbox, activity, by="ann")
            assert answer.status_code in (202, 400), (kind, answer.text)


async def test_actor_without_inbox_cannot_follow(server, people, post):
    people.add("nobox", inbox="https://elsewhere.example/inbox", endpoints={})
    follow = people.activity("Follow", "nobox", f"{server.base_url}/ap/blog")
    assert await send(server, people, "nobox", follow) == 202
    assert await rows(server, followers) == []
    assert [row.url for row in await rows(server, inboxes) if not row.url] == []


async def test_follow_id_used_again_after_undo_follows_again(server, people, post):
    follow = people.activity("Follow", "ann", f"{server.base_url}/ap/blog")
    assert await send(server, people, "ann", follow) == 202
    assert await send(server, people, "ann", people.activity("Undo", "ann", follow)) == 202
    assert await rows(server, followers) == []
    await asyncio.sleep(1.1)
    assert await send(server, people, "ann", follow) == 202
    assert len(await rows(server, followers)) == 1


async def test_report_of_a_remote_comment_is_kept(server, people, post):
    note = await reply(server, people, "ann", post["activitypub_id"], "Rude")
    flag = people.activity("Flag", "ben", [people.uri("ann"), note["id"]], content="It is rude")
    assert await send(server, people, "ben", flag) == 202
    reports = (await server.api("GET", "/reports")).json()["items"]
    assert [report["objects"] for report in reports] == [[people.uri("ann"), note["id"]]]


async def test_made_up_keys_do_not_have_us_ask_a_host_for_each(server, people, post):
    activity = people.activity("Like", "ann", post["activitypub_id"])
    statuses = []
    for number in range(100):
        key_id = f"{people.base_url}/nobody/{number}#main-key"
        answer = await people.post(server.inbox, activity, by="ann", key_id=key_id)
        statuses.append(answer.status_code)
    assert set(statuses[:60]) == {401}
    assert 429 in statuses
    asked = [path for _, path, _ in people.requests if path.startswith("/nobody/")]
    assert len(asked) == statuses.count(401)


async def test_host_that_does_not_answer_is_soon_left_alone(server, people, post):
    connections = 0

    async def hang_up(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await asyncio.sleep(1.1)  # what fails at once takes up nothing, and is asked again
        writer.close()

    silent = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    address = f"http://127.0.0.1:{silent.sockets[0].getsockname()[1]}"
    activity = people.activity("Like", "ann", post["activitypub_id"])
    statuses = []
    for number in range(30):
        key_id = f"{address}/users/{number}#main-key"
        answer = await people.post(server.inbox, activity, by="ann", key_id=key_id)
        statuses.append(answer.status_code)
        assert int(answer.headers["retry-after"]) >= 1
    silent.close()
    # Nothing is said of signatures by its keys, whether it was asked in vain or is not any more.
    assert statuses == [503] * 30
    assert 1 <= connections <= 4  # a hung-up connection is tried twice by either scheme
    # and others are none the worse for it
    assert await send(server, people, "ann", activity) == 202


async def test_one_host_cannot_have_us_fetch_without_end(server, people, post):
    statuses: list[int] = []
    began = time.monotonic()
    while 429 not in statuses:
        activity = people.activity(
            "Create",
            "ann",
            f"https://other.example/{len(statuses)}",
            actor="https://other.example/u",
        )
        statuses.append(await send(server, people, "ann", activity))
        came_back = time.monotonic() - began  # one a second
        assert len(statuses) <= 122 + came_back
    assert statuses[:100] == [202] * 100


async def test_follow_of_an_author_who_does_not_exist_is_ignored(server, people, post):
    nobody = f"{server.base_url}/ap/authors/01ARZ3NDEKTSV4RRFFQ69G5FAV"
    assert await send(server, people, "ann", people.activity("Follow", "ann", nobody)) == 202
    assert await rows(server, followers) == []
    follow = people.activity("Follow", "ben", f"{server.base_url}/ap/blog")
    assert await send(server, people, "ben", follow) == 202
    await server.eventually(lambda: accepted(people))


@pytest.mark.parametrize("kind", ["Like", "Announce", "EmojiReact", "Dislike"])
async def test_s21_nothing_stands_on_what_is_not_public(server, people, post, kind):
    draft = (await server.api("POST", "/posts", json={"title": "Draft", "content": "x"})).json()
    gone = await server.publish()
    await server.api("DELETE", f"/posts/{gone['id']}")
    later = {"title": "Later", "content": "x", "status": "scheduled"}
    later |= {"publish_at": (datetime.now(UTC) + timedelta(days=1)).isoformat()}
    scheduled = (await server.api("POST", "/posts", json=later)).json()
    for item in (draft, gone, scheduled):
        uri = f"{server.base_url}/ap/posts/{item['id']}"
        activity = people.activity(kind, "ann", uri, content="🎉")
        assert await send(server, people, "ann", activity) == 202
    assert await rows(server, reactions) == []


async def test_nothing_stands_on_a_comment_that_was_deleted(server, people, post):
    note = await reply(server, people, "ann", post["activitypub_id"], "Mine")
    delete = people.activity("Delete", "ann", note["id"])
    assert await send(server, people, "ann", delete) == 202
    assert await send(server, people, "ben", people.activity("Like", "ben", note["id"])) == 202
    assert await rows(server, reactions) == []


async def test_who_deleted_their_account_neither_likes_nor_follows_nor_answers(
    server, people, post
):
    """What was sent before the Delete may come after it."""
    await send(server, people, "ann", people.activity("Like", "ann", post["activitypub_id"]))
    gone = people.activity("Delete", "ann", people.uri("ann"))
    assert await send(server, people, "ann", gone) == 202
    await server.eventually(lambda: no_reactions(server))
    note = people.note("ann", post["activitypub_id"], "<p>x</p>")
    late = [
        people.activity("Like", "ann", post["activitypub_id"]),
        people.activity("Announce", "ann", post["activitypub_id"]),
        people.activity("Follow", "ann", f"{server.base_url}/ap/blog"),
        people.activity("Create", "ann", note),
    ]
    for activity in late:
        await send(server, people, "ann", activity)
    assert await rows(server, reactions) == []
    assert await rows(server, followers) == []
    assert await texts(server, post) == []


async def no_reactions(server: Server) -> bool:
    return await rows(server, reactions) == []


async def accepted(people: People) -> bool:
    return any(entry["json"]["type"] == "Accept" for entry in people.inbox)
