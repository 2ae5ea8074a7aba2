"""What is copied of an actor follows the actor: inbox, shared inbox, keys, name."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, select
from support.people import People
from support.servers import Server

from fedblog.domain.block import Block
from fedblog.domain.ids import new_id
from fedblog.federation.blocklist import Blocklist
from fedblog.storage import blocks
from fedblog.storage.tables import followers, inboxes

pytestmark = pytest.mark.both_engines


async def send(server: Server, people: People, name: str, kind: str, item: Any) -> dict[str, Any]:
    activity = people.activity(kind, name, item)
    answer = await people.post(server.inbox, activity, by=name)
    assert answer.status_code == 202, answer.text
    return activity


async def follow(server: Server, people: People, name: str) -> None:
    await send(server, people, name, "Follow", f"{server.base_url}/ap/blog")


def inboxes_of(connection: Connection) -> dict[str, str]:
    rows = connection.execute(
        select(followers.c.actor_uri, inboxes.c.url).join(
            inboxes, inboxes.c.id == followers.c.inbox_id
        )
    )
    return {row.actor_uri.rpartition("/")[2]: row.url for row in rows}


async def goes_to(server: Server, people: People, name: str, path: str) -> bool:
    found = await server.site.store.read(inboxes_of)
    return found[name] == people.base_url + path


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"endpoints": {"sharedInbox": "/new/shared"}}, "/new/shared"),
        ({"endpoints": {}, "inbox": "/new/ann"}, "/new/ann"),
        ({"endpoints": None}, "/users/ann/inbox"),
        ({"endpoints": {}, "sharedInbox": "/top"}, "/top"),
    ],
)
async def test_update_of_an_actor_leads_posts_to_its_new_inbox(
    server: Server, people: People, changes: dict[str, Any], path: str
):
    people.add("ann")
    await follow(server, people, "ann")
    assert await goes_to(server, people, "ann", "/inbox")
    changes = {
        name: {key: people.base_url + inner for key, inner in value.items()}
        if isinstance(value, dict)
        else value and people.base_url + value
        for name, value in changes.items()
    }
    people.add("ann", **changes)
    await send(server, people, "ann", "Update", people.actor_document("ann") | changes)
    await server.eventually(lambda: goes_to(server, people, "ann", path))
    await server.publish()

    async def has_come() -> bool:
        return bool(people.came_to(path, "Create"))

    await server.eventually(has_come)
    assert people.came_to("/inbox", "Create") == []


async def test_inbox_is_right_however_the_actor_was_fetched(server: Server, people: People):
    uri = people.add("ann")
    await follow(server, people, "ann")
    people.add("ann", endpoints={})
    await server.site.actors.actor(uri, fresh=True)
    assert await goes_to(server, people, "ann", "/users/ann/inbox")


async def test_follow_again_takes_no_inbox_from_a_memory(server: Server, people: People):
    uri = people.add("ann")
    await follow(server, people, "ann")
    people.add("ann", endpoints={}, inbox=f"{people.base_url}/new")
    await server.site.actors.actor(uri, fresh=True)
    await follow(server, people, "ann")
    assert await goes_to(server, people, "ann", "/new")

    async def has_come() -> bool:
        return bool(people.came_to("/new", "Accept"))

    await server.eventually(has_come)


async def test_one_who_goes_leaves_the_shared_inbox_to_the_others(server: Server, people: People):
    people.inbox_answers["/inbox"] = (503, {})
    for name in ("ann", "ben"):
        people.add(name)
        await follow(server, people, name)
    post = await server.publish()
    await server.eventually(lambda: waits_at(server, post, "/inbox"))
    people.add("ann", endpoints={})
    await server.site.actors.actor(people.uri("ann"), fresh=True)

    async def has_come() -> bool:
        return bool(people.came_to("/users/ann/inbox", "Create"))

    await server.eventually(has_come)
    assert await waits_at(server, post, "/inbox")
    people.add("ben", endpoints={})
    await server.site.actors.actor(people.uri("ben"), fresh=True)
    answer = await server.api("GET", f"/deliveries?post={post['id']}")
    [left] = [item for item in answer.json()["items"] if item["inbox"].endswith(":" + port(people))]
    assert (left["state"], left["last_error"]) == ("failed", "goes to another inbox now")


def port(people: People) -> str:
    return people.base_url.rpartition(":")[2] + "/inbox"


async def waits_at(server: Server, post: dict[str, Any], path: str) -> bool:
    answer = await server.api("GET", f"/deliveries?post={post['id']}")
    return any(
        item["state"] == "waiting" and item["attempts"] and item["inbox"].endswith(path)
        for item in answer.json()["items"]
    )


async def test_edit_that_waits_goes_behind_the_article_at_the_new_inbox(
    server: Server, people: People
):
    people.inbox_answers["/inbox"] = (503, {})
    people.add("ann")
    await follow(server, people, "ann")
    post = await server.publish()
    await server.eventually(lambda: waits_at(server, post, "/inbox"))
    await server.api("PATCH", f"/posts/{post['id']}", json={"title": "On streams"})
    people.add("ann", endpoints={})
    await server.site.actors.actor(people.uri("ann"), fresh=True)

    async def both() -> bool:
        return bool(people.came_to("/users/ann/inbox", "Update"))

    await server.eventually(both)
    kinds = [e["json"]["type"] for e in people.inbox if e["path"] == "/users/ann/inbox"]
    assert [kind for kind in kinds if kind != "Accept"] == ["Create", "Update"]


async def test_actor_without_a_usable_inbox_keeps_the_one_it_had(server: Server, people: People):
    uri = people.add("ann")
    await follow(server, people, "ann")
    people.add("ann", endpoints={}, inbox="https://elsewhere.example/inbox")
    await server.site.actors.actor(uri, fresh=True)
    assert await goes_to(server, people, "ann", "/inbox")


async def test_key_in_memory_is_fetched_again_after_its_term(server: Server, people: People):
    uri = people.add("ann")
    await follow(server, people, "ann")
    directory = server.site.actors
    key_id = f"{uri}#main-key"
    known = directory.cached_key(key_id)
    assert known is not None
    old = datetime.now(UTC) - timedelta(days=8)
    aged = replace(known, key=replace(known.key, fetched_at=old))
    directory._keys.put(key_id, aged)
    assert directory.cached_key(key_id) is None


async def test_new_inbox_of_a_blocked_person_is_blocked_as_well(server: Server, people: People):
    uri = people.add("ann", endpoints={})
    site = server.site
    await site.actors.actor(uri, fresh=True)
    block = Block(new_id(), site.blog_id, None, uri, datetime.now(UTC))
    await site.store.write(blocks.insert_block, block)
    blocklist = Blocklist(site.store, site.blog_id)
    await blocklist.refresh()
    assert blocklist.forbids(f"{uri}/inbox")
    people.add("ann", endpoints={}, inbox=f"{people.base_url}/new")
    await site.actors.actor(uri, fresh=True)
    await blocklist.refresh()
    assert blocklist.forbids(f"{people.base_url}/new")
