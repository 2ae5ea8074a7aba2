"""RFC 9421 at the door: what is accepted beside draft-cavage, and what is refused (S11)."""

import json
from datetime import UTC, datetime

import pytest
from support.people import People, public_pem
from support.schemes import USUAL, add_with_multikey, message_headers
from support.servers import Server


async def send(server: Server, people: People, post: dict, **how) -> int:
    """The status of a reply by Ann signed so, and its body."""
    url = how.pop("url", server.inbox)
    note = people.note("ann", post["activitypub_id"], "<p>Well said.</p>")
    body = json.dumps(people.activity("Create", "ann", note)).encode()
    sent = how.pop("sent", body)
    change = how.pop("change", lambda headers: headers)
    headers = change(message_headers(people, "ann", how.pop("signed_url", url), body, **how))
    return (await people.post_raw(url, sent, headers)).status_code


async def assert_refused(server: Server, people: People, **how) -> None:
    people.add("ann")
    post = await server.publish()
    assert await send(server, people, post, **how) == 401
    assert await server.comments(post) == []


async def test_reply_signed_by_rfc_9421_becomes_a_comment(server: Server, people: People):
    people.add("ann")
    post = await server.publish()
    assert await send(server, people, post) == 202
    assert [c["content"] for c in await server.comments(post)] == ["<p>Well said.</p>"]


async def test_reply_signed_with_an_ed25519_multikey_becomes_a_comment(
    server: Server, people: People
):
    add_with_multikey(people, "ann")
    post = await server.publish()
    assert await send(server, people, post, by_ed25519=True) == 202
    assert await send(server, people, post, by_ed25519=True, parameters=';alg="ed25519"') == 202
    assert len(await server.comments(post)) == 2


async def test_target_in_parts_and_a_label_of_its_own_are_accepted(server: Server, people: People):
    people.add("ann")
    post = await server.publish()
    covered = ("@authority", "@path", "@query", "@method", "content-digest")
    how = {"label": "activitypub", "parameters": ';tag="activitypub";nonce="1"'}
    assert await send(server, people, post, covered=covered, **how) == 202
    assert len(await server.comments(post)) == 1


async def test_query_is_covered_only_where_there_is_one(server: Server, people: People):
    """ActivityPub bots of tags.pub leave ``@query`` out of requests without a query."""
    people.add("ann")
    post = await server.publish()
    covered = ("@method", "@authority", "@path", "content-digest")
    assert await send(server, people, post, covered=covered) == 202
    assert len(await server.comments(post)) == 1
    elsewhere = {"url": f"{server.inbox}?page=2", "signed_url": server.inbox}
    assert await send(server, people, post, covered=covered, **elsewhere) == 401
    assert len(await server.comments(post)) == 1


async def test_s9_same_message_again_has_no_second_effect(server: Server, people: People):
    people.add("ann")
    post = await server.publish()
    for item, kind in ((post["activitypub_id"], "Like"), (f"{server.base_url}/ap/blog", "Follow")):
        activity = people.activity(kind, "ann", item, id=...)
        body = json.dumps(activity).encode()
        headers = message_headers(people, "ann", server.inbox, body)
        for _ in range(2):
            assert (await people.post_raw(server.inbox, body, headers)).status_code == 202
    assert (await server.counts(post))["likes"] == 1


@pytest.mark.parametrize("missing", USUAL)
async def test_s11_component_left_out(server: Server, people: People, missing: str):
    covered = tuple(name for name in USUAL if name != missing)
    await assert_refused(server, people, covered=covered)


async def test_s11_post_without_content_digest(server: Server, people: People):
    def without(headers: dict[str, str]) -> dict[str, str]:
        return {name: value for name, value in headers.items() if name != "content-digest"}

    await assert_refused(server, people, change=without)


async def test_s11_body_altered_after_signing(server: Server, people: People):
    await assert_refused(server, people, sent=b'{"type":"Create","actor":"https://a.example/"}')


async def test_s6_message_replayed_to_another_inbox(server: Server, people: People):
    await assert_refused(
        server, people, url=server.base_url + "/ap/blog/inbox", signed_url=server.inbox
    )


@pytest.mark.parametrize("seconds", [-7200, 7200])
async def test_s11_created_too_far_away(server: Server, people: People, seconds: int):
    now = int(datetime.now(UTC).timestamp())
    await assert_refused(server, people, created=now + seconds)


async def test_s11_expired(server: Server, people: People):
    await assert_refused(server, people, expires=int(datetime.now(UTC).timestamp()) - 1)


async def test_s11_two_labels_one_of_them_good(server: Server, people: People):
    def two(headers: dict[str, str]) -> dict[str, str]:
        return headers | {
            name: f"{headers[name]}, {headers[name].replace('sig1', 'sig2', 1)}"
            for name in ("signature", "signature-input")
        }

    await assert_refused(server, people, change=two)


async def test_s11_signature_under_an_unknown_label(server: Server, people: People):
    def other(headers: dict[str, str]) -> dict[str, str]:
        return headers | {"signature": headers["signature"].replace("sig1", "sig2", 1)}

    await assert_refused(server, people, change=other)


