"""fedblog and a server made with Fedify, an implementation that shares no code with it.

Every step is looked at from both sides: what Fedify received, by whom it holds it to be signed and
proven, and what it made of it; and what fedblog's API and pages show.
"""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from interop.fedify import Fedify
from support.servers import Server, running_server

from fedblog.remote.schemes import IMPLEMENTED
from fedblog.settings import Settings


async def follow(fedify: Fedify, server: Server, person: str = "ann", what: str = "blog") -> str:
    """Let *person* follow the blog; gives the id of the Follow once the blog has accepted it."""
    uri = f"{server.base_url}/ap/{what}"
    made = await fedify.act(person, "follow", target=uri, to=uri)
    accepts = await fedify.eventually(lambda: fedify.heard("Accept"))
    assert [(a["actor"], a["objectId"]) for a in accepts] == [(uri, made["id"])]
    return made["id"]


async def follower_uris(server: Server) -> list[str]:
    return [i["actor"] for i in (await server.api("GET", "/followers")).json()["items"]]


def proven(entry: dict[str, Any], owner: str, scheme: str = "cavage") -> bool:
    """Fedify holds the request's signature to be *owner*'s."""
    return (entry["scheme"], entry["isVerified"], entry["keyOwner"]) == (scheme, True, owner)


async def test_fedify_follows_and_receives_a_post_it_can_verify(fedify: Fedify, server: Server):
    blog = f"{server.base_url}/ap/blog"
    await follow(fedify, server)
    assert await follower_uris(server) == [f"{fedify.base_url}/people/ann"]
    post = await server.publish("On rivers", content="Water *finds* its way.")
    [create] = await fedify.eventually(lambda: fedify.heard("Create"))
    article = create["object"]
    assert article["type"] == "Article"
    assert article["id"] == post["activitypub_id"]
    assert article["name"] == "On rivers"
    assert "<em>finds</em>" in article["content"]
    assert article["url"] == post["url"]
    assert "https://www.w3.org/ns/activitystreams#Public" in article["to"] + article["cc"]
    [entry] = await fedify.received("Create")
    assert proven(entry, entry["activity"]["actor"])
    assert entry["activity"]["actor"] == blog
    assert entry["path"] == "/inbox"
    [accept] = await fedify.received("Accept")
    assert proven(accept, blog)


async def test_revised_and_deleted_post_reaches_fedify(fedify: Fedify, server: Server):
    await follow(fedify, server)
    post = await server.publish("On rivers")
    await fedify.eventually(lambda: fedify.heard("Create"))
    answer = await server.api("PATCH", f"/posts/{post['id']}", json={"title": "On brooks"})
    assert answer.status_code == 200, answer.text
    [update] = await fedify.eventually(lambda: fedify.heard("Update", object_type="Article"))
    assert update["object"]["name"] == "On brooks"
    assert update["object"]["updated"] is not None
    answer = await server.api("DELETE", f"/posts/{post['id']}")
    assert answer.status_code in (200, 204), answer.text
    [gone] = await fedify.eventually(lambda: fedify.heard("Delete"))
    assert gone["objectId"] == post["activitypub_id"]
    [entry] = await fedify.received("Delete")
    assert proven(entry, f"{server.base_url}/ap/blog")


async def test_reply_is_edited_answered_and_deleted(fedify: Fedify, server: Server):
    blog = f"{server.base_url}/ap/blog"
    await follow(fedify, server)
    post = await server.publish("On rivers")
    made = await fedify.act(
        "ann", "reply", target=post["activitypub_id"], to=blog, content="<p>From <b>Fedify</b></p>"
    )
    [comment] = await server.eventually(lambda: server.comments(post))
    assert "Fedify" in comment["content"]
    assert comment["activitypub_id"] == made["object"]
    assert comment["author"]["url"] == f"{fedify.base_url}/@ann"
    page = (await server.anonymous(post["url"].removeprefix(server.base_url))).text
    assert "Ann of Fedify" in page

    await fedify.act("ann", "edit", target=made["object"], to=blog, content="<p>Thought again</p>")

    async def edited() -> bool:
        return "Thought again" in (await server.comments(post))[0]["content"]

    await server.eventually(edited)

    answer = await server.api(
        "POST", f"/comments/{comment['id']}/reply", json={"content": "Thank you."}
    )
    assert answer.status_code == 201, answer.text
    [create] = await fedify.eventually(lambda: fedify.heard("Create", object_type="Note"))
    assert create["object"]["replyTarget"] == made["object"]
    assert "Thank you." in create["object"]["content"]

    await fedify.act("ann", "delete", target=made["object"], to=blog)

    async def gone() -> bool:
        return all("Thought again" not in (c["content"] or "") for c in await server.comments(post))

    await server.eventually(gone)


