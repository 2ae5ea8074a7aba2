"""Authorized fetch: who is given documents when the server asks for signatures."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import Connection, insert
from support.people import AS_TYPE, People
from support.schemes import add_with_multikey, message_headers
from support.servers import Server, running_server
from support.waiting import PATIENCE

from fedblog.domain.ids import new_id
from fedblog.settings import Settings
from fedblog.storage import changes
from fedblog.storage import tables as t
from fedblog.storage.changes import Change

COVERED = ("(request-target)", "host", "date")
MINIMAL = {
    "@context", "id", "type", "preferredUsername", "inbox", "publicKey", "assertionMethod",
}  # fmt: skip


@pytest.fixture
async def guarded(settings: Settings, database_url: str) -> AsyncIterator[Server]:
    """A server that gives documents to signed requests only."""
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    changed = {"database_url": database_url, "authorized_fetch": True}
    async with running_server(settings.model_copy(update=changed)) as started:
        yield started


async def ask(url: str, headers: dict[str, str] | None = None, method: str = "GET") -> Any:
    async with httpx.AsyncClient(timeout=PATIENCE) as http:
        return await http.request(method, url, headers={"accept": AS_TYPE} | (headers or {}))


def cavage(people: People, url: str, name: str = "ann", **how: Any) -> dict[str, str]:
    """Headers of a GET signed by draft-cavage."""
    given = {"method": "get", "covered": COVERED} | how
    headers = people.signed_headers(name, url, b"", **given)
    del headers["content-type"], headers["digest"]
    return headers


def message(people: People, url: str, **how: Any) -> dict[str, str]:
    """Headers of a GET signed by RFC 9421."""
    given = {"method": "GET", "covered": ("@method", "@target-uri")} | how
    headers = message_headers(people, "ann", url, None, **given)
    del headers["content-type"]
    return headers


async def block(server: Server, domain: str) -> None:
    def unit(connection: Connection) -> None:
        now = datetime.now(UTC)
        row = {"id": new_id(), "blog_id": 1, "created_at": now, "domain": domain}
        connection.execute(insert(t.blocks).values(**row))
        changes.record(connection, Change("blocks"))

    await server.site.store.write(unit)


async def test_document_is_given_to_a_signature_of_either_scheme(guarded: Server, people: People):
    add_with_multikey(people, "ann")
    url = (await guarded.publish())["activitypub_id"]
    for headers in (
        cavage(people, url),
        message(people, url),
        message(people, url, by_ed25519=True),
    ):
        answer = await ask(url, headers)
        assert answer.status_code == 200, answer.text
        assert answer.json()["id"] == url
        assert answer.headers["cache-control"] == "private, no-store"


async def test_head_is_verified_as_head(guarded: Server, people: People):
    people.add("ann")
    url = (await guarded.publish())["activitypub_id"]
    answer = await ask(url, cavage(people, url, method="head"), method="HEAD")
    assert answer.status_code == 200
    assert (await ask(url, cavage(people, url), method="HEAD")).status_code == 401


async def test_page_of_a_collection_is_given_to_a_signature_over_its_query(
    guarded: Server, people: People
):
    people.add("ann")
    url = f"{guarded.base_url}/ap/blog/outbox?page=1"
    assert (await ask(url)).status_code == 401
    assert (await ask(url, cavage(people, url))).status_code == 200
    assert (await ask(url, message(people, url))).status_code == 200


async def test_signature_is_over_the_path_as_it_was_sent(guarded: Server, people: People):
    people.add("ann")
    url = (await guarded.publish())["activitypub_id"]
    escaped = f"{url[:-1]}%{ord(url[-1]):02X}"
    assert (await ask(escaped, cavage(people, escaped))).status_code == 200
    assert (await ask(escaped, cavage(people, url))).status_code == 401


async def test_unsigned_request_gets_no_document_even_after_a_signed_one(
    guarded: Server, people: People
):
    people.add("ann")
    post = await guarded.publish()
    url = post["activitypub_id"]
    assert (await ask(url)).status_code == 401
    for _ in range(2):
        assert (await ask(url, cavage(people, url))).status_code == 200
        for path in (url, f"{url}/replies", f"{guarded.base_url}/ap/blog/outbox", post["url"]):
            answer = await ask(path)
            assert answer.status_code == 401, path
            assert answer.headers["cache-control"] == "no-store"
        assert (await ask(f"{guarded.base_url}/")).status_code == 401


async def test_wrong_signature_gets_no_document(guarded: Server, people: People):
    people.add("ann")
    url = (await guarded.publish())["activitypub_id"]
    old = datetime.now(UTC) - timedelta(hours=3)
    for headers in (
        cavage(people, url, "mallory", key_id=f"{people.uri('ann')}#main-key"),
        cavage(people, url, date=old),
        cavage(people, url, covered=("host", "date")),
        cavage(people, f"{url}/replies"),
        message(people, f"{url}/replies"),
        {"signature": "nonsense"},
    ):
        assert (await ask(url, headers)).status_code == 401, headers
    # An actor is no exception: a wrong signature is told, so that the other scheme is tried.
    blog = f"{guarded.base_url}/ap/blog"
    assert (await ask(blog, cavage(people, url))).status_code == 401


async def test_document_at_the_address_of_a_page_takes_a_signature(guarded: Server, people: People):
    people.add("ann")
    post = await guarded.publish()
    answer = await ask(post["url"], cavage(people, post["url"]))
    assert answer.status_code == 200
    assert answer.json()["id"] == post["activitypub_id"]


async def test_pages_stay_open_and_cached(guarded: Server):
    post = await guarded.publish()
    for url in (post["url"], f"{guarded.base_url}/"):
        page = await ask(url, {"accept": "text/html"})
        assert page.status_code == 200
        again = await ask(url, {"accept": "text/html", "if-none-match": page.headers["etag"]})
        assert again.status_code == 304
    jrd = await ask(f"{guarded.base_url}/.well-known/nodeinfo", {"accept": "application/json"})
    assert jrd.status_code == 200


async def test_what_is_sent_is_judged_by_the_inbox_alone(guarded: Server, people: People):
    people.add("ann")
    post = await guarded.publish()
    reply = people.activity("Create", "ann", people.note("ann", post["activitypub_id"], "Well."))
    assert (await people.post(guarded.inbox, reply, by="ann")).status_code == 202
    page = await guarded.http.get(post["url"])
    assert "Well." in page.text
    # What is sent to another address is refused as that, signed or not.
    for url in (post["url"], post["activitypub_id"]):
        assert (await ask(url, method="POST")).status_code == 405


async def test_instance_actor_is_open_and_other_actors_show_their_keys(
    guarded: Server, people: People
):
    people.add("ann")
    post = (await guarded.api("GET", f"/posts/{(await guarded.publish())['id']}")).json()
    whole = await ask(f"{guarded.base_url}/ap/instance")
    assert whole.status_code == 200
    assert "outbox" in whole.json()
    author = f"/ap/authors/{post['authors'][0]['id']}"
    for path in ("/ap/blog", "/ap/readers", author):
        url = guarded.base_url + path
        bare = await ask(url)
        assert bare.status_code == 200
        assert set(bare.json()) == MINIMAL
        assert bare.json()["publicKey"]["publicKeyPem"]
        signed = await ask(url, cavage(people, url))
        assert set(signed.json()) > MINIMAL
        assert set((await ask(url)).json()) == MINIMAL


@pytest.mark.parametrize("host", ["bad.example", "a.b.bad.example"])
async def test_s32_blocked_host_and_its_subdomains_are_refused(
    guarded: Server, people: People, host: str
):
    await block(guarded, "bad.example")
    post = await guarded.publish()
    key_id = f"https://{host}/users/ann#main-key"
    for url in (post["activitypub_id"], post["url"], f"{guarded.base_url}/ap/blog"):
        assert (await ask(url, cavage(people, url, key_id=key_id))).status_code == 403
        assert (await ask(url, message(people, url, key_id=key_id))).status_code == 403


async def test_s32_blocked_host_is_refused_what_it_was_given_before(
    guarded: Server, people: People
):
    people.add("ann")
    url = (await guarded.publish())["activitypub_id"]
    assert (await ask(url, cavage(people, url))).status_code == 200
    await block(guarded, "127.0.0.1")
    assert (await ask(url, cavage(people, url))).status_code == 403


async def test_documents_are_open_where_the_setting_is_off(server: Server):
    url = (await server.publish())["activitypub_id"]
    assert (await ask(url)).status_code == 200
    assert "outbox" in (await ask(f"{server.base_url}/ap/blog")).json()
