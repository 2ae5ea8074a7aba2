"""Leave to interact: asked for through a real inbox, answered, verified at its address, revoked."""

from typing import Any

import httpx
import pytest
from support.people import PUBLIC, People
from support.servers import Server, running_server

from fedblog.settings import Settings

AS = "https://www.w3.org/ns/activitystreams"


@pytest.fixture
async def post(server: Server, people: People) -> dict[str, Any]:
    for name in ("ann", "ben"):
        people.add(name)
    return await server.publish()


async def ask(
    server: Server, people: People, kind: str, target: str, instrument: Any, by: str = "ann"
) -> dict[str, Any]:
    activity = people.activity(kind, by, target, instrument=instrument)
    answer = await people.post(server.inbox, activity, by=by)
    assert answer.status_code == 202, answer.text
    return activity


def quote(people: People, target: str, by: str = "ann", **changes: Any) -> dict[str, Any]:
    return people.note(by, None, "<p>Look</p>", quote=target) | changes


def answers(people: People, *kinds: str) -> list[dict[str, Any]]:
    return [entry["json"] for entry in people.inbox if entry["json"]["type"] in kinds]


async def answer_to(server: Server, people: People, request: dict[str, Any]) -> dict[str, Any]:
    async def found() -> Any:
        return [
            one
            for one in answers(people, "Accept", "Reject")
            if isinstance(one["object"], dict) and one["object"].get("id") == request["id"]
        ]

    return (await server.eventually(found))[0]


async def authorizations(server: Server, state: str = "") -> list[dict[str, Any]]:
    answer = await server.api("GET", f"/authorizations{f'?state={state}' if state else ''}")
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


async def at(server: Server, uri: str) -> tuple[int, dict[str, Any]]:
    answer = await server.anonymous(uri.removeprefix(server.base_url), accept="application/json")
    return answer.status_code, answer.json()


# --- granted ---------------------------------------------------------------------------------


async def test_quote_is_authorized_and_the_authorization_can_be_verified(
    server: Server, people: People, post: dict[str, Any]
) -> None:
    uri = post["activitypub_id"]
    note = quote(people, uri)
    request = await ask(server, people, "QuoteRequest", uri, note)
    accept = await answer_to(server, people, request)
    assert accept["type"] == "Accept"
    assert accept["actor"] == f"{server.base_url}/ap/blog"
    assert accept["to"] == [people.uri("ann")]
    assert accept["object"] == {
        "id": request["id"],
        "type": "QuoteRequest",
        "actor": people.uri("ann"),
        "object": uri,
        "instrument": note["id"],
    }
    status, document = await at(server, accept["result"])
    assert status == 200
    assert document.pop("@context")[0] == AS
    assert document == {
        "id": accept["result"],
        "type": "QuoteAuthorization",
        "attributedTo": f"{server.base_url}/ap/blog",
        "interactingObject": note["id"],
        "interactionTarget": uri,
    }


async def test_page_address_of_a_post_names_the_post(
    server: Server, people: People, post: dict[str, Any]
) -> None:
    note = quote(people, post["url"])
    request = await ask(server, people, "QuoteRequest", post["url"], note)
    accept = await answer_to(server, people, request)
    assert accept["object"]["object"] == post["activitypub_id"]


async def test_quote_by_its_address_alone_is_authorized(
    server: Server, people: People, post: dict[str, Any]
) -> None:
    note = people.new_uri("notes")
    request = await ask(server, people, "QuoteRequest", post["activitypub_id"], note)
    assert (await answer_to(server, people, request))["type"] == "Accept"


async def test_blog_and_authors_may_be_featured_and_others_of_ours_not(
    server: Server, people: People, post: dict[str, Any]
) -> None:
    author = (await server.api("GET", f"/posts/{post['id']}")).json()["authors"][0]["id"]
    collection = people.new_uri("collections")
    for actor in (f"{server.base_url}/ap/blog", f"{server.base_url}/ap/authors/{author}"):
        request = await ask(server, people, "FeatureRequest", actor, collection)
        accept = await answer_to(server, people, request)
        assert accept["actor"] == actor
        _, document = await at(server, accept["result"])
        assert document["type"] == "FeatureAuthorization"
        assert document["interactionTarget"] == actor
        _, shown = await at(server, actor)
        assert shown["interactionPolicy"]["canFeature"]["automaticApproval"] == [PUBLIC]
    for name in ("instance", "readers", "authors/01KAXJ5C2N6V0Q3T8W9Y4Z7B1D"):
        await ask(server, people, "FeatureRequest", f"{server.base_url}/ap/{name}", collection)
    for name in ("instance", "readers"):
        assert "interactionPolicy" not in (await at(server, f"{server.base_url}/ap/{name}"))[1]
    assert len(await authorizations(server)) == 2


