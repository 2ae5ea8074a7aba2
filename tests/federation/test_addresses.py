"""The same thing under another address: every address that was given out means its object."""

import random
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from sqlalchemy import Connection, select
from support.batches import ANN, FAR, NOTE, act, note, outcomes
from support.people import People
from support.servers import Server

from fedblog.domain.ids import new_id
from fedblog.storage import tables as t

Spelling = Callable[[str], str]


def in_capitals(uri: str) -> str:
    parts = urlsplit(uri)
    return uri.replace(f"{parts.scheme}://{parts.netloc}", f"HTTP://{parts.netloc.upper()}", 1)


def escaped(uri: str) -> str:
    """Each letter of the path as an escape, in small letters."""
    parts = urlsplit(uri)
    path = "".join(f"%{ord(sign):02x}" if sign.isalnum() else sign for sign in parts.path)
    return f"{parts.scheme}://{parts.netloc}{path}"


SPELLINGS: dict[str, Spelling] = {
    "as it is": lambda uri: uri,
    "slash": lambda uri: uri.rstrip("/") + "/",
    "no slash": lambda uri: uri.rstrip("/"),
    "query": lambda uri: f"{uri}?utm_source=x&page=2",
    "fragment": lambda uri: f"{uri}#respond",
    "query and fragment": lambda uri: f"{uri}?after=x#comments",
    "slash and query": lambda uri: f"{uri.rstrip('/')}/?x",
    "the other scheme": lambda uri: uri.replace("http:", "https:", 1),
    "capitals": in_capitals,
    "escapes": escaped,
    "dot at the host's end": lambda uri: uri.replace("127.0.0.1:", "127.0.0.1.:", 1),
    "two slashes": lambda uri: uri.replace("/ap/", "//ap/", 1).replace("/20", "//20", 1),
}
# The same host and port by another scheme is ours; without a port, another.
NOT_OURS: dict[str, Spelling] = {
    "another port": lambda uri: uri.replace("127.0.0.1:", "127.0.0.1:1", 1),
    "without the port": lambda uri: f"http://127.0.0.1{urlsplit(uri).path}",
    "another host": lambda uri: uri.replace("127.0.0.1", "127.0.0.2", 1),
    "before ours": lambda uri: uri.replace("http://", "http://x.", 1),
    "with a user": lambda uri: uri.replace("http://", "http://x@", 1),
    "another scheme": lambda uri: uri.replace("http:", "ftp:", 1),
    "no scheme": lambda uri: uri.removeprefix("http://"),
    "two at the path's end": lambda uri: f"{uri.rstrip('/')}x/",
    "a NUL": lambda uri: f"{uri}%00",
}


KINDS = (
    *("Like", "Announce", "Dislike", "EmojiReact", "Follow", "Create", "Update", "Delete"),
    *("Undo", "Undo", "Block", "QuoteRequest", "ReplyRequest", "LikeRequest", "Flag"),
)


async def reactions(server: Server) -> list[tuple[str, str | None, str | None]]:
    def load(connection: Connection) -> list[Any]:
        rows = t.reactions.c
        found = connection.execute(select(rows.object_uri, rows.post_id, rows.comment_id))
        return [tuple(row) for row in found]

    return await server.site.store.read(load)


async def reslugged(server: Server) -> tuple[dict[str, Any], str]:
    """A post whose slug was changed, and its former address."""
    post = await server.publish("First name")
    changed = await server.api("PATCH", f"/posts/{post['id']}", json={"slug": "second-name"})
    assert changed.status_code == 200, changed.text
    assert changed.json()["url"] != post["url"]
    return changed.json(), post["url"]


