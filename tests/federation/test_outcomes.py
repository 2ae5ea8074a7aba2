"""What is said of single activities, in the log and in the memory of what was received."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, insert, select
from support.servers import Server

from fedblog.activitystreams.reading import read_activity
from fedblog.domain.actor import RemoteActor
from fedblog.domain.ids import new_id
from fedblog.federation.batch import process
from fedblog.federation.bounds import DEFAULTS
from fedblog.federation.facts import Incoming
from fedblog.storage import actors
from fedblog.storage import tables as t

PUBLIC = "https://www.w3.org/ns/activitystreams#Public"
ANN = "https://far.example/users/ann"
NOTE = "https://far.example/notes/1"
NOW = datetime.now(UTC).replace(microsecond=0)


def person(uri: str = ANN) -> RemoteActor:
    return RemoteActor(
        uri=uri, type="Person", handle="ann", host="far.example", name="Ann", url=uri,
        avatar_url="", summary="", inbox=f"{uri}/inbox", shared_inbox=None, followers_uri=None,
        moved_to=None, also_known_as=(), fetched_at=NOW,
    )  # fmt: skip


def act(type_: str, object_: Any, **given: Any) -> dict[str, Any]:
    id_ = f"https://far.example/activities/{new_id()}"
    document = {"id": id_, "type": type_, "actor": ANN, "object": object_, **given}
    return {name: value for name, value in document.items() if value is not None}


def note(post: dict[str, Any], **given: Any) -> dict[str, Any]:
    return {
        "id": NOTE,
        "type": "Note",
        "attributedTo": ANN,
        "inReplyTo": post["activitypub_id"],
        "content": "<p>Hm</p>",
        "to": [PUBLIC],
        "published": (NOW - timedelta(hours=1)).isoformat(),
        **given,
    }


async def outcomes(server: Server, *documents: dict[str, Any], **bounds: int) -> list[str]:
    """What becomes of *documents*, which come in one batch."""
    site = server.site

    def unit(connection: Connection) -> list[str]:
        batch = []
        for document in documents:
            actor = person(document["actor"])
            actors.save(connection, actor, [])
            batch.append(Incoming(read_activity(document), actor, new_id(), datetime.now(UTC), 0))
        found = process(
            connection, site.addresses, site.blog_id, batch, bounds=replace(DEFAULTS, **bounds)
        )
        return [f"{outcome.result}: {outcome.reason}".removesuffix(": ") for outcome in found]

    return await site.store.write(unit)


async def test_s32_what_was_let_in_before_the_block_of_its_sender_does_nothing(
    server: Server,
) -> None:
    uri = (await server.publish())["activitypub_id"]

    def block(connection: Connection) -> None:
        row = {"id": new_id(), "blog_id": 1, "created_at": NOW, "actor_uri": ANN}
        connection.execute(insert(t.blocks).values(**row))

    await server.site.store.write(block)
    assert await outcomes(server, act("Like", uri)) == ["ignored: blocked"]


async def test_like_stands_once_until_it_is_undone(server: Server) -> None:
    uri = (await server.publish())["activitypub_id"]
    like = act("Like", uri)
    early = act("Like", uri)
    assert await outcomes(server, act("Undo", early), like, act("Like", uri)) == [
        "ignored: nothing of it is known",
        "stored",
        "ignored: stands already",
    ]
    assert await outcomes(server, early) == ["ignored: undone before"]
    assert await outcomes(server, act("Undo", like["id"]), act("Undo", like["id"])) == [
        "stored",
        "ignored: nothing of it is known",
    ]


async def test_like_of_what_is_gone_or_not_here_is_ignored(server: Server) -> None:
    post = await server.publish()
    assert (await server.api("DELETE", f"/posts/{post['id']}")).status_code in (200, 204)
    elsewhere = "https://other.example/1"
    assert await outcomes(
        server, act("Like", post["activitypub_id"]), act("Like", elsewhere), act("Like", None)
    ) == [
        "ignored: names nothing that is public here",
        "ignored: names nothing known here",
        "ignored: names no object",
    ]


async def test_move_that_names_no_two_accounts_moves_nobody(server: Server) -> None:
    old, new = ANN, "https://far.example/users/anna"
    for of, to in ((None, ANN), (ANN, None), (old, "mailto:ann@far.example"), (ANN, ANN)):
        assert await outcomes(server, act("Move", of, target=to)) == ["ignored: moves nobody"]
    assert await outcomes(server, act("Move", old, target=new)) == [
        "ignored: moves nobody who follows here"
    ]


async def test_requests_that_come_together_are_bounded_like_those_that_come_alone(
    server: Server,
) -> None:
    uri = (await server.publish())["activitypub_id"]
    ben = "https://far.example/users/ben"
    asked = [act("QuoteRequest", uri, instrument=f"{NOTE}/{number}") for number in range(3)]
    asked.append(act("QuoteRequest", uri, instrument=f"{NOTE}/ben", actor=ben))
    assert await outcomes(server, *asked, authorizations_per_actor=2) == [
        "stored: granted",
        "stored: granted",
        "ignored: has asked for as much as one person may",
        "stored: granted",
    ]


async def test_reply_that_is_asked_for_waits_or_is_refused_as_the_post_says(server: Server) -> None:
    for policy, outcome in (
        ("open", "stored: granted"),
        ("held", "stored: a moderator is asked"),
        ("closed", "stored: refused"),
    ):
        post = await server.publish(comments=policy)
        asked = note(post, id=f"{NOTE}/{policy}")
        request = act("ReplyRequest", post["activitypub_id"], instrument=asked)
        assert await outcomes(server, request) == [outcome]
    types = select(t.activities.c.type).where(t.activities.c.type.in_(["Accept", "Reject"]))
    said = await server.site.store.read(lambda connection: connection.scalars(types).all())
    assert sorted(said) == ["Accept", "Reject"]


async def test_poll_is_edited_or_only_counted(server: Server) -> None:
    post = await server.publish()
    options = [{"type": "Note", "name": name} for name in ("Yes", "No")]

    def update(minutes: int, **given: Any) -> dict[str, Any]:
        updated = (NOW - timedelta(minutes=60 - minutes)).isoformat()
        return act("Update", note(post, updated=updated, **given))

    voted = [options[0] | {"replies": {"type": "Collection", "totalItems": 3}}, options[1]]
    assert await outcomes(
        server,
        act("Create", note(post)),
        update(1, type="Question", oneOf=options),
        update(2, type="Question", oneOf=voted),
        update(3, type="Question", oneOf=voted),
        update(3, type="Question", oneOf=voted),
        update(4, type="Question", oneOf=voted, content="<p>Well</p>"),
    ) == [
        "stored",
        "stored: edited",
        "stored: votes counted",
        "stored: edited",
        "ignored: not newer than what is known",
        "stored: edited",
    ]
