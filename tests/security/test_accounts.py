"""Accounts that go, keys that change with nobody left to ask, and the pages' own defences."""

import asyncio
import re
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from support.pages import BROWSER
from support.people import People
from support.servers import Server

from fedblog.activitystreams.reading import read_activity
from fedblog.federation.batch import Batcher
from fedblog.federation.blocklist import Blocklist
from fedblog.federation.facts import Incoming


async def followers(server: Server) -> list[str]:
    return [item["actor"] for item in (await server.api("GET", "/followers")).json()["items"]]


async def test_s35_account_that_is_gone_is_deleted_by_the_key_that_is_known(
    server: Server, people: People
) -> None:
    for name in ("ann", "mallory"):
        people.add(name)
    follow = people.activity("Follow", "ann", f"{server.base_url}/ap/blog")
    assert (await people.post(server.inbox, follow, by="ann")).status_code == 202
    people.publish("/users/ann", {}, status=410)
    ann = people.uri("ann")
    delete = people.activity("Delete", "ann", ann)
    # Somebody else's key in her name, which cannot be fetched anew: nothing happens.
    answer = await people.post(server.inbox, delete, by="mallory", key_id=f"{ann}#main-key")
    assert answer.status_code == 401
    assert await followers(server) == [ann]
    assert (await people.post(server.inbox, delete, by="ann")).status_code == 202
    assert await followers(server) == []


async def test_s22_undo_of_anothers_follow_in_the_same_transaction_is_ignored(
    server: Server, people: People
) -> None:
    """What a batch of activities has loaded is everybody's: each actor touches only its own."""
    for name in ("ann", "mallory"):
        people.add(name)
    site = server.site
    follow = people.activity("Follow", "ann", f"{server.base_url}/ap/blog")
    sent = [
        ("ann", follow),
        ("mallory", people.activity("Undo", "mallory", follow["id"])),
        ("mallory", people.activity("Undo", "mallory", follow)),
    ]
    batcher = Batcher(site.store, site.addresses, site.blog_id)
    submitted = []
    for name, document in sent:
        actor = await site.actors.actor(people.uri(name))
        incoming = Incoming(read_activity(document), actor, document["id"], datetime.now(UTC), 0)
        submitted.append(asyncio.create_task(batcher.submit(incoming)))
    await asyncio.sleep(0)
    running = asyncio.create_task(batcher.run())
    try:
        outcomes = await asyncio.gather(*submitted)
    finally:
        running.cancel()
    assert [outcome.result for outcome in outcomes] == ["stored", "ignored", "ignored"]
    assert await followers(server) == [people.uri("ann")]


async def test_s32_servers_below_a_blocked_one_are_blocked_in_every_spelling(
    server: Server,
) -> None:
    for domain in ("bad.example", "bücher.example"):
        answer = await server.api("POST", "/blocks", json={"domain": domain})
        assert answer.status_code == 201
    blocklist = Blocklist(server.site.store, server.site.blog_id)
    await blocklist.refresh()
    for host in (
        "bad.example",
        "BAD.example.",
        "a.b.bad.example:8443",
        "x.bücher.example",
        "xn--bcher-kva.example",
    ):
        assert blocklist.holds_for(f"https://{host}/users/x"), host
    for host in ("notbad.example", "bad.example.org", "example", "cher.example"):
        assert not blocklist.holds_for(f"https://{host}/users/x"), host


async def test_s26_no_page_runs_a_script_that_stands_in_it(server: Server, people: People) -> None:
    people.add("ann")
    hostile = "<p>x<script>alert(1)</script><b onclick=alert(1)>y</b></p>"
    post = await server.publish(content=hostile)
    note = people.note("ann", post["activitypub_id"], hostile)
    create = people.activity("Create", "ann", note)
    assert (await people.post(server.inbox, create, by="ann")).status_code == 202
    interact = f"/interact?object={server.base_url}/ap/blog&action=follow"
    for path in ("/", urlsplit(post["url"]).path, interact, "/nowhere/"):
        answer = await server.anonymous(path, accept=BROWSER)
        policy = directives(answer.headers["content-security-policy"])
        assert policy["default-src"] == ["'none'"], path
        for name in ("script-src", "object-src", "base-uri"):
            allowed = set(policy.get(name, policy["default-src"]))
            assert not allowed & {"'unsafe-inline'", "'unsafe-eval'", "*", "data:", "https:"}, path
        scripts = re.findall(r"<script\b([^>]*)>(.*?)</script>", answer.text, re.DOTALL)
        assert all(
            "src=" in attributes or "application/ld+json" in attributes for attributes, _ in scripts
        )
        assert not re.search(r"<[a-z]+\s[^>]*\bon[a-z]+=", answer.text), path


def directives(policy: str) -> dict[str, list[str]]:
    found: dict[str, Any] = {}
    for directive in policy.split(";"):
        name, *values = directive.split()
        found[name] = values
    return found