@pytest.mark.parametrize(
    ("kind", "inner", "count"),
    [("LikeRequest", "Like", "likes"), ("AnnounceRequest", "Announce", "shares")],
)
async def test_like_and_boost_are_authorized_and_counted_once(
    server: Server, people: People, post: dict[str, Any], kind: str, inner: str, count: str
) -> None:
    uri = post["activitypub_id"]
    done = people.activity(inner, "ann", uri)
    accept = await answer_to(server, people, await ask(server, people, kind, uri, done))
    _, document = await at(server, accept["result"])
    assert document["type"] == f"{inner}Authorization"
    assert document["interactingObject"] == done["id"]
    await people.post(server.inbox, done, by="ann")
    assert (await server.counts(post))[count] == 1


async def test_reply_to_an_open_post_is_authorized_and_shown(
    server: Server, people: People, post: dict[str, Any]
) -> None:
    uri = post["activitypub_id"]
    note = people.note("ann", uri, "<p>May I?</p>")
    accept = await answer_to(server, people, await ask(server, people, "ReplyRequest", uri, note))
    assert accept["type"] == "Accept"
    assert (await at(server, accept["result"]))[1]["type"] == "ReplyAuthorization"
    assert [c["content"] for c in await server.comments(post)] == ["<p>May I?</p>"]
    await people.post(server.inbox, people.activity("Create", "ann", note), by="ann")
    assert len(await server.comments(post)) == 1


async def test_request_that_embeds_what_it_is_about_knows_the_reply_that_stands(
    server: Server, people: People, post: dict[str, Any]
) -> None:
    """Both what is asked for and what it is about are embedded; the reply came before, or went."""
    uri = post["activitypub_id"]
    note, gone = (people.note("ann", uri, "<p>May I?</p>") for _ in range(2))
    embedded = people.note("ann", None, "<p>The post</p>") | {"id": uri, "type": "Article"}
    await people.post(server.inbox, people.activity("Create", "ann", note), by="ann")
    await people.post(server.inbox, people.activity("Delete", "ann", gone["id"]), by="ann")
    for item in (note, gone):
        activity = people.activity("ReplyRequest", "ann", embedded, instrument=item)
        answer = await people.post(server.inbox, activity, by="ann")
        assert answer.status_code == 202, answer.text
    (comment,) = await server.comments(post)
    assert comment["activitypub_id"] == note["id"]


async def test_s38_reply_of_another_is_not_asked_for_by_its_address(
    server: Server, people: People, post: dict[str, Any]
) -> None:
    uri = post["activitypub_id"]
    bens = people.note("ben", uri, "<p>Mine</p>")
    await people.post(server.inbox, people.activity("Create", "ben", bens), by="ben")
    await ask(server, people, "ReplyRequest", uri, bens["id"], "ann")
    assert await authorizations(server) == []


async def test_reply_by_its_address_alone_is_fetched(
    server: Server, people: People, post: dict[str, Any]
) -> None:
    uri = post["activitypub_id"]
    note = people.note("ann", uri, "<p>Fetched</p>")
    people.publish(note["id"].removeprefix(people.base_url), note)
    request = await ask(server, people, "ReplyRequest", uri, note["id"])
    assert (await answer_to(server, people, request))["type"] == "Accept"
    await server.eventually(lambda: server.comments(post))


async def test_repeated_request_gets_the_same_authorization(
    server: Server, people: People, post: dict[str, Any]
) -> None:
    uri = post["activitypub_id"]
    note = quote(people, uri)
    results = {
        (await answer_to(server, people, await ask(server, people, "QuoteRequest", uri, note)))[
            "result"
        ]
        for _ in range(3)
    }
    assert len(results) == 1
    assert len(await authorizations(server)) == 1