async def replied(server: Server, post: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """A remote comment below *post*, and an author's answer to it."""
    assert await outcomes(server, act("Create", note(post, id=f"{FAR}/{new_id()}"))) == ["stored"]
    remote = (await server.comments(post))[0]
    answer = await server.api("POST", f"/comments/{remote['id']}/reply", json={"content": "Yes"})
    assert answer.status_code == 201, answer.text
    return remote, answer.json()


@pytest.mark.both_engines
async def test_each_address_of_a_post_means_the_post(server: Server) -> None:
    post, former = await reslugged(server)
    uri = post["activitypub_id"]
    for known in (uri, post["url"], former):
        for name, spell in SPELLINGS.items():
            address = spell(known)
            for kind in ("Like", "Announce", "Dislike"):
                first = act(kind, address)
                assert await outcomes(server, first) == ["stored"], (name, known, kind)
                assert await outcomes(server, act(kind, uri)) == ["ignored: stands already"], name
                assert await outcomes(server, act(kind, address)) == ["ignored: stands already"]
                assert await reactions(server) == [(uri, post["id"], None)]
                inner = {"type": kind, "actor": ANN, "object": address}
                assert await outcomes(server, act("Undo", inner)) == ["stored"], (name, known)
                assert await reactions(server) == [], (name, known, kind)
            assert await outcomes(server, act("EmojiReact", address, content="🎉")) == ["stored"]
            assert await outcomes(server, act("Undo", act("EmojiReact", uri, content="🎉"))) == [
                "stored"
            ]
        for name, spell in NOT_OURS.items():
            assert await outcomes(server, act("Like", spell(known))) == [
                "ignored: names nothing known here"
            ], (name, known)


@pytest.mark.both_engines
async def test_each_address_of_a_comment_means_the_comment_and_not_its_post(
    server: Server,
) -> None:
    post, former = await reslugged(server)
    for comment in await replied(server, post):
        id_, uri = comment["id"], comment["activitypub_id"]
        assert await outcomes(server, act("Like", uri)) == ["stored"]
        known = [
            uri,
            f"{server.base_url}/ap/comments/{id_}",
            *(
                address
                for page in (post["url"], former)
                for address in (
                    f"{page}comments/{id_}/",
                    f"{page}#comment-{id_}",
                    f"{page.rstrip('/')}#comment-{id_}",
                    f"{page}?after={id_}#comment-{id_}",
                    f"{page}#{quote(f'comment-{id_}').replace('-', '%2D')}",
                )
            ),
            f"{post['activitypub_id']}#comment-{id_}",
        ]
        for address in known:
            spellings = {name: spell for name, spell in SPELLINGS.items() if "#" not in address}
            if uri == address != f"{server.base_url}/ap/comments/{id_}":
                spellings = {}  # how other servers spell theirs is for them to say
            for name, spell in (spellings or {"as it is": str}).items():
                assert await outcomes(server, act("Like", spell(address))) == [
                    "ignored: stands already"
                ], (name, address)
        assert await reactions(server) == [(uri, None, id_)]
        assert await outcomes(server, act("Undo", act("Like", known[-1]))) == ["stored"]
        assert await reactions(server) == []


@pytest.mark.both_engines
async def test_activity_that_brought_something_means_that(server: Server) -> None:
    """Some take the id of a Create for that of the post."""
    post, _ = await reslugged(server)
    _, local = await replied(server, post)

    def load(connection: Connection) -> list[Any]:
        return list(connection.execute(select(t.activities).where(t.activities.c.is_public)))

    brought = await server.site.store.read(load)
    assert {row.type for row in brought} == {"Create", "Update"}
    for number, row in enumerate(brought):
        address = f"{server.base_url}/ap/activities/{row.id}"
        for spell in (str, SPELLINGS["slash"], SPELLINGS["query"]):
            assert await outcomes(server, act("Like", spell(address))) == ["stored"], row.type
            assert [uri for uri, _, _ in await reactions(server)] == [row.object_uri]
            assert await outcomes(server, act("Undo", act("Like", row.object_uri))) == ["stored"]
        item = note(post, id=f"{FAR}/notes/reply-{number}", inReplyTo=address)
        assert await outcomes(server, act("Create", item)) == ["stored"]
    found = await server.api("GET", f"/posts/{post['id']}/comments?limit=100")
    answered = {one["activitypub_id"]: one["in_reply_to"] for one in found.json()["items"]}
    for number, row in enumerate(brought):
        assert answered[f"{FAR}/notes/reply-{number}"] == row.object_uri
    assert local["activitypub_id"] in answered.values()
    missing = f"{server.base_url}/ap/activities/{new_id()}"
    assert await outcomes(server, act("Like", missing)) == ["ignored: names nothing known here"]


@pytest.mark.both_engines
async def test_page_of_a_comment_names_it_below_its_own_post_only(server: Server) -> None:
    post, other = await server.publish(), await server.publish("Another")
    remote, _ = await replied(server, post)
    for page in (other["url"], other["activitypub_id"], f"{server.base_url}/2020/01/01/x/"):
        for address in (f"{page}#comment-{remote['id']}", f"{page}comments/{remote['id']}/"):
            assert await outcomes(server, act("Like", address)) == [
                "ignored: names nothing known here"
            ], address
    missing = f"{post['url']}#comment-{new_id()}"
    assert await outcomes(server, act("Like", missing)) == ["ignored: names nothing known here"]
    assert await reactions(server) == []


@pytest.mark.both_engines
async def test_reply_finds_what_it_answers_by_each_of_its_addresses(server: Server) -> None:
    post, former = await reslugged(server)
    remote, local = await replied(server, post)
    addresses = {
        **{
            spell(known): post["activitypub_id"]
            for known in (post["activitypub_id"], post["url"], former)
            for spell in SPELLINGS.values()
        },
        f"{post['url']}#comment-{local['id']}": local["activitypub_id"],
        f"{former}comments/{local['id']}": local["activitypub_id"],
        f"{post['url']}comments/{remote['id']}/?x": remote["activitypub_id"],
        f"{server.base_url}/ap/comments/{local['id']}/": local["activitypub_id"],
        f"{server.base_url}/ap/comments/{remote['id']}": remote["activitypub_id"],
    }
    for number, address in enumerate(addresses):
        item = note(post, id=f"{FAR}/notes/reply-{number}", inReplyTo=address)
        assert await outcomes(server, act("Create", item)) == ["stored"], address
    found = await server.api("GET", f"/posts/{post['id']}/comments?limit=100")
    answered = {one["activitypub_id"]: one["in_reply_to"] for one in found.json()["items"]}
    for number, (address, meant) in enumerate(addresses.items()):
        assert answered[f"{FAR}/notes/reply-{number}"] == meant, address


async def test_late_replies_find_their_way_through_another_address_of_a_comment(
    server: Server,
) -> None:
    """An orphan waits for a reply that names what it answers by its page."""
    post = await server.publish()
    _, local = await replied(server, post)
    late = note(post, id=f"{FAR}/late", inReplyTo=f"{FAR}/between")
    between = note(post, id=f"{FAR}/between", inReplyTo=f"{post['url']}comments/{local['id']}/")
    assert await outcomes(server, act("Create", late)) == ["stored: waits for its parent"]
    assert await outcomes(server, act("Create", between)) == ["stored"]
    depths = {one["activitypub_id"]: one["depth"] for one in await server.comments(post)}
    assert (depths[f"{FAR}/between"], depths[f"{FAR}/late"]) == (2, 3)


async def test_announced_reply_and_requests_know_other_addresses(server: Server) -> None:
    post = await server.publish()
    _, local = await replied(server, post)
    page = f"{post['url']}comments/{local['id']}/"
    inner = act("Create", note(post, id=f"{FAR}/2", inReplyTo=page))
    assert await outcomes(server, act("Announce", inner)) == [
        "deferred: announced reply is fetched by its id"
    ]
    for about, quoted in ((post["url"], post["activitypub_id"]), (page, local["activitypub_id"])):
        for first, second in ((about, quoted), (quoted, about)):
            asked = note(post, id=f"{FAR}/{new_id()}", quote=second)
            asked.pop("inReplyTo")
            request = act("QuoteRequest", first, instrument=asked)
            assert await outcomes(server, request) == ["stored: granted"], (first, second)
            again = act("QuoteRequest", second, instrument=asked)
            assert await outcomes(server, again) == ["stored: granted"], (first, second)


@pytest.mark.both_engines
async def test_follow_of_an_actors_page_or_name_follows_the_actor(server: Server) -> None:
    base, host = server.base_url, urlsplit(server.base_url).netloc
    author = (await server.publish())["authors"][0]
    addresses = {
        base: "blog",
        f"{base}/": "blog",
        f"{base}/?x#y": "blog",
        f"{base}/ap/blog/": "blog",
        f"{base}/ap/blog#main-key": "blog",
        f"{base}/authors/blog/": "blog",
        f"{base}/@blog": "blog",
        f"acct:blog@{host}": "blog",
        f"{base}/authors/owner": "author",
        f"{base}/authors/OWNER/?page=2": "author",
        f"acct:owner@{host}": "author",
        f"{base}/ap/authors/{author['id']}/?x": "author",
    }
    for address, who in addresses.items():
        owner = "blog" if who == "blog" else author["id"]
        assert await outcomes(server, act("Follow", address)) == ["stored"], address

        def load(connection: Connection) -> list[str]:
            return list(connection.execute(select(t.followers.c.owner)).scalars())

        assert await server.site.store.read(load) == [owner], address
        inner = {"type": "Follow", "actor": ANN, "object": address}
        assert await outcomes(server, act("Undo", inner)) == ["stored"], address
    for address in (f"{base}/authors/nobody/", f"{base}/feed/", f"{base}/ap/blog/followers"):
        assert await outcomes(server, act("Follow", address)) == ["ignored: follows nobody here"]
    assert await outcomes(server, act("Follow", f"{base}/ap/readers/?x")) == ["stored: rejected"]


async def test_s20_nothing_of_ours_can_be_claimed_by_another_spelling_of_it(
    server: Server,
) -> None:
    """Neither an object of another host nor one that waits to be fetched."""
    post = await server.publish()
    for spell in (SPELLINGS["the other scheme"], in_capitals):
        item = note(post, id=spell(f"{server.base_url}/ap/comments/{new_id()}"))
        assert await outcomes(server, act("Create", item)) == ["ignored: object is of another host"]
        missing = note(post, inReplyTo=spell(f"{server.base_url}/ap/posts/{new_id()}"))
        assert await outcomes(server, act("Create", missing)) == [
            "ignored: answers nothing that is public here"
        ]


@pytest.mark.both_engines
async def test_nothing_that_comes_in_whatever_order_breaks_a_key(server: Server) -> None:
    """What outsiders say of a few things, by all their addresses, one by one and together."""
    chance = random.Random(7)
    post, former = await reslugged(server)
    remote, local = await replied(server, post)
    things = [post["activitypub_id"], post["url"], former, remote["activitypub_id"]]
    things += [f"{former}comments/{local['id']}/", f"{post['url']}#comment-{remote['id']}"]
    things += [local["activitypub_id"], f"{server.base_url}/", f"{server.base_url}/ap/blog"]
    notes = [f"{NOTE}/{number}" for number in range(6)]
    sent: list[dict[str, Any]] = []

    def thing() -> str:
        found = chance.choice([*things, *notes])
        return chance.choice(list(SPELLINGS.values()))(found) if found in things else found

    def one() -> dict[str, Any]:
        kind = chance.choice(KINDS)
        if kind == "Undo":
            known = chance.choice(sent) if sent else act("Like", thing())
            return act("Undo", chance.choice([known, known["id"], known | {"id": None}]))
        if kind in ("Create", "Update"):
            written = note(post, id=chance.choice(notes), inReplyTo=thing())
            if kind == "Update":
                written["updated"] = f"2026-11-{chance.randint(1, 30):02}T10:00:00Z"
            return act(kind, written)
        if kind == "Delete":
            return act(kind, chance.choice(notes))
        if kind.endswith("Request"):
            return act(kind, thing(), instrument=chance.choice(notes))
        content = {"content": chance.choice("🎉🐟")} if kind == "EmojiReact" else {}
        return act(kind, thing(), **content)

    for _ in range(60):
        batch = [one() for _ in range(chance.choice([1, 1, 2, 9]))]
        sent += [item for item in batch if item["type"] not in ("Undo", "Create", "Update")]
        found = await outcomes(
            server,
            *batch,
            forwarded=chance.choice([None, b"{}"]),
            orphans_per_actor=chance.choice([0, 1, 9]),
            orphans_kept=3,
        )
        assert not [verdict for verdict in found if verdict.startswith("failed")], batch


@pytest.mark.both_engines
async def test_what_is_said_of_a_waiting_reply_that_goes_in_the_same_batch_goes_with_it(
    server: Server,
) -> None:
    post = await server.publish()
    waiting = [
        act("Create", note(post, id=f"{NOTE}/{number}", inReplyTo=f"{FAR}/nowhere"))
        for number in range(4)
    ]
    found = await outcomes(
        server, *waiting, act("Like", f"{NOTE}/0"), forwarded=b"{}", orphans_per_actor=2
    )
    assert found == ["stored: waits for its parent"] * 4 + ["stored"]
    assert await reactions(server) == []


@pytest.mark.both_engines
async def test_like_by_the_address_of_the_page_is_accepted_as_often_as_it_comes(
    server: Server, people: People
) -> None:
    """Over HTTP: a key that broke was answered 503 for as long as the sender tried."""
    people.add("ann")
    post = await server.publish()
    for kind, count in (("Like", "likes"), ("Announce", "shares")):
        for address in (post["url"], post["url"].rstrip("/"), post["activitypub_id"]):
            sent = people.activity(kind, "ann", address)
            assert (await people.post(server.inbox, sent, by="ann")).status_code == 202
        assert (await server.counts(post))[count] == 1
        undone = people.activity("Undo", "ann", sent | {"id": f"{sent['id']}/again"})
        assert (await people.post(server.inbox, undone, by="ann")).status_code == 202
        assert (await server.counts(post))[count] == 0