async def test_reactions_are_counted_and_taken_back(fedify: Fedify, server: Server):
    blog = f"{server.base_url}/ap/blog"
    post = await server.publish("On rivers")
    target = post["activitypub_id"]
    like = await fedify.act("ann", "like", target=target, to=blog)
    boost = await fedify.act("ann", "boost", target=target, to=blog)
    await fedify.person("ben")
    react = await fedify.act("ben", "react", target=target, to=blog, content="🌊")

    async def counts() -> bool:
        found = await server.counts(post)
        return (found["likes"], found["shares"]) == (2, 1)

    await server.eventually(counts)
    for person, activity in (("ann", like), ("ann", boost), ("ben", react)):
        await fedify.act(person, "undo", target=activity["id"], to=blog)

    async def none_left() -> bool:
        return not any((await server.counts(post)).values())

    await server.eventually(none_left)


async def test_shared_inbox_takes_what_fedify_sends(fedify: Fedify, server: Server):
    blog = f"{server.base_url}/ap/blog"
    post = await server.publish("On rivers")
    await fedify.act(
        "ann",
        "reply",
        target=post["activitypub_id"],
        to=blog,
        content="<p>Shared</p>",
        isShared=True,
    )
    [comment] = await server.eventually(lambda: server.comments(post))
    assert "Shared" in comment["content"]


async def test_unfollowing_ends_deliveries(fedify: Fedify, server: Server):
    made = await follow(fedify, server)
    await fedify.act("ann", "undo", target=made, to=f"{server.base_url}/ap/blog")

    async def none_left() -> bool:
        return await follower_uris(server) == []

    await server.eventually(none_left)


async def test_blocking_ends_the_following(fedify: Fedify, server: Server):
    blog = f"{server.base_url}/ap/blog"
    await follow(fedify, server)
    await fedify.act("ann", "block", target=blog, to=blog)

    async def none_left() -> bool:
        return await follower_uris(server) == []

    await server.eventually(none_left)


async def test_deleted_account_takes_its_comments_along(fedify: Fedify, server: Server):
    blog = f"{server.base_url}/ap/blog"
    post = await server.publish("On rivers")
    await fedify.act("ann", "reply", target=post["activitypub_id"], to=blog, content="<p>Mine</p>")
    await server.eventually(lambda: server.comments(post))
    await fedify.act("ann", "delete account", to=blog)

    async def gone() -> bool:
        return all("Mine" not in (c["content"] or "") for c in await server.comments(post))

    await server.eventually(gone)


async def test_new_name_of_a_person_is_shown(fedify: Fedify, server: Server):
    blog = f"{server.base_url}/ap/blog"
    post = await server.publish("On rivers")
    await fedify.act("ann", "reply", target=post["activitypub_id"], to=blog, content="<p>Mine</p>")
    await server.eventually(lambda: server.comments(post))
    await fedify.act("ann", "rename", to=blog, content="Ann the Elder")

    async def renamed() -> bool:
        return (await server.comments(post))[0]["author"]["name"] == "Ann the Elder"

    await server.eventually(renamed)


async def test_report_arrives_with_its_text(fedify: Fedify, server: Server):
    blog = f"{server.base_url}/ap/blog"
    post = await server.publish("On rivers")
    target = post["activitypub_id"]
    await fedify.act("ann", "flag", target=target, to=blog, content="Not about rivers")

    async def reports() -> list[dict[str, Any]]:
        return (await server.api("GET", "/reports")).json()["items"]

    [report] = await server.eventually(reports)
    assert (report["content"], report["objects"]) == ("Not about rivers", [target])


async def test_whom_we_block_is_neither_heard_nor_served(fedify: Fedify, server: Server):
    blog = f"{server.base_url}/ap/blog"
    await follow(fedify, server)
    post = await server.publish("On rivers")
    await fedify.eventually(lambda: fedify.heard("Create"))
    blocked = {"actor": f"{fedify.base_url}/people/ann"}
    answer = await server.api("POST", "/blocks", json=blocked)
    assert answer.status_code == 201, answer.text
    await fedify.person("ben")
    for person in ("ann", "ben"):
        target = post["activitypub_id"]
        await fedify.act(person, "reply", target=target, to=blog, content=f"<p>By {person}</p>")
    [comment] = await server.eventually(lambda: server.comments(post))
    assert "By ben" in comment["content"]

    async def refused() -> list[dict[str, Any]]:
        return [e for e in (await fedify.view())["posted"] if e["status"] == 403]

    assert await fedify.eventually(refused)
    assert await follower_uris(server) == []
    await server.publish("On brooks")
    assert len(await server.comments(post)) == 1
    assert len(await fedify.heard("Create")) == 1