async def test_reply_by_an_author_may_be_quoted_too(
    server: Server, people: People, post: dict[str, Any]
) -> None:
    note = people.note("ann", post["activitypub_id"], "<p>Hm</p>")
    await people.post(server.inbox, people.activity("Create", "ann", note), by="ann")
    (comment,) = await server.comments(post)
    path = f"/comments/{comment['id']}/reply"
    ours = (await server.api("POST", path, json={"content": "Ah"})).json()["activitypub_id"]
    request = await ask(server, people, "QuoteRequest", ours, quote(people, ours))
    accept = await answer_to(server, people, request)
    assert "/ap/authors/" in accept["actor"]
    _, document = await at(server, accept["result"])
    assert (document["interactionTarget"], document["attributedTo"]) == (ours, accept["actor"])
    # What another wrote is not ours to lend.
    await ask(server, people, "QuoteRequest", note["id"], quote(people, note["id"], "ben"), "ben")
    assert len(await authorizations(server)) == 1


# --- policies --------------------------------------------------------------------------------


async def test_policy_of_a_post_follows_how_its_comments_are_kept(server: Server) -> None:
    blog = f"{server.base_url}/ap/blog"
    readers = f"{server.base_url}/ap/readers"
    expected = {
        "open": ([PUBLIC], []),
        "held": ([blog, readers], [PUBLIC]),
        "closed": ([blog], []),
    }
    for comments, (automatic, manual) in expected.items():
        made = await server.publish(f"On {comments} rivers", comments=comments)
        _, article = await at(server, made["activitypub_id"])
        policy = article["interactionPolicy"]
        assert policy["canReply"]["automaticApproval"] == automatic
        assert policy["canReply"]["manualApproval"] == manual
        for name in ("canLike", "canAnnounce", "canQuote"):
            assert policy[name]["automaticApproval"] == [PUBLIC]


async def test_reply_to_a_closed_post_is_rejected(server: Server, people: People) -> None:
    people.add("ann")
    post = await server.publish(comments="closed")
    uri = post["activitypub_id"]
    note = people.note("ann", uri, "<p>Too late</p>")
    reject = await answer_to(server, people, await ask(server, people, "ReplyRequest", uri, note))
    assert reject["type"] == "Reject"
    assert "result" not in reject
    assert await server.comments(post) == []


async def test_reply_to_a_held_post_is_answered_when_a_moderator_has_decided(
    server: Server, people: People
) -> None:
    for name in ("ann", "ben"):
        people.add(name)
    post = await server.publish(comments="held")
    uri = post["activitypub_id"]
    requests = {}
    for name in ("ann", "ben"):
        note = people.note(name, uri, f"<p>{name}</p>")
        requests[name] = await ask(server, people, "ReplyRequest", uri, note, name)
    waiting = await authorizations(server, "waiting")
    assert {item["actor"] for item in waiting} == {people.uri("ann"), people.uri("ben")}
    assert answers(people, "Accept", "Reject") == []
    for item in waiting:
        assert (await at(server, item["activitypub_id"]))[0] == 404
    by_text = {c["content"]: c for c in await server.comments(post)}
    assert {c["status"] for c in by_text.values()} == {"held"}
    await server.api("POST", f"/comments/{by_text['<p>ann</p>']['id']}/approve")
    await server.api("POST", f"/comments/{by_text['<p>ben</p>']['id']}/spam")
    accept = await answer_to(server, people, requests["ann"])
    assert accept["type"] == "Accept"
    assert (await at(server, accept["result"]))[0] == 200
    assert (await answer_to(server, people, requests["ben"]))["type"] == "Reject"


async def test_approved_reply_that_came_without_asking_is_authorized_before_the_followers(
    server: Server, people: People
) -> None:
    for name in ("ann", "ben"):
        people.add(name)
    await people.post(
        server.inbox, people.activity("Follow", "ben", f"{server.base_url}/ap/blog"), by="ben"
    )
    post = await server.publish(comments="held")
    note = people.note("ann", post["activitypub_id"], "<p>Hello</p>")
    await people.post(server.inbox, people.activity("Create", "ann", note), by="ann")
    (comment,) = await server.comments(post)
    await server.api("POST", f"/comments/{comment['id']}/approve")

    async def both() -> Any:
        found = [
            entry
            for entry in people.inbox
            if entry["json"]["type"] == "Accept" and entry["json"]["object"] == note["id"]
        ]
        return found if len(found) == 2 else None

    told = await server.eventually(both)
    assert {entry["path"] for entry in told} == {"/inbox", "/users/ann/inbox"}
    accept = told[0]["json"]
    assert accept["target"] == post["activitypub_id"]
    assert PUBLIC in accept["cc"]
    _, document = await at(server, accept["result"])
    assert document["interactingObject"] == note["id"]
    await server.api("POST", f"/comments/{comment['id']}/approve")
    assert len(await authorizations(server)) == 1
    await server.api("DELETE", f"/comments/{comment['id']}")
    assert (await at(server, accept["result"]))[0] == 410