async def test_s11_component_of_the_request_of_a_response(server: Server, people: People):
    def req(headers: dict[str, str]) -> dict[str, str]:
        stated = headers["signature-input"].replace('"@method"', '"@method";req')
        return headers | {"signature-input": stated}

    await assert_refused(server, people, change=req)


async def test_s11_component_covered_twice(server: Server, people: People):
    await assert_refused(server, people, covered=(*USUAL, "content-digest"))


@pytest.mark.parametrize(
    "algorithm", ["ed25519", "rsa-pss-sha512", "hmac-sha256", "ecdsa-p256-sha256", "none"]
)
async def test_s11_algorithm_that_is_not_the_keys(server: Server, people: People, algorithm: str):
    await assert_refused(server, people, parameters=f';alg="{algorithm}"')


async def test_s12_key_id_of_a_closed_address_is_never_asked(server: Server, people: People):
    for key_id in ("http://169.254.169.254/key", "acct:ann@example.org", "#main-key", "/users/ann"):
        await assert_refused(server, people, key_id=key_id)


async def test_relative_key_id_of_draft_cavage_is_refused(server: Server, people: People):
    people.add("ann")
    post = await server.publish()
    note = people.note("ann", post["activitypub_id"], "<p>Well said.</p>")
    activity = people.activity("Create", "ann", note)
    for key_id in ("#main-key", "/users/ann#main-key", "users/ann#main-key"):
        answer = await people.post(server.inbox, activity, by="ann", key_id=key_id)
        assert answer.status_code == 401, answer.text
    assert await server.comments(post) == []


async def test_s33_host_header_does_not_decide_what_is_signed(server: Server, people: People):
    await assert_refused(
        server,
        people,
        overrides={"host": "evil.example"},
        covered=("@method", "host", "@path", "@query", "content-digest"),
    )


async def test_s35_key_changed_is_fetched_anew_once_for_either_scheme(
    server: Server, people: People
):
    people.add("ann")
    post = await server.publish()
    assert await send(server, people, post) == 202
    document = people.actor_document("ann")
    document["publicKey"]["publicKeyPem"] = public_pem("ann-new")
    people.publish("/users/ann", document)
    note = people.note("ann", post["activitypub_id"], "<p>Again.</p>")
    body = json.dumps(people.activity("Create", "ann", note)).encode()
    how = {"key_id": people.uri("ann") + "#main-key"}
    headers = message_headers(people, "ann-new", server.inbox, body, **how)
    assert (await people.post_raw(server.inbox, body, headers)).status_code == 202
    asked = sum(entry[:2] == ("GET", "/users/ann") for entry in people.requests)
    for _ in range(5):  # forged ones cost its server nothing more
        headers = message_headers(people, "mallory", server.inbox, body, **how)
        assert (await people.post_raw(server.inbox, body, headers)).status_code == 401
    assert sum(entry[:2] == ("GET", "/users/ann") for entry in people.requests) == asked


async def test_s35_key_that_cannot_be_had_is_not_asked_for_again(server: Server, people: People):
    post = await server.publish()
    for _ in range(3):
        assert await send(server, people, post) == 401
    assert sum(entry[:2] == ("GET", "/users/ann") for entry in people.requests) == 1


async def test_s35_key_that_came_just_now_is_not_fetched_anew(server: Server, people: People):
    people.add("ann")
    post = await server.publish()
    note = people.note("ann", post["activitypub_id"], "<p>Not by her.</p>")
    body = json.dumps(people.activity("Create", "ann", note)).encode()
    how = {"key_id": people.uri("ann") + "#main-key"}
    headers = message_headers(people, "somebody else", server.inbox, body, **how)
    for asked in (1, 2, 2):
        assert (await people.post_raw(server.inbox, body, headers)).status_code == 401
        assert sum(entry[:2] == ("GET", "/users/ann") for entry in people.requests) == asked


async def test_s35_host_in_whose_name_all_signatures_are_wrong_is_left_alone(
    server: Server, people: People
):
    people.add("bea")
    post = await server.publish()
    note = people.note("bea", post["activitypub_id"], "<p>Known.</p>")
    activity = people.activity("Create", "bea", note)
    assert (await people.post(server.inbox, activity, by="bea")).status_code == 202
    statuses = [
        await send(server, people, post, key_id=f"{people.base_url}/nobody/{number}#main-key")
        for number in range(90)
    ]
    # 429, not 401: an honest newcomer of that host, whose key is not asked for now, comes again.
    assert set(statuses[:60]) == {401}
    assert 429 in statuses
    asked = [entry[1] for entry in people.requests if entry[1].startswith("/nobody/")]
    assert len(asked) == statuses.count(401)
    # Who is known from before goes on talking.
    note = people.note("bea", post["activitypub_id"], "<p>Still here.</p>")
    activity = people.activity("Create", "bea", note)
    assert (await people.post(server.inbox, activity, by="bea")).status_code == 202
