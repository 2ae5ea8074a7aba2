"""Inbox forwarding: what others bring us, and what we send on (ActivityPub, section 7.1.2)."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from support.people import PUBLIC, People
from support.schemes import add_with_multikey, message_headers, multikey, proven
from support.servers import Server, listening_socket, running_server, serving

from fedblog.settings import Settings


@pytest.fixture
async def post(server: Server, people: People) -> dict[str, Any]:
    for name in ("ann", "relay", "mallory"):
        add_with_multikey(people, name)
    return await server.publish()


@pytest.fixture
async def readers() -> AsyncIterator[People]:
    """A third server, of followers."""
    listener = listening_socket()
    crowd = People(f"http://127.0.0.1:{listener.getsockname()[1]}")
    async with crowd, serving(crowd, listener):
        yield crowd


def create(people: People, post: dict[str, Any], text: str = "Well said.", **changes: Any) -> dict:
    note = people.note("ann", post["activitypub_id"], f"<p>{text}</p>", **changes)
    return people.activity("Create", "ann", note)


async def bring(server: Server, people: People, activity: dict[str, Any], by: str) -> None:
    """POST *activity*, which must be taken."""
    answer = await people.post(server.inbox, activity, by=by)
    assert answer.status_code == 202, answer.text


def asked(people: People, uri: str) -> bool:
    return any(entry[:2] == ("GET", uri[len(people.base_url) :]) for entry in people.requests)


async def settled(server: Server) -> None:
    """Until no delivery or job is under way: a later post's answer has gone the same way."""

    async def is_quiet() -> bool:
        return not await server.site.store.read(_waiting)

    await server.eventually(is_quiet)


def _waiting(connection: Any) -> int:
    return connection.exec_driver_sql(
        "SELECT (SELECT COUNT(*) FROM jobs)"
        " + (SELECT COUNT(*) FROM deliveries WHERE state = 'waiting')"
    ).scalar_one()


# --- what others bring ----------------------------------------------------------------------------


async def test_forwarded_reply_with_its_writers_proof_is_taken_without_a_fetch(
    server: Server, people: People, post
):
    activity = create(people, post)
    await bring(server, people, proven(people, activity, by="ann"), by="relay")
    comments = await server.comments(post)
    assert [c["content"] for c in comments] == ["<p>Well said.</p>"]
    assert comments[0]["author"]["name"] == "Ann"
    assert not asked(people, activity["object"]["id"])


async def test_forwarder_may_sign_by_rfc_9421(server: Server, people: People, post):
    body = json.dumps(proven(people, create(people, post), by="ann")).encode()
    headers = message_headers(people, "relay", server.inbox, body)
    assert (await people.post_raw(server.inbox, body, headers)).status_code == 202
    assert len(await server.comments(post)) == 1


async def test_forwarded_edit_deletion_and_like_with_proof_are_their_writers(
    server: Server, people: People, post
):
    activity = create(people, post)
    await bring(server, people, activity, by="ann")
    later = (datetime.now(UTC) + timedelta(seconds=2)).strftime("%Y-%m-%dT%H:%M:%SZ")
    edited = activity["object"] | {"content": "<p>Better.</p>", "updated": later}
    update = proven(people, people.activity("Update", "ann", edited), by="ann")
    await bring(server, people, update, by="relay")
    assert [c["content"] for c in await server.comments(post)] == ["<p>Better.</p>"]
    like = proven(people, people.activity("Like", "ann", post["activitypub_id"]), by="ann")
    for _ in range(2):
        await bring(server, people, like, by="relay")
    assert (await server.counts(post))["likes"] == 1
    delete = people.activity("Delete", "ann", activity["object"]["id"])
    await bring(server, people, delete, by="relay")
    assert (await server.counts(post))["comments"] == 1  # without proof it is worth nothing
    await bring(server, people, proven(people, delete, by="ann"), by="relay")
    assert (await server.counts(post))["comments"] == 0


async def test_s3_forwarded_reply_whose_proof_does_not_hold_is_fetched_from_its_own_host(
    server: Server, people: People, post
):
    true = create(people, post)
    people.publish(true["object"]["id"][len(people.base_url) :], true["object"])
    false = true | {"object": true["object"] | {"content": "<p>Put into her mouth.</p>"}}
    forged = false | {"proof": proven(people, true, by="ann")["proof"]}
    await bring(server, people, forged, by="mallory")
    comments = await server.eventually(lambda: server.comments(post))
    assert [c["content"] for c in comments] == ["<p>Well said.</p>"]