async def test_our_gets_are_signed_so_that_fedify_answers_them(fedify: Fedify, server: Server):
    blog = f"{server.base_url}/ap/blog"
    ann = f"{fedify.base_url}/people/ann"
    assert (await server.anonymous(ann, Accept="application/activity+json")).status_code == 401
    await fedify.act("ann", "follow", target=blog, to=blog)
    await fedify.eventually(lambda: fedify.heard("Accept"))
    view = await fedify.view()
    ours = [e for e in view["fetched"] if (e["userAgent"] or "").startswith("fedblog")]
    assert [e["path"] for e in ours] == ["/people/ann"]
    assert proven(ours[0], f"{server.base_url}/ap/instance")
    assert ours[0]["status"] == 200


async def test_fedify_reads_our_actors_and_posts(fedify: Fedify, server: Server):
    post = await server.publish("On rivers")
    blog = await fedify.look(f"{server.base_url}/ap/blog")
    assert blog is not None
    assert blog["type"] == "Group"
    assert blog["preferredUsername"] == "blog"
    assert blog["inbox"] == f"{server.base_url}/ap/blog/inbox"
    assert blog["sharedInbox"] == server.inbox
    assert [k["algorithm"] for k in blog["publicKeys"]] == ["RSASSA-PKCS1-v1_5"]
    assert [k["algorithm"] for k in blog["assertionMethods"]] == ["Ed25519"]
    seen = await fedify.look(post["activitypub_id"])
    assert seen is not None
    assert (seen["type"], seen["name"], seen["url"]) == ("Article", "On rivers", post["url"])
    assert await fedify.look(post["url"]) == seen  # the human address, asked for as ActivityPub
    found = await fedify.webfinger(f"{server.base_url}/ap/blog")
    assert found is not None
    assert f"{server.base_url}/ap/blog" in [link.get("href") for link in found["links"]]


@pytest.mark.parametrize("scheme", ["cavage", "rfc9421"])
async def test_each_scheme_of_fedify_is_verified_at_first_knock(
    scheme: str, fedify: Fedify, server: Server
):
    await fedify.reset(firstKnock=scheme)
    await fedify.person("ann")
    await follow(fedify, server)
    post = await server.publish("On rivers")
    for shared in (False, True):
        await fedify.act(
            "ann",
            "reply",
            target=post["activitypub_id"],
            to=f"{server.base_url}/ap/blog",
            content="<p>Hello</p>",
            isShared=shared,
        )

    async def both() -> bool:
        return len(await server.comments(post)) == 2

    await server.eventually(both)
    posted = (await fedify.view())["posted"]
    assert {(entry["scheme"], entry["status"]) for entry in posted} == {(scheme, 202)}
    assert {entry["url"] for entry in posted} == {f"{server.base_url}/ap/blog/inbox", server.inbox}


@pytest.mark.parametrize("refused", ["cavage", "rfc9421"])
async def test_refused_scheme_is_followed_by_the_other_and_that_is_remembered(
    refused: str, fedify: Fedify, server: Server
):
    blog = f"{server.base_url}/ap/blog"
    taken = {"cavage": "rfc9421", "rfc9421": "cavage"}[refused]
    await fedify.refuse(refused)
    await follow(fedify, server)
    await server.publish("One")
    await fedify.eventually(lambda: fedify.heard("Create"))
    await server.publish("Two")

    async def both() -> bool:
        return len(await fedify.heard("Create")) == 2

    await fedify.eventually(both)
    entries = await fedify.received(status=None)
    first, *later = entries
    if first["status"] == 401:  # knocked once with the scheme that is refused, and never again
        assert (first["scheme"], first["activity"]["type"]) == (refused, "Accept")
        entries = later
    assert [e["activity"]["type"] for e in entries] == ["Accept", "Create", "Create"]
    assert all(proven(e, blog, taken) and e["status"] == 202 for e in entries)


async def test_first_scheme_refused_makes_us_knock_twice(fedify: Fedify, server: Server):
    blog = f"{server.base_url}/ap/blog"
    await fedify.refuse("first")
    await follow(fedify, server)
    first, second = await fedify.received("Accept", status=None)
    assert (first["status"], second["status"]) == (401, 202)
    assert first["scheme"] != second["scheme"]
    assert proven(second, blog, second["scheme"])
    assert first["isVerified"]  # refused for its scheme alone