# --- taken back ------------------------------------------------------------------------------


async def test_revoked_authorization_is_gone_and_its_deletion_is_told(
    server: Server, people: People, post: dict[str, Any]
) -> None:
    uri = post["activitypub_id"]
    note = quote(people, uri)
    request = await ask(server, people, "QuoteRequest", uri, note)
    result = (await answer_to(server, people, request))["result"]
    assert (await at(server, result))[0] == 200  # and kept by the page cache
    (item,) = await authorizations(server, "granted")
    assert item["activitypub_id"] == result
    assert item["type"] == "QuoteAuthorization"
    assert (item["actor"], item["handle"]) == (people.uri("ann"), f"@ann@{host(people)}")
    assert (item["object"], item["target"]) == (note["id"], uri)
    answer = await server.api("DELETE", f"/authorizations/{item['id']}")
    assert answer.status_code == 204
    status, document = await at(server, result)
    assert status == 410
    assert (document["type"], document["formerType"]) == ("Tombstone", "QuoteAuthorization")

    async def told() -> Any:
        return answers(people, "Delete")

    (delete,) = await server.eventually(told)
    assert answers(people, "Reject") == []  # of a quote no Reject is known but of its request
    assert delete["actor"] == f"{server.base_url}/ap/blog"
    assert delete["object"]["id"] == result
    assert delete["object"]["interactingObject"] == note["id"]
    assert (await server.api("DELETE", f"/authorizations/{item['id']}")).status_code == 409
    again = await ask(server, people, "QuoteRequest", uri, note)
    assert (await answer_to(server, people, again))["type"] == "Reject"
    assert [one["state"] for one in await authorizations(server)] == ["revoked"]


def host(people: People) -> str:
    return people.base_url.removeprefix("http://")


async def revoke(server: Server) -> None:
    (item,) = await authorizations(server, "granted")
    assert (await server.api("DELETE", f"/authorizations/{item['id']}")).status_code == 204


async def rejected(server: Server, people: People) -> dict[str, Any]:
    async def found() -> Any:
        return answers(people, "Reject")

    (reject,) = await server.eventually(found)
    return reject


async def page(server: Server, post: dict[str, Any]) -> str:
    return (await server.anonymous(post["url"].removeprefix(server.base_url))).text


async def test_reply_whose_authorization_is_revoked_goes_from_the_page_and_is_rejected(
    server: Server, people: People, post: dict[str, Any]
) -> None:
    uri = post["activitypub_id"]
    note = people.note("ann", uri, "<p>May I?</p>")
    request = await ask(server, people, "ReplyRequest", uri, note)
    result = (await answer_to(server, people, request))["result"]
    assert "May I?" in await page(server, post)
    await revoke(server)
    reject = await rejected(server, people)
    assert (reject["actor"], reject["to"]) == (f"{server.base_url}/ap/blog", [people.uri("ann")])
    # By its id alone: GoToSocial takes no Reject of an embedded object.
    assert (reject["object"], reject["target"]) == (note["id"], uri)
    assert (await at(server, result))[0] == 410
    assert "May I?" not in await page(server, post)
    assert (await server.counts(post))["comments"] == 0
    # Neither the same reply again nor an edit brings it back; a moderator can.
    later = note | {"content": "<p>May I please?</p>", "updated": "2199-01-01T00:00:00Z"}
    for kind, item in (("Create", note), ("Update", later)):
        await people.post(server.inbox, people.activity(kind, "ann", item), by="ann")
    assert (await server.counts(post))["comments"] == 0
    (comment,) = await server.comments(post)
    assert comment["status"] == "held"
    await server.api("POST", f"/comments/{comment['id']}/approve")
    assert (await server.counts(post))["comments"] == 1
    assert (await at(server, result))[0] == 200