async def test_forwarded_activity_whose_proof_cannot_be_looked_at_now_is_not_dropped(
    server: Server, people: People, post
):
    """What its own host can be asked for instead is fetched from there; the rest comes again."""
    activity = create(people, post)
    people.publish(activity["object"]["id"][len(people.base_url) :], activity["object"])
    people.publish("/users/ann", people.actor_document("ann"), status=503)
    like = people.activity("Like", "ann", post["activitypub_id"])
    answer = await people.post(server.inbox, proven(people, like, by="ann"), by="relay")
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) >= 1
    await bring(server, people, proven(people, activity, by="ann"), by="relay")
    await server.eventually(lambda: fetched(people, activity["object"]["id"]))


async def fetched(people: People, uri: str) -> bool:
    return asked(people, uri)


def _by_another_key(people: People, activity: dict) -> dict:
    return proven(people, activity, by="ann", key="mallory")


def _by_another_actor(people: People, activity: dict) -> dict:
    return proven(people, activity, by="mallory")


def _key_named_elsewhere(people: People, activity: dict) -> dict:
    elsewhere = {"verificationMethod": "https://other.example/users/ann#ed25519-key"}
    return proven(people, activity, by="ann", **elsewhere)


def _key_that_nobody_lists(people: People, activity: dict) -> dict:
    unlisted = {"verificationMethod": f"{people.uri('ann')}#another-key"}
    return proven(people, activity, by="ann", **unlisted)


def _key_of_a_did(people: People, activity: dict) -> dict:
    did = multikey(people, "ann")["publicKeyMultibase"]
    return proven(people, activity, by="ann", verificationMethod=f"did:key:{did}#{did}")


def _old(people: People, activity: dict) -> dict:
    return proven(people, activity, by="ann", created=datetime.now(UTC) - timedelta(days=26))


def _ahead(people: People, activity: dict) -> dict:
    return proven(people, activity, by="ann", created=datetime.now(UTC) + timedelta(hours=2))


def _for_another_purpose(people: People, activity: dict) -> dict:
    return proven(people, activity, by="ann", proofPurpose="authentication")


def _of_a_linked_data_signature(people: People, activity: dict) -> dict:
    signature = {
        "type": "RsaSignature2017",
        "creator": f"{people.uri('ann')}#main-key",
        "created": "2026-11-05T12:00:00Z",
        "signatureValue": "AAAA",
    }
    return activity | {"signature": signature}


def _without_id(people: People, activity: dict) -> dict:
    bare = {name: value for name, value in activity.items() if name != "id"}
    return proven(people, bare, by="ann")


def _with_a_foreign_id(people: People, activity: dict) -> dict:
    return proven(people, activity | {"id": "https://other.example/activities/1"}, by="ann")


@pytest.mark.parametrize(
    "forge",
    [
        _by_another_key,
        _by_another_actor,
        _key_named_elsewhere,
        _key_that_nobody_lists,
        _key_of_a_did,
        _old,
        _ahead,
        _for_another_purpose,
        _of_a_linked_data_signature,
        _without_id,
        _with_a_foreign_id,
    ],
)
async def test_s3_proof_that_proves_nothing_grants_nothing(
    server: Server, people: People, post, forge
):
    activity = create(people, post)
    like = people.activity("Like", "ann", post["activitypub_id"])
    for item in (activity, like):
        await bring(server, people, forge(people, item), by="mallory")
    await settled_or_failed(server, people, activity["object"]["id"])
    assert await server.comments(post) == []
    assert (await server.counts(post))["likes"] == 0


async def settled_or_failed(server: Server, people: People, uri: str) -> None:
    """Until the writer's own server was asked for what was claimed (it has nothing there)."""

    async def was_asked() -> bool:
        return asked(people, uri)

    await server.eventually(was_asked)


