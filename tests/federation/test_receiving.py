"""The door: what an inbox takes, and what it refuses before anything is stored."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from support.people import AS_TYPE, PUBLIC, People, public_pem
from support.servers import Server, running_server

from fedblog.settings import Settings


async def reply_to(server: Server, people: People, post: dict, name: str = "ann", **how) -> dict:
    note = people.note(name, post["activitypub_id"], "<p>Well said.</p>", **how)
    return people.activity("Create", name, note)


@pytest.mark.both_engines
async def test_signed_reply_becomes_a_comment(server: Server, people: People):
    people.add("ann")
    post = await server.publish()
    activity = await reply_to(server, people, post)
    answer = await people.post(server.inbox, activity, by="ann")
    assert answer.status_code == 202, answer.text
    comments = await server.comments(post)
    assert [c["content"] for c in comments] == ["<p>Well said.</p>"]
    assert comments[0]["activitypub_id"] == activity["object"]["id"]
    assert comments[0]["in_reply_to"] == post["activitypub_id"]
    assert comments[0]["depth"] == 0
    assert comments[0]["author"]["name"] == "Ann"


@pytest.mark.parametrize("inbox", ["/ap/blog/inbox", "/ap/inbox"])
async def test_every_inbox_takes_the_same(server: Server, people: People, inbox: str):
    people.add("ann")
    post = await server.publish()
    activity = await reply_to(server, people, post)
    answer = await people.post(server.base_url + inbox, activity, by="ann")
    assert answer.status_code == 202
    assert len(await server.comments(post)) == 1


async def test_author_inbox_exists_and_an_unknown_one_does_not(server: Server, people: People):
    people.add("ann")
    post = await server.publish()
    owner = (await server.api("GET", f"/posts/{post['id']}")).json()["authors"][0]["id"]
    activity = await reply_to(server, people, post)
    url = f"{server.base_url}/ap/authors/{owner}/inbox"
    assert (await people.post(url, activity, by="ann")).status_code == 202
    other = f"{server.base_url}/ap/authors/01ARZ3NDEKTSV4RRFFQ69G5FAV/inbox"
    assert (await people.post(other, activity, by="ann")).status_code == 404
    assert (await server.anonymous("/ap/inbox")).status_code == 405


async def assert_refused(server: Server, people: People, post: dict, status: int, **how) -> None:
    """A reply sent so is answered with *status* and leaves nothing behind."""
    url = how.pop("url", server.inbox)
    activity = await reply_to(server, people, post)
    body = how.pop("body", json.dumps(activity).encode())
    sent = how.pop("sent", body)
    headers = people.signed_headers("ann", url, body, **how)
    answer = await people.post_raw(url, sent, headers)
    assert answer.status_code == status, answer.text
    assert await server.comments(post) == []


async def test_s3_valid_signature_of_another_actor_proves_nothing(server: Server, people: People):
    people.add("ann")
    people.add("mallory")
    post = await server.publish()
    activity = await reply_to(server, people, post, "ann")
    # Not served by its own host: the refetch finds nothing, so nothing may be believed.
    answer = await people.post(server.inbox, activity, by="mallory")
    assert answer.status_code == 202
    like = people.activity("Like", "ann", post["activitypub_id"])
    assert (await people.post(server.inbox, like, by="mallory")).status_code == 202
    await server.eventually(lambda: _seen(people, activity["object"]["id"][len(people.base_url) :]))
    assert await server.comments(post) == []
    assert (await server.counts(post))["likes"] == 0


async def _seen(people: People, path: str) -> bool:
    return any(entry[:2] == ("GET", path) for entry in people.requests)


async def test_forwarded_create_is_fetched_from_its_own_host(server: Server, people: People):
    people.add("ann")
    people.add("relay")
    post = await server.publish()
    activity = await reply_to(server, people, post, "ann")
    true = activity["object"] | {"content": "<p>What Ann wrote.</p>"}
    people.publish(true["id"][len(people.base_url) :], true)
    assert (await people.post(server.inbox, activity, by="relay")).status_code == 202
    comments = await server.eventually(lambda: server.comments(post))
    assert [c["content"] for c in comments] == ["<p>What Ann wrote.</p>"]


async def test_s4_key_that_its_owner_does_not_list_is_refused(server: Server, people: People):
    people.add("ann")
    post = await server.publish()
    stray = people.publish(
        "/keys/1",
        {
            "id": f"{people.base_url}/keys/1",
            "owner": people.uri("ann"),
            "publicKeyPem": public_pem("mallory"),
        },
    )
    activity = await reply_to(server, people, post)
    answer = await people.post(server.inbox, activity, by="mallory", key_id=stray)
    assert answer.status_code == 401
    assert await server.comments(post) == []


@pytest.mark.parametrize(
    "covered",
    [
        ("host", "date", "digest"),
        ("(request-target)", "date", "digest"),
        ("(request-target)", "host", "date"),
        ("(request-target)", "host", "digest"),
    ],
)
async def test_s6_signature_that_covers_too_little(server: Server, people: People, covered):
    people.add("ann")
    post = await server.publish()
    await assert_refused(server, people, post, 401, covered=covered)


async def test_s6_request_replayed_to_another_inbox(server: Server, people: People):
    people.add("ann")
    post = await server.publish()
    await assert_refused(server, people, post, 401, target="/ap/blog/inbox")


async def test_s7_body_altered_after_signing(server: Server, people: People):
    people.add("ann")
    post = await server.publish()
    activity = await reply_to(server, people, post)
    body = json.dumps(activity).encode()
    await assert_refused(
        server, people, post, 401, body=body, sent=body.replace(b"Well said", b"Ill said.")
    )


@pytest.mark.parametrize(
    "digest", ["", "SHA-512=AAAA", "SHA-256=AAAA", "SHA-256=AAAA,SHA-256=BBBB", "nonsense"]
)
async def test_s7_digest_that_says_nothing_true(server: Server, people: People, digest: str):
    people.add("ann")
    post = await server.publish()
    await assert_refused(server, people, post, 401, overrides={"digest": digest})


@pytest.mark.parametrize("hours", [-2, 2])
async def test_s8_date_too_far_away(server: Server, people: People, hours: int):
    people.add("ann")
    post = await server.publish()
    date = datetime.now(UTC) + timedelta(hours=hours)
    await assert_refused(server, people, post, 401, date=date)


async def test_s8_date_that_is_none(server: Server, people: People):
    people.add("ann")
    post = await server.publish()
    await assert_refused(server, people, post, 401, overrides={"date": "yesterday"})


@pytest.mark.both_engines
async def test_s9_same_signed_request_again_has_no_second_effect(server: Server, people: People):
    people.add("ann")
    post = await server.publish()
    for kind, item in (
        ("Create", people.note("ann", post["activitypub_id"], "<p>Once.</p>")),
        ("Like", post["activitypub_id"]),
        ("Follow", f"{server.base_url}/ap/blog"),
    ):
        body = json.dumps(people.activity(kind, "ann", item)).encode()
        headers = people.signed_headers("ann", server.inbox, body)
        for _ in range(3):
            answer = await people.post_raw(server.inbox, body, headers)
            assert answer.status_code == 202
    assert len(await server.comments(post)) == 1
    assert (await server.counts(post))["likes"] == 1
    assert len((await server.api("GET", "/followers")).json()["items"]) == 1
    await server.eventually(lambda: _accepted(people, 1))
    accepts = [entry for entry in people.inbox if entry["json"]["type"] == "Accept"]
    assert len(accepts) == 1


async def _accepted(people: People, number: int) -> bool:
    return len([e for e in people.inbox if e["json"]["type"] == "Accept"]) >= number


async def test_s10_algorithm_that_is_not_the_keys(server: Server, people: People):
    people.add("ann")
    post = await server.publish()
    for algorithm in ("hmac-sha256", "ed25519", "none", "ecdsa-sha256"):
        await assert_refused(server, people, post, 401, algorithm=algorithm)


async def test_s11_good_draft_cavage_does_not_excuse_a_bad_message_signature(
    server: Server, people: People
):
    people.add("ann")
    post = await server.publish()
    body = json.dumps(await reply_to(server, people, post)).encode()
    headers = people.signed_headers("ann", server.inbox, body)
    headers["signature-input"] = (
        'sig1=("@method" "@target-uri" "content-digest");created=1;keyid="x"'
    )
    for signature in (headers["signature"], "sig1=:AAAA:"):
        answer = await people.post_raw(server.inbox, body, headers | {"signature": signature})
        assert answer.status_code == 401
    assert await server.comments(post) == []


@pytest.mark.parametrize(
    ("status", "media_type", "answered"),
    [
        *((status, AS_TYPE, 503) for status in (408, 425, 429, 500, 502, 503, 504, 521)),
        *((status, AS_TYPE, 401) for status in (400, 401, 403, 404, 410)),
        (200, "text/html", 401),
    ],
)
async def test_key_that_could_not_be_asked_for_says_nothing_of_the_signature(
    server: Server, people: People, status: int, media_type: str, answered: int
):
    """Senders give up after a 401; after a 503 they come again."""
    post = await server.publish()
    people.publish("/users/ann", people.actor_document("ann"), status=status, media_type=media_type)
    like = people.activity("Like", "ann", post["activitypub_id"])
    for _ in range(2):  # the second time it is remembered
        answer = await people.post(server.inbox, like, by="ann")
        assert answer.status_code == answered, answer.text
        assert ("retry-after" in answer.headers) == (answered == 503)


async def test_changed_key_that_could_not_be_asked_for_says_nothing_of_the_signature(
    server: Server, people: People
):
    people.add("ann")
    post = await server.publish()
    like = people.activity("Like", "ann", post["activitypub_id"])
    assert (await people.post(server.inbox, like, by="ann")).status_code == 202
    people.publish("/users/ann", people.actor_document("ann"), status=502)
    body = json.dumps(people.activity("Like", "ann", post["activitypub_id"])).encode()
    signed = people.signed_headers(
        "ben", server.inbox, body, key_id=f"{people.uri('ann')}#main-key"
    )
    answer = await people.post_raw(server.inbox, body, signed)
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) >= 1


@pytest.mark.parametrize(
    "key_id",
    [
        "http://169.254.169.254/key",
        "http://10.0.0.1/key#main-key",
        "http://[::ffff:10.0.0.1]/key",
        "http://0.0.0.0/key",
        "http://2130706433/key",
        "http://0x7f.1/key",
        "https://printer.local/key",
        "file:///etc/passwd",
        "acct:ann@example.org",
        "",
    ],
)
async def test_s12_key_id_of_a_closed_address_is_never_asked(
    server: Server, people: People, key_id: str
):
    people.add("ann")
    post = await server.publish()
    await assert_refused(server, people, post, 401, key_id=key_id or " ")


async def test_s33_host_header_does_not_decide_what_is_signed(server: Server, people: People):
    people.add("ann")
    post = await server.publish()
    await assert_refused(server, people, post, 401, overrides={"host": "evil.example"})


@pytest.mark.both_engines
async def test_s36_poison_fails_alone(server: Server, people: People):
    people.add("ann")
    post = await server.publish()
    good = [await reply_to(server, people, post) for _ in range(4)]
    poisons = []
    for text in (
        b'"\\u0000"',
        b'"\\ud800"',
        b"NaN",
        b"Infinity",
        b"9" * 400,
        b'"a", "content": "b"',
    ):
        note = people.note("ann", post["activitypub_id"], "@@")
        body = json.dumps(people.activity("Create", "ann", note)).encode()
        poisons.append(body.replace(b'"@@"', text))
    requests = [json.dumps(activity).encode() for activity in good[:2]] + poisons
    requests += [json.dumps(activity).encode() for activity in good[2:]]
    import asyncio

    answers = await asyncio.gather(
        *(people.post(server.inbox, body, by="ann") for body in requests)
    )
    statuses = [answer.status_code for answer in answers]
    assert statuses[:2] == [202, 202]
    assert statuses[-2:] == [202, 202]
    assert set(statuses[2:-2]) <= {202, 400}
    assert len(await server.comments(post)) == 4


async def test_s37_id_on_a_foreign_host_does_not_occupy_its_place(server: Server, people: People):
    people.add("ann")
    people.add("mallory")
    post = await server.publish()
    real = await reply_to(server, people, post, "ann")
    forged = people.activity("Like", "mallory", post["activitypub_id"], id=real["id"])
    assert (await people.post(server.inbox, forged, by="mallory")).status_code == 202
    elsewhere = people.activity(
        "Like", "mallory", post["activitypub_id"], id="https://elsewhere.example/activities/1"
    )
    assert (await people.post(server.inbox, elsewhere, by="mallory")).status_code == 202
    assert (await people.post(server.inbox, real, by="ann")).status_code == 202
    assert len(await server.comments(post)) == 1


async def test_too_large_too_deep_and_no_json(server: Server, people: People):
    people.add("ann")
    post = await server.publish()
    large = json.dumps({"type": "Create", "content": "x" * (1 << 20)}).encode()
    assert (await people.post(server.inbox, large, by="ann")).status_code == 413
    deep = b'{"type":"Create","object":' + b"[" * 40 + b"]" * 40 + b"}"
    assert (await people.post(server.inbox, deep, by="ann")).status_code == 413
    many = json.dumps({"type": "Create", "to": [PUBLIC] * 1001}).encode()
    assert (await people.post(server.inbox, many, by="ann")).status_code == 413
    for body in (b"", b"{", b"[]", b"7", b'{"type": "Create"}', b'{"hello": "world"}', b"\xff\xfe"):
        answer = await people.post(server.inbox, body, by="ann")
        assert answer.status_code == 400, body
    assert await server.comments(post) == []


async def test_media_type_that_carries_no_activity(server: Server, people: People):
    people.add("ann")
    post = await server.publish()
    for kind in ("text/plain", "text/html", "multipart/form-data; boundary=x", ""):
        await assert_refused(server, people, post, 415, overrides={"content-type": kind})


async def test_missing_signature(server: Server, people: People):
    people.add("ann")
    post = await server.publish()
    body = json.dumps(await reply_to(server, people, post)).encode()
    answer = await people.post_raw(
        server.inbox, body, {"content-type": "application/activity+json"}
    )
    assert answer.status_code == 401
    assert await server.comments(post) == []


async def test_blocked_domain_is_refused(server: Server, people: People):
    people.add("ann")
    post = await server.publish()
    # Both servers are at one address, by different ports.
    domain = {"domain": "127.0.0.1", "confirm": True}
    answer = await server.api("POST", "/blocks", json=domain)
    assert answer.status_code == 201, answer.text
    await assert_refused(server, people, post, 403)


async def test_rotated_key_is_fetched_anew_once(server: Server, people: People):
    people.add("ann")
    post = await server.publish()
    first = await people.post(server.inbox, await reply_to(server, people, post), by="ann")
    assert first.status_code == 202
    document = people.actor_document("ann")
    document["publicKey"]["publicKeyPem"] = public_pem("ann-new")
    people.publish("/users/ann", document)
    activity = await reply_to(server, people, post)
    answer = await people.post(
        server.inbox, activity, by="ann-new", key_id=people.uri("ann") + "#main-key"
    )
    assert answer.status_code == 202, answer.text
    assert len(await server.comments(post)) == 2


async def test_delete_of_an_unknown_actor_is_dropped_without_a_fetch(
    server: Server, people: People
):
    gone = people.uri("gone")
    activity = people.activity("Delete", "gone", gone)
    answer = await people.post(server.inbox, activity, by="gone")
    assert answer.status_code == 202
    assert not [entry for entry in people.requests if entry[1].startswith("/users/gone")]


async def test_one_actor_may_send_only_so_much(
    settings: Settings, database_url: str, people: People
):
    people.add("ann")
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    bounds = {"database_url": database_url, "actor_burst": 5, "actor_rate": 0.1}
    async with running_server(settings.model_copy(update=bounds)) as server:
        post = await server.publish()
        statuses = []
        for kind in ("Create",) * 5 + ("Create", "Update"):
            note = people.note("ann", post["activitypub_id"], "<p>More</p>")
            answer = await people.post(server.inbox, people.activity(kind, "ann", note), by="ann")
            statuses.append(answer.status_code)
        assert statuses == [202] * 5 + [429, 429]
        assert int(answer.headers["retry-after"]) >= 1
