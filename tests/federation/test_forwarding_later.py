"""Replies that come to stand later are forwarded then: once approved, once adopted."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event, select
from support.people import People
from support.schemes import add_with_multikey, proven
from support.servers import Server, listening_socket, running_server, serving

from fedblog.activitystreams.reading import read_activity
from fedblog.federation import batch
from fedblog.federation.facts import Incoming
from fedblog.federation.words import Limits
from fedblog.storage.tables import unforwarded


def compact(document: Any) -> str:
    """*document* as it is sent on: without blanks."""
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False)


@pytest.fixture
async def readers() -> AsyncIterator[People]:
    """A third server, of followers."""
    listener = listening_socket()
    crowd = People(f"http://127.0.0.1:{listener.getsockname()[1]}")
    async with crowd, serving(crowd, listener):
        yield crowd


@pytest.fixture
async def held(server: Server, people: People, readers: People) -> dict[str, Any]:
    """A post whose comments are held, followed from the third server."""
    return await _followed_post(server, people, readers, comments="held")


@pytest.fixture
async def post(server: Server, people: People, readers: People) -> dict[str, Any]:
    return await _followed_post(server, people, readers)


async def _followed_post(server: Server, people: People, readers: People, **how: Any) -> Any:
    for name in ("ann", "ben"):
        add_with_multikey(people, name)
    readers.add("bea")
    made = await server.publish(**how)
    blog = f"{server.base_url}/ap/blog"
    await bring(server, readers, readers.activity("Follow", "bea", blog), by="bea")
    await settled(server)
    readers.inbox.clear()
    return made


async def bring(server: Server, people: People, activity: Any, by: str = "ann") -> None:
    answer = await people.post(server.inbox, activity, by=by)
    assert answer.status_code == 202, answer.text


def reply(people: People, to: str, name: str = "ann", text: str = "Well said.") -> dict[str, Any]:
    return people.activity("Create", name, people.note(name, to, f"<p>{text}</p>"))


def edit(people: People, activity: dict[str, Any], **changes: Any) -> dict[str, Any]:
    later = (datetime.now(UTC) + timedelta(seconds=2)).strftime("%Y-%m-%dT%H:%M:%SZ")
    edited = activity["object"] | {"content": "<p>Better.</p>", "updated": later} | changes
    return people.activity("Update", "ann", edited)


async def settled(server: Server) -> None:
    """Until no delivery or job is under way."""

    async def is_quiet() -> bool:
        return not await server.site.store.read(_waiting)

    await server.eventually(is_quiet)


def _waiting(connection: Any) -> int:
    return connection.exec_driver_sql(
        "SELECT (SELECT COUNT(*) FROM jobs)"
        " + (SELECT COUNT(*) FROM deliveries WHERE state = 'waiting')"
    ).scalar_one()


async def kept(server: Server) -> list[Any]:
    return list(await server.site.store.read(lambda c: c.execute(select(unforwarded)).all()))


async def decide(server: Server, post: dict[str, Any], what: str) -> None:
    (comment,) = await server.comments(post)
    answer = await server.api("POST", f"/comments/{comment['id']}/{what}")
    assert answer.status_code in (200, 204), answer.text
    await settled(server)


def sent_on(readers: People) -> list[bytes]:
    """What reached the followers of Ann's activities, the blog's own left out."""
    kinds = ("Create", "Update", "Delete")
    return [
        entry["body"]
        for entry in readers.inbox
        if entry["json"]["type"] in kinds and "/users/" in entry["json"]["actor"]
    ]


# --- held replies ---------------------------------------------------------------------------


async def test_held_reply_is_sent_on_as_it_came_once_it_is_approved(
    server: Server, people: People, readers: People, held
):
    body = compact(proven(people, reply(people, held["activitypub_id"]), by="ann"))
    await bring(server, people, body.encode())
    await settled(server)
    assert sent_on(readers) == []
    await decide(server, held, "approve")
    assert sent_on(readers) == [body.encode()]
    assert await kept(server) == []
    for what in ("hold", "approve", "approve"):
        await decide(server, held, what)
    assert len(sent_on(readers)) == 1


async def test_held_reply_without_proof_is_not_sent_on(
    server: Server, people: People, readers: People, held
):
    await bring(server, people, reply(people, held["activitypub_id"]))
    await decide(server, held, "approve")
    assert sent_on(readers) == []


async def test_reply_that_was_spam_before_it_was_approved_is_not_sent_on(
    server: Server, people: People, readers: People, held
):
    await bring(server, people, proven(people, reply(people, held["activitypub_id"]), by="ann"))
    await decide(server, held, "spam")
    assert await kept(server) == []
    await decide(server, held, "approve")
    assert sent_on(readers) == []


async def test_edit_with_proof_takes_the_place_of_what_was_held(
    server: Server, people: People, readers: People, held
):
    activity = reply(people, held["activitypub_id"])
    await bring(server, people, proven(people, activity, by="ann"))
    update = compact(proven(people, edit(people, activity), by="ann")).encode()
    await bring(server, people, update)
    await decide(server, held, "approve")
    assert sent_on(readers) == [update]


@pytest.mark.parametrize("change", ["edit", "private", "delete", "actor", "blocked", "request"])
async def test_what_was_changed_without_proof_or_is_gone_is_not_sent_on(
    server: Server, people: People, readers: People, held, change: str
):
    activity = reply(people, held["activitypub_id"])
    await bring(server, people, proven(people, activity, by="ann"))
    assert len(await kept(server)) == 1
    if change == "edit":
        await bring(server, people, edit(people, activity))
    elif change == "private":
        hidden = edit(people, activity, to=[people.uri("ben")], cc=[])
        await bring(server, people, proven(people, hidden, by="ann"))
    elif change == "delete":
        await bring(server, people, people.activity("Delete", "ann", activity["object"]["id"]))
    elif change == "actor":
        await bring(server, people, people.activity("Delete", "ann", people.uri("ann")))
    elif change == "blocked":
        answer = await server.api("POST", "/blocks", json={"actor": people.uri("ann")})
        assert answer.status_code == 201
    else:
        edited = edit(people, activity)["object"]
        target = held["activitypub_id"]
        request = people.activity("ReplyRequest", "ann", target, instrument=edited)
        await bring(server, people, request)
    assert await kept(server) == []
    for comment in await server.comments(held):
        await server.api("POST", f"/comments/{comment['id']}/approve")
    await settled(server)
    assert sent_on(readers) == []


async def test_moderators_deletion_drops_what_was_kept(server: Server, people: People, held):
    await bring(server, people, proven(people, reply(people, held["activitypub_id"]), by="ann"))
    (comment,) = await server.comments(held)
    assert (await server.api("DELETE", f"/comments/{comment['id']}")).status_code == 204
    assert await kept(server) == []


async def test_reply_to_a_post_that_was_deleted_meanwhile_is_not_sent_on(
    server: Server, people: People, readers: People, held
):
    await bring(server, people, proven(people, reply(people, held["activitypub_id"]), by="ann"))
    (comment,) = await server.comments(held)
    assert (await server.api("DELETE", f"/posts/{held['id']}")).status_code == 204
    await server.api("POST", f"/comments/{comment['id']}/approve")
    await settled(server)
    assert sent_on(readers) == []


async def test_long_activity_is_not_kept(server: Server, people: People, held):
    long = reply(people, held["activitypub_id"], text="x" * server.site.settings.forward_max_bytes)
    await bring(server, people, proven(people, long, by="ann"))
    assert len(await server.comments(held)) == 1
    assert await kept(server) == []


async def test_nothing_is_kept_or_taken_from_another_where_the_setting_says_so(
    settings, database_url: str, people: People, readers: People
):
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    changed = settings.model_copy(update={"database_url": database_url, "forward_replies": False})
    async with running_server(changed) as server:
        held = await _followed_post(server, people, readers, comments="held")
        await bring(server, people, proven(people, reply(people, held["activitypub_id"]), by="ann"))
        assert await kept(server) == []
        open_ = await server.publish()
        brought = proven(people, reply(people, open_["activitypub_id"]), by="ann")
        await bring(server, people, brought, by="ben")
        assert len(await server.comments(open_)) == 1
        await settled(server)
        assert sent_on(readers) == []


# --- orphans --------------------------------------------------------------------------------


async def test_orphan_is_sent_on_once_it_is_adopted(
    server: Server, people: People, readers: People, post
):
    parent = reply(people, post["activitypub_id"], "ben", "First.")
    child = proven(people, reply(people, parent["object"]["id"]), by="ann")
    grandchild = proven(people, reply(people, child["object"]["id"]), by="ann")
    await bring(server, people, grandchild)
    await bring(server, people, child)
    assert len(await kept(server)) == 2
    await bring(server, people, parent, by="ben")
    await settled(server)
    sent = sorted(json.loads(body)["id"] for body in sent_on(readers))
    assert sent == sorted([child["id"], grandchild["id"]])
    assert await kept(server) == []
    await bring(server, people, parent | {"id": people.new_uri("activities")}, by="ben")
    await settled(server)
    assert len(sent_on(readers)) == 2


async def test_orphan_whose_parent_is_fetched_is_sent_on(
    server: Server, people: People, readers: People, post
):
    parent = people.note("ben", post["activitypub_id"], "<p>First.</p>")
    people.publish(parent["id"][len(people.base_url) :], parent)
    await bring(server, people, proven(people, reply(people, parent["id"]), by="ann"))

    async def both() -> bool:
        return len(await server.comments(post)) == 2

    await server.eventually(both)
    await settled(server)
    assert len(sent_on(readers)) == 1


async def test_orphan_adopted_where_comments_are_held_waits_for_the_moderator(
    server: Server, people: People, readers: People, held
):
    parent = reply(people, held["activitypub_id"], "ben", "First.")
    await bring(server, people, proven(people, reply(people, parent["object"]["id"]), by="ann"))
    await bring(server, people, parent, by="ben")
    await settled(server)
    assert sent_on(readers) == []
    for comment in await server.comments(held):
        await server.api("POST", f"/comments/{comment['id']}/approve")
    await settled(server)
    assert len(sent_on(readers)) == 1


async def test_orphan_that_was_edited_without_proof_is_not_sent_on(
    server: Server, people: People, readers: People, post
):
    parent = reply(people, post["activitypub_id"], "ben", "First.")
    child = reply(people, parent["object"]["id"])
    await bring(server, people, proven(people, child, by="ann"))
    await bring(server, people, edit(people, child))
    await bring(server, people, parent, by="ben")
    await settled(server)
    assert len(await server.comments(post)) == 2
    assert sent_on(readers) == []


def statements(connection: Any, *arguments: Any) -> list[str]:
    seen: list[str] = []

    def note(_c: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        seen.append(statement)

    event.listen(connection, "before_cursor_execute", note)
    batch.process(connection, *arguments)
    event.remove(connection, "before_cursor_execute", note)
    return seen


async def test_within_one_batch_an_orphan_and_its_parent_leave_nothing_behind(
    server: Server, people: People, readers: People, post
):
    parent = reply(people, post["activitypub_id"], "ben", "First.")
    child = reply(people, parent["object"]["id"])
    edited = reply(people, parent["object"]["id"], text="Hm.")
    for name in ("ann", "ben"):
        await bring(server, people, people.activity("Like", name, post["activitypub_id"]), by=name)
    actors = {name: await server.site.actors.actor(people.uri(name)) for name in ("ann", "ben")}
    now = datetime.now(UTC)

    def incoming(document: dict[str, Any], name: str, body: bytes | None = None) -> Incoming:
        activity = read_activity(document)
        sender = people.uri(name)
        item = Incoming(activity, actors[name], activity.id or "", now, 0, body, sender)
        return batch.worded(item, Limits())

    items = [
        incoming(child, "ann", compact(child).encode()),
        incoming(edited, "ann", compact(edited).encode()),
        incoming(edit(people, edited), "ann"),
        incoming(parent, "ben"),
    ]
    site = server.site
    await site.store.write(batch.process, site.addresses, site.blog_id, items)
    await settled(server)
    assert sent_on(readers) == [compact(child).encode()]
    assert await kept(server) == []


async def test_ordinary_reply_costs_no_statement_about_what_is_kept(
    server: Server, people: People, post, held
):
    site = server.site
    await bring(server, people, people.activity("Like", "ann", post["activitypub_id"]))
    actor = await site.actors.actor(people.uri("ann"))
    now = datetime.now(UTC)
    first = reply(people, post["activitypub_id"])
    second = reply(people, held["activitypub_id"])
    proven_one = reply(people, post["activitypub_id"], text="Proven.")
    for document in (first, second, edit(people, first), proven_one):
        activity = read_activity(document)
        body = b"{}" if document is proven_one else None
        item = Incoming(activity, actor, activity.id or "", now, 0, body, actor.uri)
        item = batch.worded(item, Limits())
        arguments = (site.addresses, site.blog_id, [item])
        seen = await site.store.write(statements, *arguments)
        assert [one for one in seen if "unforwarded" in one] == []