async def test_s20_proof_does_not_let_one_actor_delete_what_another_wrote(
    server: Server, people: People, post
):
    activity = create(people, post)
    await bring(server, people, activity, by="ann")
    delete = people.activity("Delete", "mallory", activity["object"]["id"])
    await bring(server, people, proven(people, delete, by="mallory"), by="relay")
    assert (await server.counts(post))["comments"] == 1


async def test_s35_key_of_a_proof_that_was_changed_is_fetched_anew_once(
    server: Server, people: People, post
):
    await bring(server, people, proven(people, create(people, post), by="ann"), by="relay")
    people.add("ann", assertionMethod=[multikey(people, "ann", by="ann-new")])
    new = proven(people, create(people, post, "New key."), by="ann", key="ann-new")
    await bring(server, people, new, by="relay")
    assert len(await server.comments(post)) == 2
    before = len(people.requests)
    for _ in range(3):
        forged = proven(people, create(people, post, "No."), by="ann", key="mallory")
        await bring(server, people, forged, by="relay")
    later = [entry[1] for entry in people.requests[before:]]
    assert "/users/ann" not in later


# --- what we send on ------------------------------------------------------------------------------


async def follow(server: Server, people: People, name: str) -> None:
    people.add(name)
    await bring(server, people, people.activity("Follow", name, f"{server.base_url}/ap/blog"), name)

    async def is_accepted() -> bool:
        return any(entry["json"]["type"] == "Accept" for entry in people.inbox)

    await server.eventually(is_accepted)
    people.inbox.clear()


def got(people: People, activity: dict[str, Any]) -> list[dict[str, Any]]:
    return [entry for entry in people.inbox if entry["json"].get("id") == activity["id"]]


@pytest.mark.both_engines
async def test_reply_with_proof_is_sent_on_to_followers_as_it_came(
    server: Server, people: People, readers: People, post
):
    await follow(server, readers, "bea")
    await follow(server, people, "cleo")
    activity = proven(people, create(people, post), by="ann")
    body = json.dumps(activity, indent=1).encode()
    await bring(server, people, body, by="ann")

    async def arrived() -> list[dict[str, Any]]:
        return got(readers, activity)

    (entry,) = await server.eventually(arrived)
    assert entry["json"] == activity
    assert len(entry["body"]) < len(body)  # nothing but what the proof covers: no blanks
    signed = entry["headers"]["signature"] + entry["headers"].get("signature-input", "")
    assert f'"{server.base_url}/ap/blog#' in signed
    await settled(server)
    assert got(people, activity) == []  # its own host has it

    again = activity | {"id": people.new_uri("activities")}
    del again["proof"]
    await bring(server, people, body, by="ann")
    await bring(server, people, proven(people, again, by="ann"), by="ann")
    await settled(server)
    assert len(readers.inbox) == 1  # once


async def test_edit_and_deletion_follow_the_reply(
    server: Server, people: People, readers: People, post
):
    await follow(server, readers, "bea")
    activity = create(people, post)
    later = (datetime.now(UTC) + timedelta(seconds=2)).strftime("%Y-%m-%dT%H:%M:%SZ")
    edited = activity["object"] | {"content": "<p>Better.</p>", "updated": later}
    update = people.activity("Update", "ann", edited)
    delete = people.activity("Delete", "ann", activity["object"]["id"])
    for item in (activity, update, delete):
        await bring(server, people, proven(people, item, by="ann"), by="ann")
    await settled(server)
    kinds = [entry["json"]["type"] for entry in readers.inbox]
    assert kinds[-1] == "Delete"
    assert set(kinds) <= {"Create", "Update", "Delete"}


async def test_reply_that_another_brought_is_sent_on_but_not_back_to_either(
    server: Server, people: People, readers: People, post
):
    await follow(server, readers, "bea")
    await follow(server, people, "cleo")
    readers.add("relay")
    activity = proven(people, create(people, post), by="ann")
    await bring(server, readers, activity, by="relay")
    assert len(await server.comments(post)) == 1
    await settled(server)
    assert got(readers, activity) == []
    assert got(people, activity) == []


