"""A follower goes to another account."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from support.people import People
from support.servers import Server, listening_socket, serving
from support.values import person

from fedblog.domain.actor import RemoteActor
from fedblog.federation.moving import refusal


@pytest.fixture
async def elsewhere() -> AsyncIterator[People]:
    """The server that people move to."""
    listener = listening_socket()
    crowd = People(f"http://127.0.0.1:{listener.getsockname()[1]}")
    async with crowd, serving(crowd, listener):
        yield crowd


async def follow(server: Server, people: People, name: str = "ann") -> None:
    people.add(name)
    await again(server, people, name)


async def again(server: Server, people: People, name: str) -> None:
    activity = people.activity("Follow", name, f"{server.base_url}/ap/blog")
    answer = await people.post(server.inbox, activity, by=name)
    assert answer.status_code == 202


async def move(
    server: Server, people: People, new: str, old: str = "", by: str = "ann"
) -> dict[str, Any]:
    activity = people.activity("Move", by, old or people.uri("ann"), target=new)
    answer = await people.post(server.inbox, activity, by=by)
    assert answer.status_code == 202, answer.text
    return activity


async def follower_uris(server: Server) -> list[str]:
    answer = await server.api("GET", "/followers")
    return [item["actor"] for item in answer.json()["items"]]


async def no_jobs_left(server: Server) -> None:
    from sqlalchemy import Connection, func, select

    from fedblog.storage.tables import jobs

    def count(connection: Connection) -> int:
        return connection.execute(select(func.count()).select_from(jobs)).scalar_one()

    async def none() -> bool:
        return await server.site.store.read(count) == 0

    await server.eventually(none)


@pytest.mark.both_engines
async def test_follower_who_moved_is_followed_to_the_new_account(
    server: Server, people: People, elsewhere: People
) -> None:
    await follow(server, people)
    new = elsewhere.add("anna", alsoKnownAs=[people.uri("ann")])
    people.add("ann", movedTo=new)
    await move(server, people, new)

    async def moved() -> bool:
        return await follower_uris(server) == [new]

    await server.eventually(moved)
    await server.publish("After the move")

    async def came() -> Any:
        return [one for one in elsewhere.inbox if one["json"]["type"] == "Create"]

    (created,) = await server.eventually(came)
    assert created["path"] == "/inbox"
    assert not [one for one in people.inbox if one["json"]["type"] == "Create"]


async def test_false_move_does_not_hold_up_the_true_one(
    server: Server, people: People, elsewhere: People
) -> None:
    await follow(server, people)
    new = elsewhere.add("anna", alsoKnownAs=[people.uri("ann")])
    people.add("ann", movedTo=new)
    false = elsewhere.add("mallory")
    await follow(server, elsewhere, "mallory")  # its key is known here
    elsewhere.documents["/users/mallory"] = (500, "text/plain", b"")
    before = len(elsewhere.requests)
    await move(server, elsewhere, false, old=people.uri("ann"), by="mallory")

    def is_asked() -> bool:
        return len(elsewhere.requests) > before

    await server.eventually(is_asked)  # and will be again in half a minute
    await move(server, people, new)

    async def moved() -> bool:
        return new in await follower_uris(server)

    await server.eventually(moved)


async def test_new_account_may_say_the_move_itself(
    server: Server, people: People, elsewhere: People
) -> None:
    """FEP-7628 lets the new server send it."""
    await follow(server, people)
    new = elsewhere.add("ann", alsoKnownAs=people.uri("ann"))
    people.add("ann", movedTo=new)
    await move(server, elsewhere, new, old=people.uri("ann"))

    async def moved() -> bool:
        return await follower_uris(server) == [new]

    await server.eventually(moved)


async def test_update_of_an_account_that_moved_counts_as_its_move(
    server: Server, people: People, elsewhere: People
) -> None:
    """Many servers send a Move to their own followers only, which a blog is not."""
    await follow(server, people)
    new = elsewhere.add("anna", alsoKnownAs=[people.uri("ann")])
    people.add("ann", movedTo=new)
    update = people.activity("Update", "ann", people.actor_document("ann") | {"movedTo": new})
    await people.post(server.inbox, update, by="ann")

    async def moved() -> bool:
        return await follower_uris(server) == [new]

    await server.eventually(moved)


async def test_new_account_that_follows_already_stays_one_follower(
    server: Server, people: People, elsewhere: People
) -> None:
    await follow(server, people)
    await follow(server, elsewhere, "anna")
    new = elsewhere.add("anna", alsoKnownAs=[people.uri("ann")])
    people.add("ann", movedTo=new)
    await move(server, people, new)

    async def moved() -> bool:
        return await follower_uris(server) == [new]

    await server.eventually(moved)
    await again(server, elsewhere, "anna")
    assert await follower_uris(server) == [new]
    undo = elsewhere.activity(
        "Undo", "anna", {"type": "Follow", "object": f"{server.base_url}/ap/blog"}
    )
    await elsewhere.post(server.inbox, undo, by="anna")
    assert await follower_uris(server) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({}, {"alsoKnownAs": "OLD"}),  # the old account says nothing
        ({"movedTo": "NEW"}, {}),  # the new account says nothing
        ({"movedTo": "NEW"}, {"alsoKnownAs": ["https://other.example/users/ann"]}),
        ({"movedTo": "https://other.example/users/ann"}, {"alsoKnownAs": "OLD"}),
        ({"movedTo": "NEW"}, {"alsoKnownAs": "OLD", "movedTo": "OLD"}),  # a circle
        ({"movedTo": "NEW"}, {"alsoKnownAs": "OLD", "movedTo": "https://c.example/users/ann"}),
        ({"movedTo": "NEW"}, {"alsoKnownAs": "OLD", "id": "OTHER"}),
        ({"movedTo": "NEW"}, {"alsoKnownAs": "OLD", "inbox": None, "endpoints": None}),
    ],
)
async def test_s23_move_that_both_accounts_do_not_say_is_ignored(
    server: Server, people: People, elsewhere: People, old: dict[str, Any], new: dict[str, Any]
) -> None:
    await follow(server, people)
    names = {
        "OLD": people.uri("ann"),
        "NEW": elsewhere.uri("anna"),
        "OTHER": elsewhere.uri("other"),
    }

    def filled(changes: dict[str, Any]) -> dict[str, Any]:
        return {
            key: names.get(value, value) if isinstance(value, str) else value
            for key, value in changes.items()
        }

    elsewhere.add("anna", **filled(new))
    people.add("ann", **filled(old))
    await move(server, people, names["NEW"])
    await no_jobs_left(server)
    assert await follower_uris(server) == [people.uri("ann")]


async def test_s23_nobody_moves_another_and_nobody_moves_here_or_in_a_circle(
    server: Server, people: People, elsewhere: People
) -> None:
    await follow(server, people)
    people.add("ben")
    new = elsewhere.add("anna", alsoKnownAs=[people.uri("ann")])
    people.add("ann", movedTo=new)
    seen = len(elsewhere.requests)
    await move(server, people, new, by="ben")  # ben says that ann moved
    await move(server, people, people.uri("ann"))
    await move(server, people, f"{server.base_url}/ap/blog")
    await move(server, people, "javascript:alert(1)")
    await move(server, people, new, old=people.uri("ben"), by="ben")  # does not follow
    await move(server, elsewhere, new, old=f"{server.base_url}/ap/blog", by="anna")
    await no_jobs_left(server)
    assert await follower_uris(server) == [people.uri("ann")]
    assert [one for one in elsewhere.requests[seen:] if "anna" not in one[1]] == []


async def test_s23_move_to_a_private_address_asks_nobody(server: Server, people: People) -> None:
    await follow(server, people)
    people.add("ann", movedTo="http://10.0.0.1/users/ann")
    await move(server, people, "http://10.0.0.1/users/ann")
    await no_jobs_left(server)
    assert await follower_uris(server) == [people.uri("ann")]


async def test_blocked_account_is_not_moved_to(
    server: Server, people: People, elsewhere: People
) -> None:
    await follow(server, people)
    new = elsewhere.add("anna", alsoKnownAs=[people.uri("ann")])
    people.add("ann", movedTo=new)
    answer = await server.api("POST", "/blocks", json={"actor": new})
    assert answer.status_code == 201
    elsewhere.requests.clear()  # who is blocked is looked up once, before
    await move(server, people, new)
    await no_jobs_left(server)
    assert await follower_uris(server) == [people.uri("ann")]
    assert elsewhere.requests == []


async def test_follow_of_an_author_who_is_not_here_is_ignored(
    server: Server, people: People
) -> None:
    people.add("ann")
    uri = f"{server.base_url}/ap/authors/01KAXJ5C2N6V0Q3T8W9Y4Z7B1D"
    await people.post(server.inbox, people.activity("Follow", "ann", uri), by="ann")
    assert await follower_uris(server) == []


def test_s23_reason_why_nobody_is_moved_is_never_empty() -> None:
    old_uri, new_uri = "https://one.example/ann", "https://two.example/ann"

    def account(uri: str, moved_to: str | None = None, *others: str) -> RemoteActor:
        return person(uri, moved_to=moved_to, also_known_as=others)

    old, new = account(old_uri, new_uri), account(new_uri, None, old_uri)
    assert refusal(old, old_uri, new, new_uri) == ""
    for one, at, other, is_why in (
        (old, f"{old_uri}/", new, "two"),
        (account(new_uri, new_uri), new_uri, account(new_uri, None, new_uri), "two"),
        (account(old_uri), old_uri, new, "old account"),
        (old, old_uri, account(new_uri), "new account"),
    ):
        assert is_why in refusal(one, at, other, new_uri)
