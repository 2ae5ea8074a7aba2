"""What is said of single activities, in the log and in the memory of what was received."""

from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, insert, select
from support.batches import ANN, FAR, NOTE, NOW, act, note, outcomes
from support.people import AS_TYPE
from support.servers import Server

from fedblog.domain.ids import new_id
from fedblog.storage import tables as t


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


async def test_like_of_a_pages_address_is_undone_by_what_it_says(server: Server) -> None:
    """Some peers make the id anew, some leave it out."""
    post = await server.publish()
    for uri in (post["url"], post["activitypub_id"]):
        like = act("Like", uri)
        for undone in (like | {"id": f"{ANN}#another"}, like | {"id": None}):
            inner = {name: value for name, value in undone.items() if value is not None}
            assert await outcomes(server, like, act("Undo", inner)) == ["stored", "stored"], undone
    assert (await server.counts(post))["likes"] == 0


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
    old, new = ANN, f"{FAR}/users/anna"
    for of, to in ((None, ANN), (ANN, None), (old, "mailto:ann@far.example"), (ANN, ANN)):
        assert await outcomes(server, act("Move", of, target=to)) == ["ignored: moves nobody"]
    assert await outcomes(server, act("Move", old, target=new)) == [
        "ignored: moves nobody who follows here"
    ]


async def test_requests_that_come_together_are_bounded_like_those_that_come_alone(
    server: Server,
) -> None:
    uri = (await server.publish())["activitypub_id"]
    ben = f"{FAR}/users/ben"
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


async def test_s38_reply_by_its_address_alone_is_lent_to_its_writer_alone(server: Server) -> None:
    post = await server.publish()
    assert await outcomes(server, act("Create", note(post))) == ["stored"]
    request = act("ReplyRequest", post["activitypub_id"], instrument=NOTE)
    assert await outcomes(server, request | {"actor": f"{FAR}/users/ben"}, request) == [
        "ignored: asks for what another person asked for",
        "stored: granted",
    ]


async def test_replies_that_wait_are_found_whatever_came_with_what_they_answer(
    server: Server,
) -> None:
    post = await server.publish()
    lost, waits = (note(post, id=f"{NOTE}/{name}") for name in ("lost", "waits"))
    lost["inReplyTo"], waits["inReplyTo"] = f"{NOTE}/nowhere", f"{NOTE}/parent"
    assert await outcomes(server, act("Create", waits)) == ["stored: waits for its parent"]
    come = [act("Create", lost), act("Create", note(post, id=f"{NOTE}/parent"))]
    assert await outcomes(server, *come) == ["stored: waits for its parent", "stored"]
    shown = [item["activitypub_id"] for item in await server.comments(post)]
    assert sorted(shown) == [f"{NOTE}/parent", f"{NOTE}/waits"]


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


async def test_what_was_kept_of_pages_and_lists_follows_likes_of_comments_and_ends_of_accounts(
    server: Server,
) -> None:
    post = await server.publish()
    path = post["url"].removeprefix(server.base_url)

    async def shown() -> tuple[str, int]:
        page = await server.anonymous(path, accept="text/html")
        followers = await server.anonymous("/ap/blog/followers", accept=AS_TYPE)
        return page.text, followers.json()["totalItems"]

    follow = act("Follow", f"{server.base_url}/ap/blog")
    assert await outcomes(server, act("Create", note(post)), follow) == ["stored", "stored"]
    before, followers = await shown()
    assert ("Hm" in before, followers) == (True, 1)
    assert await outcomes(server, act("Like", NOTE)) == ["stored"]
    liked, _ = await shown()
    assert liked != before
    assert await outcomes(server, act("Undo", act("Like", NOTE))) == ["stored"]
    assert (await shown())[0] == before
    assert await outcomes(server, act("Delete", ANN)) == ["stored: actor is gone"]
    after, followers = await shown()
    assert ("Hm" in after, followers) == (False, 0)


async def test_reply_that_is_not_sent_on_takes_no_place_of_a_deletion(server: Server) -> None:
    post = await server.publish()
    first, second, third = (note(post, id=f"{NOTE}/{number}") for number in range(3))
    assert await outcomes(server, act("Create", first)) == ["stored"]
    come = [act("Create", second), act("Create", third), act("Delete", first["id"])]
    assert await outcomes(server, *come, forwarded=b"{}", forwards_per_post=1) == ["stored"] * 3
    sent_on = select(t.activities.c.type).where(
        t.activities.c.object_uri.in_([first["id"], second["id"], third["id"]])
    )
    types = await server.site.store.read(lambda connection: connection.scalars(sent_on).all())
    assert sorted(types) == ["Create", "Delete"]