async def test_reply_that_its_writer_takes_back_from_the_public_is_not_sent_on(
    server: Server, people: People, readers: People, post
):
    await follow(server, readers, "bea")
    activity = create(people, post)
    await bring(server, people, activity, by="ann")
    later = (datetime.now(UTC) + timedelta(seconds=2)).strftime("%Y-%m-%dT%H:%M:%SZ")
    hidden = activity["object"] | {"to": [people.uri("relay")], "cc": [], "updated": later}
    update = people.activity("Update", "ann", hidden, to=[people.uri("relay")])
    await bring(server, people, proven(people, update, by="ann"), by="ann")
    assert await server.comments(post) == []
    await settled(server)
    assert readers.inbox == []


@pytest.mark.parametrize("case", ["no proof", "wrong proof", "signature", "private", "like"])
async def test_what_followers_could_not_believe_or_may_not_read_is_not_sent_on(
    server: Server, people: People, readers: People, post, case: str
):
    await follow(server, readers, "bea")
    activity = create(people, post)
    if case == "no proof":
        sent = activity
    elif case == "wrong proof":
        sent = _by_another_key(people, activity)
    elif case == "signature":
        sent = _of_a_linked_data_signature(people, activity)
    elif case == "private":
        followers_only = create(people, post, to=[f"{people.uri('ann')}/followers"], cc=[])
        sent = proven(people, followers_only | {"to": [PUBLIC]}, by="ann")
    else:
        like = people.activity("Like", "ann", post["activitypub_id"])
        sent = proven(people, like, by="ann")
    await bring(server, people, sent, by="ann")
    await settled(server)
    assert readers.inbox == []


async def test_held_reply_is_not_sent_on(server: Server, people: People, readers: People):
    add_with_multikey(people, "ann")
    await follow(server, readers, "bea")
    post = await server.publish(comments="held")
    await settled(server)
    readers.inbox.clear()
    await bring(server, people, proven(people, create(people, post), by="ann"), by="ann")
    await settled(server)
    assert readers.inbox == []


@pytest.mark.parametrize("first", ["address", "embedded"])
async def test_held_reply_behind_another_that_stands_is_not_sent_on(
    server: Server, people: People, readers: People, post, first: str
):
    await follow(server, readers, "bea")
    held = await server.publish(comments="held")
    shown = create(people, post)
    await bring(server, people, shown, by="ann")
    await settled(server)
    readers.inbox.clear()
    if first == "embedded":
        shown = create(people, post, "Another.")
    named = shown["object"] if first == "embedded" else shown["object"]["id"]
    both = people.activity("Create", "ann", [named, create(people, held)["object"]])
    await bring(server, people, proven(people, both, by="ann"), by="ann")
    await settled(server)
    assert len(await server.comments(post)) == (2 if first == "embedded" else 1)
    assert readers.inbox == []


async def test_nothing_is_sent_on_where_the_setting_says_so(
    settings, database_url: str, people: People, readers: People
):
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    changed = settings.model_copy(update={"database_url": database_url, "forward_replies": False})
    async with running_server(changed) as server:
        add_with_multikey(people, "ann")
        post = await server.publish()
        await follow(server, readers, "bea")
        await bring(server, people, proven(people, create(people, post), by="ann"), by="ann")
        await settled(server)
        assert len(await server.comments(post)) == 1
        assert readers.inbox == []


async def test_reply_longer_than_the_setting_is_shown_and_not_sent_on(
    settings, database_url: str, people: People, readers: People
):
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    changed = settings.model_copy(update={"database_url": database_url, "forward_max_bytes": 3000})
    async with running_server(changed) as server:
        add_with_multikey(people, "ann")
        post = await server.publish()
        await follow(server, readers, "bea")
        short = proven(people, create(people, post), by="ann")
        long = proven(people, create(people, post, text="x" * 3000), by="ann")
        for activity in (long, short):
            await bring(server, people, activity, by="ann")
        await settled(server)
        assert len(await server.comments(post)) == 2
        assert [entry["json"]["id"] for entry in readers.inbox] == [short["id"]]


async def test_s32_blocked_follower_gets_nothing_that_is_sent_on(
    server: Server, people: People, readers: People, post
):
    await follow(server, readers, "bea")
    answer = await server.api("POST", "/blocks", json={"actor": readers.uri("bea")})
    assert answer.status_code in (200, 201), answer.text
    await bring(server, people, proven(people, create(people, post), by="ann"), by="ann")
    await settled(server)
    assert readers.inbox == []


