"""Accounts that go, keys that change with nobody left to ask, and the pages' own defences."""

import re
from typing import Any
from urllib.parse import urlsplit

from support.pages import BROWSER
from support.people import People
from support.servers import Server


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