@pytest.mark.parametrize("refused", ["cavage", "rfc9421"])
async def test_get_refused_for_its_scheme_is_asked_again_by_the_other(
    refused: str, fedify: Fedify, server: Server
):
    await fedify.refuse(refused, method="GET")
    await follow(fedify, server)
    view = await fedify.view()
    ours = [e for e in view["fetched"] if (e["userAgent"] or "").startswith("fedblog")]
    assert ours[-1]["status"] == 200
    assert proven(ours[-1], f"{server.base_url}/ap/instance", ours[-1]["scheme"])
    assert ours[-1]["scheme"] != refused
    assert [e["scheme"] for e in ours[:-1]] in ([], [refused])


async def test_post_signed_by_our_ed25519_key_is_verified_by_fedify(fedify: Fedify, server: Server):
    """Its verifier holds the signature to be good. It looks for the key in publicKey alone, where
    no Ed25519 key stands, so the key is handed to it."""
    blog = f"{server.base_url}/ap/blog"
    await fedify.reset(implemented=list(IMPLEMENTED))
    await fedify.person("ann")
    await follow(fedify, server)
    await server.publish("On rivers")
    await fedify.eventually(lambda: fedify.heard("Create"))
    for kind in ("Accept", "Create"):
        [entry] = await fedify.received(kind)
        assert entry["scheme"] == "rfc9421"
        assert entry["isVerifiedByMultikey"], kind
        assert not entry["isVerified"]  # once Fedify finds the key, this test hands it none
    signed = [
        dict(exchange["request"]["headers"])["signature-input"]
        for exchange in await fedify.exchanges()
        if exchange["request"]["method"] == "POST"
    ]
    assert len(signed) == 2
    assert all(f'keyid="{blog}#ed25519-key"' in value for value in signed)


async def test_fedify_signs_requests_by_no_ed25519_key(fedify: Fedify):
    """So nothing of it can be verified here; once it does, this test says so."""
    error = await fedify.error_of_ed25519("ann")
    assert error == "TypeError: Unsupported algorithm: Ed25519"


async def test_what_we_send_carries_proofs_that_fedify_verifies(fedify: Fedify, server: Server):
    await follow(fedify, server)
    post = await server.publish("On rivers")
    await fedify.eventually(lambda: fedify.heard("Create"))
    await server.api("PATCH", f"/posts/{post['id']}", json={"title": "On brooks"})
    await fedify.eventually(lambda: fedify.heard("Update"))
    await server.api("DELETE", f"/posts/{post['id']}")
    await fedify.eventually(lambda: fedify.heard("Delete"))
    entries = [e for e in await fedify.received() if e["activity"]["type"] != "Accept"]
    assert len(entries) >= 3
    for entry in entries:
        proof = entry["activity"].get("proof")
        assert proof is not None, entry["activity"]["type"]
        assert proof["cryptosuite"] == "eddsa-jcs-2022"
        assert proof["verificationMethod"] == f"{server.base_url}/ap/blog#ed25519-key"
        assert entry["isProofVerified"], entry["activity"]["type"]


@pytest.fixture
async def closed_server(settings: Settings, database_url: str) -> AsyncIterator[Server]:
    """A server that gives its documents to signed requests alone."""
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    changes = {"database_url": database_url, "authorized_fetch": True}
    async with running_server(settings.model_copy(update=changes)) as started:
        yield started


async def test_both_demand_signed_gets_and_still_talk(fedify: Fedify, closed_server: Server):
    server = closed_server
    blog = f"{server.base_url}/ap/blog"
    post = await server.publish("On rivers")
    assert await fedify.look(post["activitypub_id"]) is None
    seen = await fedify.look(post["activitypub_id"], by="ann")
    assert seen is not None
    assert (seen["type"], seen["name"]) == ("Article", "On rivers")
    await follow(fedify, server)
    await server.publish("On brooks")
    [create] = await fedify.eventually(lambda: fedify.heard("Create"))
    assert create["object"]["name"] == "On brooks"
    [entry] = await fedify.received("Create")
    assert proven(entry, blog)
    await fedify.act(
        "ann", "reply", target=post["activitypub_id"], to=blog, content="<p>Through two gates</p>"
    )
    [comment] = await server.eventually(lambda: server.comments(post))
    assert "Through two gates" in comment["content"]