async def test_what_is_sent_on_does_not_count_as_the_posts_own(
    server: Server, people: People, readers: People, post
):
    await follow(server, readers, "bea")
    activity = proven(people, create(people, post), by="ann")
    await bring(server, people, activity, by="ann")
    await settled(server)
    assert len(got(readers, activity)) == 1
    assert (await server.counts(post))["followers_reached"] == 0
    deliveries = (await server.api("GET", f"/deliveries?post={post['id']}")).json()["items"]
    assert deliveries == []
    outbox = await server.anonymous("/ap/blog/outbox?page=true", accept="application/activity+json")
    assert activity["id"] not in outbox.text


# --- rules that hold what others bring ------------------------------------------------------------


async def test_proof_by_a_key_of_another_host_is_none_even_where_its_actor_lists_it(
    server: Server, people: People, readers: People, post
):
    """FEP-fe34: a key is of its actor's own origin. What another server holds may change hands."""
    key = multikey(people, "ann") | {"id": f"{readers.base_url}/keys/ann"}
    people.add("ann", assertionMethod=[key])
    readers.publish("/keys/ann", key | {"owner": people.uri("ann")})
    activity = create(people, post)
    elsewhere = {"verificationMethod": f"{readers.base_url}/keys/ann"}
    await bring(server, people, proven(people, activity, by="ann", **elsewhere), by="relay")
    assert await server.comments(post) == []
    assert not [entry for entry in readers.requests if entry[1] == "/keys/ann"]


async def test_forwarded_object_of_another_host_than_its_actor_is_not_fetched(
    server: Server, people: People, readers: People, post
):
    note = people.note("ann", post["activitypub_id"], "<p>Hers</p>")
    there = readers.base_url + note["id"][len(people.base_url) :]
    readers.publish(note["id"][len(people.base_url) :], note | {"id": there})
    for item in (there, note | {"id": there}):
        for kind in ("Create", "Update"):
            await bring(server, people, people.activity(kind, "ann", item), by="relay")
    await settled(server)
    assert readers.requests == []
    assert await server.comments(post) == []


async def test_object_of_another_host_that_an_actor_names_is_not_fetched(
    server: Server, people: People, readers: People, post
):
    there = readers.publish("/notes/1", people.note("ann", post["activitypub_id"], "<p>x</p>"))
    for kind in ("Create", "Update"):
        await bring(server, people, people.activity(kind, "ann", there), by="ann")
    await settled(server)
    assert readers.requests == []
    assert await server.comments(post) == []


async def test_fetched_object_that_names_an_author_of_another_host_is_not_believed(
    server: Server, people: People, readers: People, post
):
    readers.add("victim")
    note = people.note("ann", post["activitypub_id"], "<p>Put into a mouth</p>")
    note["attributedTo"] = readers.uri("victim")
    people.publish(note["id"][len(people.base_url) :], note)
    await bring(server, people, people.activity("Create", "ann", note["id"]), by="ann")
    await settled(server)
    assert await server.comments(post) == []
    assert readers.requests == []


async def test_what_is_forwarded_to_us_without_proof_is_bounded_for_each_host(
    settings: Settings, database_url: str, people: People
):
    """Whatever its people may send else: each of these has us ask a server."""
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    rates = {"actor_burst": 100_000, "host_burst": 100_000, "forwarded_rate": 0.01}
    rates |= {"forwarded_burst": 120, "database_url": database_url}
    async with running_server(settings.model_copy(update=rates)) as server:
        post = await server.publish()
        statuses = []
        for number in range(200):
            name = f"relay{number % 4}"
            people.add(name)
            actor = f"https://other{number}.example/u"
            item = f"https://other{number}.example/{number}"
            activity = people.activity("Create", name, item, actor=actor)
            answer = await people.post(server.inbox, activity, by=name)
            statuses.append(answer.status_code)
        assert statuses[0] == 202
        assert statuses.count(202) == 120
        assert statuses[-1] == 429
        people.add("ann")
        await bring(server, people, create(people, post), by="ann")
        assert len(await server.comments(post)) == 1


# --- what one POST may become ---------------------------------------------------------------------


