"""A block of one person holds for what they sign, what they ask for and what is fetched of theirs,
and for nobody else on their server."""

from typing import Any

import httpx
import pytest
from sqlalchemy import select
from support.people import AS_TYPE, People, public_pem
from support.schemes import add_with_multikey, proven
from support.servers import Server, running_server

from fedblog.settings import Settings
from fedblog.storage import tables as t


@pytest.fixture
async def post(server: Server, people: People) -> dict[str, Any]:
    for name in ("ann", "eve", "relay"):
        add_with_multikey(people, name)
    return await server.publish()


async def block(server: Server, people: People, name: str) -> None:
    answer = await server.api("POST", "/blocks", json={"actor": people.uri(name)})
    assert answer.status_code == 201, answer.text
    people.requests.clear()  # who is blocked is looked up once, before


def signed_get(people: People, url: str, name: str, **how: Any) -> dict[str, str]:
    covered = ("(request-target)", "host", "date")
    headers = people.signed_headers(name, url, b"", method="get", covered=covered, **how)
    del headers["content-type"], headers["digest"]
    return headers | {"accept": AS_TYPE}


async def get(url: str, headers: dict[str, str]) -> int:
    async with httpx.AsyncClient(timeout=30) as http:
        return (await http.get(url, headers=headers)).status_code


async def quiet(server: Server) -> None:
    async def is_quiet() -> bool:
        found = await server.site.store.read(
            lambda connection: connection.execute(select(t.jobs.c.id)).all()
        )
        return not found

    await server.eventually(is_quiet)


async def test_s32_blocked_persons_signed_get_is_refused_and_a_neighbours_is_not(
    server: Server, people: People, post: dict[str, Any]
) -> None:
    await block(server, people, "eve")
    for url in (post["activitypub_id"], post["url"], f"{server.base_url}/ap/blog/outbox?page=1"):
        assert await get(url, signed_get(people, url, "eve")) == 403, url
        assert await get(url, signed_get(people, url, "ann")) == 200, url


async def test_s32_blocked_person_is_refused_by_whatever_key_of_theirs(
    settings: Settings, database_url: str, people: People
) -> None:
    """GoToSocial keeps keys at addresses of their own: only a key's document tells whose it is."""
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    changed = {"database_url": database_url, "authorized_fetch": True}
    async with running_server(settings.model_copy(update=changed)) as server:
        url = (await server.publish())["activitypub_id"]
        for name in ("eve", "ann"):
            key_id = f"{people.base_url}/keys/{name}"
            key = {"id": key_id, "owner": people.uri(name), "publicKeyPem": public_pem(name)}
            people.add(name, publicKey=key)
            people.publish(f"/keys/{name}", key)
        await block(server, people, "eve")
        for name, status in (("eve", 403), ("ann", 200)):
            key_id = f"{people.base_url}/keys/{name}"
            assert await get(url, signed_get(people, url, name, key_id=key_id)) == status
            like = people.activity("Like", name, url)
            answer = await people.post(server.inbox, like, by=name, key_id=key_id)
            assert answer.status_code == (202 if status == 200 else 403)


async def test_s32_what_a_blocked_person_wrote_is_not_fetched_in_whichever_way_it_is_named(
    server: Server, people: People, post: dict[str, Any]
) -> None:
    await block(server, people, "eve")
    note = people.note("eve", post["activitypub_id"], "<p>Unwanted</p>")
    people.publish(note["id"][len(people.base_url) :], note)
    below = people.note("ann", note["id"], "<p>Answers her</p>")
    create = people.activity("Create", "eve", note)
    for activity, by in (
        (people.activity("Announce", "relay", create), "relay"),
        (people.activity("Create", "ann", below), "ann"),
        (people.activity("Create", "ann", note["id"]), "ann"),
    ):
        assert (await people.post(server.inbox, activity, by=by)).status_code == 202
    for activity in (create, proven(people, create, by="eve")):
        assert (await people.post(server.inbox, activity, by="relay")).status_code == 403
    await quiet(server)
    assert await server.comments(post) == []
    theirs = await server.site.store.read(
        lambda connection: connection.execute(
            select(t.comments.c.id).where(t.comments.c.actor_uri == people.uri("eve"))
        ).all()
    )
    assert theirs == []
    assert ("GET", "/users/eve") not in [entry[:2] for entry in people.requests]


async def test_s32_no_key_is_asked_of_a_blocked_host_whoever_is_said_to_act(
    server: Server, people: People
) -> None:
    post = await server.publish()
    answer = await server.api("POST", "/blocks", json={"domain": "127.0.0.1", "confirm": True})
    assert answer.status_code == 201
    people.add("eve")
    like = people.activity("Like", "eve", post["activitypub_id"])
    like["actor"] = "https://other.example/users/x"
    assert (await people.post(server.inbox, like, by="eve")).status_code == 403
    url = f"{server.base_url}/ap/blog/outbox"
    assert await get(url, signed_get(people, url, "eve")) == 403
    assert people.requests == []


async def test_s32_nothing_is_asked_of_a_blocked_host(
    server: Server, people: People, post: dict[str, Any]
) -> None:
    answer = await server.api("POST", "/blocks", json={"domain": "blocked.example"})
    assert answer.status_code == 201
    create = people.activity("Create", "relay", "https://blocked.example/notes/1")
    create["actor"] = "https://blocked.example/users/x"
    assert (await people.post(server.inbox, create, by="relay")).status_code == 403
    announced = {"type": "Create", "actor": people.uri("ann")} | {
        "object": {
            "id": "https://blocked.example/notes/1",
            "type": "Note",
            "inReplyTo": post["activitypub_id"],
        }
    }
    announce = people.activity("Announce", "relay", announced)
    assert (await people.post(server.inbox, announce, by="relay")).status_code == 202
    await quiet(server)
    assert await server.comments(post) == []


@pytest.mark.parametrize("is_there", [True, False])
async def test_block_by_a_persons_page_blocks_the_person(
    server: Server, people: People, is_there: bool
) -> None:
    """Known by the page that they name, or asked for, as the page answers with their document."""
    uri = people.add("ann")
    page = f"{people.base_url}/@ann"
    if is_there:
        people.publish("/@ann", people.actor_document("ann"))
    else:
        await server.site.actors.actor(uri)
        people.documents.clear()
    answer = await server.api("POST", "/blocks", json={"actor": page})
    assert (answer.status_code, answer.json()["actor"]) == (201, uri)
    sent = people.activity("Follow", "ann", f"{server.base_url}/ap/blog")
    assert (await people.post(server.inbox, sent, by="ann")).status_code == 403


async def test_page_that_two_name_blocks_neither_unasked(server: Server, people: People) -> None:
    for name in ("ann", "ben"):
        uri = people.add(name, url=f"{people.base_url}/about")
        await server.site.actors.actor(uri)
    answer = await server.api("POST", "/blocks", json={"actor": f"{people.base_url}/about"})
    assert answer.json()["actor"] == f"{people.base_url}/about"
