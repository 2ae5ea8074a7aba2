"""Forwarding between fedblog and two servers made with Fedify: what a third server passes on is
believed for its proof alone, on both sides."""

from typing import Any

import pytest
from interop.fedify import Fedify
from support.servers import Server


@pytest.fixture
async def fedify(fedify_process: Fedify) -> Fedify:
    """Ann's server, which gives its documents to unsigned requests."""
    await fedify_process.reset(demandSigned=False)
    await fedify_process.person("ann", display="Ann of Fedify")
    return fedify_process


async def test_reply_with_a_proof_is_forwarded_to_a_follower_who_can_verify_it(
    fedify: Fedify, other_fedify: Fedify, server: Server
):
    blog = f"{server.base_url}/ap/blog"
    await other_fedify.act("carl", "follow", target=blog, to=blog)
    await other_fedify.eventually(lambda: other_fedify.heard("Accept"))
    post = await server.publish("On rivers")
    target = post["activitypub_id"]
    made = await fedify.act("ann", "reply", target=target, to=blog, content="<p>A reply</p>")
    await server.eventually(lambda: server.comments(post))
    [note] = await other_fedify.eventually(lambda: other_fedify.heard("Create", object_type="Note"))
    assert (note["actor"], note["objectId"]) == (f"{fedify.base_url}/people/ann", made["object"])
    entries = await other_fedify.received("Create")
    [entry] = [e for e in entries if e["activity"]["id"] == made["id"]]
    assert (entry["keyOwner"], entry["isVerified"]) == (blog, True)
    assert entry["isProofVerified"]
    assert "signature" in entry["activity"]  # forwarded as it came
    # Who wrote it has it already.
    assert not [e for e in await fedify.received("Create") if e["activity"]["id"] == made["id"]]


async def test_reply_forwarded_by_fedify_is_believed_for_its_proof(
    fedify: Fedify, other_fedify: Fedify, server: Server
):
    await other_fedify.forward(f"{server.base_url}/ap/blog")
    post = await server.publish("On rivers")
    carl = f"{other_fedify.base_url}/people/carl"
    made = await fedify.act(
        "ann", "reply", target=post["activitypub_id"], to=carl, content="<p>By way of Carl</p>"
    )

    async def arrived() -> list[dict[str, Any]]:
        return await server.comments(post)

    [comment] = await server.eventually(arrived)
    assert comment["activitypub_id"] == made["object"]
    assert comment["author"]["name"] == "Ann of Fedify"
    posted = (await other_fedify.view())["posted"]
    assert [entry["status"] for entry in posted] == [202]
    # Proven by the proof: the note itself was not asked for.
    asked = [entry["path"] for entry in (await fedify.view())["fetched"]]
    assert made["object"].removeprefix(fedify.base_url) not in asked