@pytest.mark.parametrize(
    ("kind", "inner", "count"),
    [("LikeRequest", "Like", "likes"), ("AnnounceRequest", "Announce", "shares")],
)
@pytest.mark.parametrize("is_embedded", [True, False])
async def test_like_or_boost_whose_authorization_is_revoked_counts_no_more_and_is_rejected(
    server: Server,
    people: People,
    post: dict[str, Any],
    kind: str,
    inner: str,
    count: str,
    is_embedded: bool,
) -> None:
    uri = post["activitypub_id"]
    done = people.activity(inner, "ann", uri)
    kept = people.activity(inner, "ben", uri)
    await people.post(server.inbox, kept, by="ben")
    request = await ask(server, people, kind, uri, done if is_embedded else done["id"])
    await answer_to(server, people, request)
    if not is_embedded:
        await people.post(server.inbox, done, by="ann")
    assert (await server.counts(post))[count] == 2
    shown = await page(server, post)
    await revoke(server)
    reject = await rejected(server, people)
    assert (reject["object"], reject["target"]) == (done["id"], uri)
    assert (await server.counts(post))[count] == 1
    assert await page(server, post) != shown
    if is_embedded:  # comes only now, as it does after an Accept
        await people.post(server.inbox, done, by="ann")
        assert (await server.counts(post))[count] == 1


async def test_like_of_a_comment_of_ours_goes_with_its_authorization(
    server: Server, people: People, post: dict[str, Any]
) -> None:
    note = people.note("ann", post["activitypub_id"], "<p>Hm</p>")
    await people.post(server.inbox, people.activity("Create", "ann", note), by="ann")
    (comment,) = await server.comments(post)
    path = f"/comments/{comment['id']}/reply"
    ours = (await server.api("POST", path, json={"content": "Ah"})).json()["activitypub_id"]
    liked = people.activity("Like", "ben", ours)
    await ask(server, people, "LikeRequest", ours, liked, "ben")
    shown = await page(server, post)
    await revoke(server)
    assert (await page(server, post)) != shown
    reject = await rejected(server, people)
    assert "/ap/authors/" in reject["actor"]


async def test_revoking_one_persons_leave_touches_nobody_elses(
    server: Server, people: People, post: dict[str, Any]
) -> None:
    """An authorization names what the asker had: another's like by the same id stays."""
    uri = post["activitypub_id"]
    liked = people.activity("Like", "ann", uri)
    await people.post(server.inbox, liked, by="ann")
    await ask(server, people, "LikeRequest", uri, liked["id"], "ben")
    await revoke(server)
    assert (await server.counts(post))["likes"] == 1


async def test_spam_that_had_an_authorization_is_rejected(
    server: Server, people: People, post: dict[str, Any]
) -> None:
    uri = post["activitypub_id"]
    note = people.note("ann", uri, "<p>Buy</p>")
    await answer_to(server, people, await ask(server, people, "ReplyRequest", uri, note))
    (comment,) = await server.comments(post)
    await server.api("POST", f"/comments/{comment['id']}/spam")
    assert (await rejected(server, people))["object"] == note["id"]
    assert [one["status"] for one in await server.comments(post)] == ["spam"]


async def test_block_takes_authorizations_back(
    server: Server, people: People, post: dict[str, Any]
) -> None:
    uri = post["activitypub_id"]
    results = {}
    for name in ("ann", "ben"):
        note = quote(people, uri, name)
        request = await ask(server, people, "QuoteRequest", uri, note, name)
        results[name] = (await answer_to(server, people, request))["result"]
        assert (await at(server, results[name]))[0] == 200
    await server.api("POST", "/blocks", json={"actor": people.uri("ann")})
    assert (await at(server, results["ann"]))[0] == 410
    assert (await at(server, results["ben"]))[0] == 200


async def test_authorization_goes_with_the_post_it_is_about(
    server: Server, people: People, post: dict[str, Any]
) -> None:
    uri = post["activitypub_id"]
    request = await ask(server, people, "QuoteRequest", uri, quote(people, uri))
    result = (await answer_to(server, people, request))["result"]
    assert (await at(server, result))[0] == 200
    await server.api("DELETE", f"/posts/{post['id']}")
    assert (await at(server, result))[0] == 410