def _with_junk(people: People, post: dict[str, Any], case: str) -> bytes:
    """A reply with a proof that carries much more than it says."""
    activity = create(people, post)
    junk = "x" * 70_000
    if case == "long text":
        return json.dumps(proven(people, create(people, post, text=junk), by="ann")).encode()
    if case == "unknown member under the proof":
        return json.dumps(proven(people, activity | {"junk": junk}, by="ann")).encode()
    signed = proven(people, activity, by="ann")
    signatures = {
        "signature of many members": {"type": "RsaSignature2017", "junk": "x" * 500},
        "long signature": {"type": "RsaSignature2017", "signatureValue": junk},
        "signature that is a list": [junk],
        "signature of nested members": {"type": {"junk": junk}},
        "signature that is a text": "x" * 500,
    }
    return json.dumps(signed | {"signature": signatures[case]}).encode()


@pytest.mark.parametrize(
    "case",
    [
        "long text",
        "unknown member under the proof",
        "signature of many members",
        "long signature",
        "signature that is a list",
        "signature of nested members",
        "signature that is a text",
    ],
)
async def test_what_the_proof_does_not_cover_or_is_too_long_is_not_sent_on(
    server: Server, people: People, readers: People, post, case: str
):
    await follow(server, readers, "bea")
    await bring(server, people, _with_junk(people, post, case), by="ann")
    assert len(await server.comments(post)) == 1
    await settled(server)
    assert readers.inbox == []


@pytest.mark.parametrize("case", ["blanks", "escapes", "plain signature"])
async def test_no_more_is_sent_on_than_the_proof_covers(
    server: Server, people: People, readers: People, post, case: str
):
    await follow(server, readers, "bea")
    activity = proven(people, create(people, post), by="ann")
    plain = json.dumps(activity, separators=(",", ":")).encode()
    if case == "blanks":
        body = json.dumps(activity).encode().replace(b'"type"', b" " * 50_000 + b'"type"', 1)
    elif case == "escapes":
        body = plain.replace(b"Well", b"\\u0057\\u0065\\u006c\\u006c")
    else:
        activity["signature"] = {
            "type": "RsaSignature2017",
            "creator": f"{people.uri('ann')}#main-key",
            "created": "2026-01-01T00:00:00Z",
            "signatureValue": "A" * 344,
        }
        body = plain = json.dumps(activity, separators=(",", ":")).encode()
    await bring(server, people, body, by="ann")

    async def arrived() -> list[dict[str, Any]]:
        return got(readers, activity)

    (entry,) = await server.eventually(arrived)
    assert entry["json"] == activity
    assert len(entry["body"]) == len(plain)


async def test_one_writer_and_one_post_have_only_so_many_sent_on(
    settings, database_url: str, people: People, readers: People
):
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    changes = {
        "database_url": database_url,
        "forward_actor_rate": 0.01,
        "forward_actor_burst": 3,
        "forwards_per_post": 5,
    }
    async with running_server(settings.model_copy(update=changes)) as server:
        for name in ("ann", "ben", "cyd"):
            add_with_multikey(people, name)
        await follow(server, readers, "bea")
        post = await server.publish()
        other = await server.publish("Another")
        await settled(server)
        readers.inbox.clear()

        def reply(name: str, to: dict[str, Any]) -> dict[str, Any]:
            note = people.note(name, to["activitypub_id"], "<p>Hm.</p>")
            return proven(people, people.activity("Create", name, note), by=name)

        brought = {name: [reply(name, post) for _ in range(4)] for name in ("ann", "ben")}
        for name, activities in brought.items():
            for activity in activities:
                await bring(server, people, activity, by=name)
        await bring(server, people, reply("cyd", other), by="cyd")
        await settled(server)
        sent = [entry["json"]["actor"] for entry in readers.inbox]
        assert sent.count(people.uri("ann")) == 3
        assert sent.count(people.uri("ben")) == 2  # five under this post
        assert sent.count(people.uri("cyd")) == 1
        assert len(await server.comments(post)) == 8  # all are shown here
        for name, activities in brought.items():
            for activity in activities:
                gone = people.activity("Delete", name, activity["object"]["id"])
                await bring(server, people, proven(people, gone, by=name), by=name)
        await settled(server)
        deleted = [entry for entry in readers.inbox if entry["json"]["type"] == "Delete"]
        assert len(deleted) == 5  # twice as many in all where something is deleted