async def test_authorization_goes_with_the_answer_it_is_about(
    server: Server, people: People, post: dict[str, Any]
) -> None:
    note = people.note("ann", post["activitypub_id"], "<p>Well</p>")
    create = people.activity("Create", "ann", note)
    assert (await people.post(server.inbox, create, by="ann")).status_code == 202
    (comment,) = await server.comments(post)
    made = await server.api("POST", f"/comments/{comment['id']}/reply", json={"content": "Yes"})
    uri = made.json()["activitypub_id"]
    request = await ask(server, people, "QuoteRequest", uri, quote(people, uri))
    result = (await answer_to(server, people, request))["result"]
    assert (await at(server, result))[0] == 200
    await server.api("DELETE", f"/comments/{made.json()['id']}")
    assert (await at(server, result))[0] == 410


async def test_list_goes_on_and_knows_its_states(
    server: Server, people: People, post: dict[str, Any]
) -> None:
    uri = post["activitypub_id"]
    for _ in range(3):
        await ask(server, people, "QuoteRequest", uri, quote(people, uri))
    first = (await server.api("GET", "/authorizations?limit=2")).json()
    rest = (await server.api("GET", f"/authorizations?limit=2&cursor={first['next']}")).json()
    ids = [item["id"] for item in first["items"] + rest["items"]]
    assert len(set(ids)) == 3
    assert ids == sorted(ids, reverse=True)
    assert rest["next"] is None
    assert (await server.api("GET", "/authorizations?state=other")).status_code == 422
    for name in ("01KAXJ5C2N6V0Q3T8W9Y4Z7B1D", "x"):
        assert (await server.api("DELETE", f"/authorizations/{name}")).status_code == 404
        assert (await server.anonymous(f"/ap/authorizations/{name}")).status_code == 404
    async with httpx.AsyncClient(base_url=server.base_url, verify=False) as stranger:
        assert (await stranger.get("/api/v1/authorizations")).status_code == 401


# --- what is not believed --------------------------------------------------------------------


async def test_s21_requests_about_what_is_not_public_get_no_answer(
    server: Server, people: People, post: dict[str, Any]
) -> None:
    draft = (await server.api("POST", "/posts", json={"title": "No", "content": "x"})).json()
    base = server.base_url
    for uri in (
        f"{base}/ap/posts/{draft['id']}",
        f"{base}/ap/posts/01KAXJ5C2N6V0Q3T8W9Y4Z7B1D",
        f"{base}/ap/comments/01KAXJ5C2N6V0Q3T8W9Y4Z7B1D",
        f"{base}/ap/blog",
        people.new_uri("notes"),
    ):
        await ask(server, people, "QuoteRequest", uri, quote(people, uri))
    assert await authorizations(server) == []


async def test_s38_nobody_is_authorized_for_what_another_made(
    server: Server, people: People, post: dict[str, Any]
) -> None:
    uri = post["activitypub_id"]
    other = await server.publish("Another")
    elsewhere = "https://other.example/notes/1"
    for kind, instrument in (
        ("QuoteRequest", elsewhere),
        ("QuoteRequest", quote(people, uri, id=elsewhere)),
        ("QuoteRequest", quote(people, uri, attributedTo=people.uri("ben"))),
        ("QuoteRequest", quote(people, other["activitypub_id"])),  # quotes another post
        ("QuoteRequest", quote(people, uri) | {"quote": None}),  # quotes nothing
        ("QuoteRequest", people.activity("Like", "ann", uri)),
        ("QuoteRequest", f"{server.base_url}/ap/posts/{other['id']}"),
        ("QuoteRequest", None),
        ("QuoteRequest", ...),
        ("QuoteRequest", people.base_url + "/" + "n" * 1100),
        ("LikeRequest", people.activity("Like", "ben", uri)),
        ("LikeRequest", people.activity("Like", "ann", other["activitypub_id"])),
        ("LikeRequest", people.activity("Announce", "ann", uri)),
        ("AnnounceRequest", people.activity("Like", "ann", uri)),
        ("ReplyRequest", people.note("ann", other["activitypub_id"], "<p>x</p>")),
        ("ReplyRequest", people.note("ann", uri, "<p>x</p>", attributedTo=people.uri("ben"))),
        ("LikeRequest", people.note("ann", uri, "<p>x</p>")),
    ):
        await ask(server, people, kind, uri, instrument)
    assert await authorizations(server) == []
    assert await server.comments(post) == []
    assert await server.counts(post) == {
        "comments": 0, "likes": 0, "shares": 0, "followers_reached": 0,
    }  # fmt: skip


async def test_s38_forged_authorizations_change_nothing(
    server: Server, people: People, post: dict[str, Any]
) -> None:
    uri = post["activitypub_id"]
    request = await ask(server, people, "QuoteRequest", uri, quote(people, uri))
    result = (await answer_to(server, people, request))["result"]
    forged = {
        "id": people.new_uri("stamps"),
        "type": "QuoteAuthorization",
        "attributedTo": f"{server.base_url}/ap/blog",
        "interactingObject": people.new_uri("notes"),
        "interactionTarget": uri,
    }
    for activity in (
        people.activity("Accept", "ben", request, result=forged["id"]),
        people.activity("Create", "ben", forged),
        people.activity("Create", "ben", forged | {"id": result}),
        people.activity("Update", "ben", forged | {"id": result}),
        people.activity("Delete", "ben", result),
        people.activity("Delete", "ann", result),
        people.activity("Undo", "ben", request),
    ):
        answer = await people.post(server.inbox, activity, by=activity["actor"].rpartition("/")[2])
        assert answer.status_code == 202
    assert (await at(server, result))[0] == 200
    assert len(await authorizations(server)) == 1
    assert await server.comments(post) == []


async def test_s38_authorization_that_a_reply_claims_does_not_get_it_past_a_moderator(
    server: Server, people: People
) -> None:
    people.add("ann")
    open_post = await server.publish("Open")
    held = await server.publish("Held", comments="held")
    closed = await server.publish("Closed", comments="closed")
    uri = open_post["activitypub_id"]
    note = people.note("ann", uri, "<p>One</p>")
    accept = await answer_to(server, people, await ask(server, people, "ReplyRequest", uri, note))
    for target in (held, closed):
        claimed = people.note(
            "ann", target["activitypub_id"], "<p>Two</p>", replyAuthorization=accept["result"]
        )
        await people.post(server.inbox, people.activity("Create", "ann", claimed), by="ann")
    assert [c["status"] for c in await server.comments(held)] == ["held"]
    assert await server.comments(closed) == []


async def test_s38_same_object_of_two_people_is_two_authorizations(
    server: Server, people: People, post: dict[str, Any]
) -> None:
    """Whoever asks first does not take the place of the one whose object it is (S37)."""
    uri = post["activitypub_id"]
    note = quote(people, uri, "ben")
    await ask(server, people, "QuoteRequest", uri, note["id"], "ann")
    accept = await answer_to(
        server, people, await ask(server, people, "QuoteRequest", uri, note, "ben")
    )
    assert accept["to"] == [people.uri("ben")]
    assert len({item["activitypub_id"] for item in await authorizations(server)}) == 2


async def test_requests_of_one_actor_are_bounded_as_replies_are(
    settings: Settings, database_url: str, people: People
) -> None:
    people.add("ann")
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    few = settings.model_copy(
        update={"database_url": database_url, "actor_burst": 2, "actor_rate": 0.01}
    )
    async with running_server(few) as server:
        uri = (await server.publish())["activitypub_id"]
        statuses = []
        for _ in range(3):
            activity = people.activity("QuoteRequest", "ann", uri, instrument=quote(people, uri))
            statuses.append((await people.post(server.inbox, activity, by="ann")).status_code)
        assert statuses == [202, 202, 429]


async def test_s38_leave_is_not_given_to_another_for_what_somebody_was_refused(
    server: Server, people: People, post: dict[str, Any]
) -> None:
    uri = post["activitypub_id"]
    bens = quote(people, uri, by="ben")
    # Ben asks first, by address alone; Ann's account on the same server asks for the same note.
    await answer_to(
        server, people, await ask(server, people, "QuoteRequest", uri, bens["id"], "ben")
    )
    seen = len(answers(people, "Accept", "Reject"))
    await ask(server, people, "QuoteRequest", uri, bens["id"], "ann")
    # A later request of hers is answered, so the first one has had its turn.
    await answer_to(
        server, people, await ask(server, people, "QuoteRequest", uri, quote(people, uri))
    )
    assert len(answers(people, "Accept", "Reject")) == seen + 1
