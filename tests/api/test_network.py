"""Followers, deliveries, blocks and reports through the API."""

import dataclasses
from datetime import UTC, datetime
from typing import Any

import pytest
from httpx import AsyncClient
from sqlalchemy import Connection
from support.blog import comment, follow, remote_actor

from fedblog.domain.addresses import Addresses
from fedblog.domain.errors import InvalidFieldError
from fedblog.domain.reaction import Reaction, ReactionKind
from fedblog.federation.blocklist import Blocklist
from fedblog.publishing import moderation
from fedblog.publishing.moderation import normal_domain
from fedblog.publishing.site import Site
from fedblog.storage import cutting_off, reactions, reports, slices, tables
from fedblog.storage.changes import Change


async def publish(api: AsyncClient) -> dict[str, Any]:
    body = {"title": "Rivers", "content": "They flow.", "status": "published"}
    made: dict[str, Any] = (await api.post("/api/v1/posts", json=body)).json()
    return made


async def test_followers_are_listed_page_by_page(api: AsyncClient, site: Site) -> None:
    for name in ("bo", "cy", "di"):
        await follow(site, remote_actor(name, "one.example"))
    first = (await api.get("/api/v1/followers", params={"limit": 2})).json()
    query = {"limit": 2, "cursor": first["next"]}
    rest = (await api.get("/api/v1/followers", params=query)).json()
    items = first["items"] + rest["items"]
    assert [item["handle"] for item in items] == [
        f"@{name}@one.example" for name in ("bo", "cy", "di")
    ]
    assert items[0]["follows"] == "http://localhost:8000/ap/blog"
    assert items[0]["actor"] == "https://one.example/users/bo"
    assert rest["next"] is None


async def test_deliveries_of_a_post_are_listed(api: AsyncClient, site: Site) -> None:
    for host in ("one.example", "two.example"):
        await follow(site, remote_actor("bo", host))
    post = await publish(api)
    first = (await api.get("/api/v1/deliveries", params={"post": post["id"], "limit": 1})).json()
    query = {"post": post["id"], "limit": 1, "cursor": first["next"]}
    rest = (await api.get("/api/v1/deliveries", params=query)).json()
    items = first["items"] + rest["items"]
    assert {item["host"] for item in items} == {"one.example", "two.example"}
    assert rest["next"] is None
    for item in items:
        assert item["inbox"] == f"https://{item['host']}/inbox"
        assert (item["state"], item["attempts"]) == ("waiting", 0)
        for name in ("last_status", "last_error", "delivered_at"):
            assert item[name] is None
        assert item["next_attempt_at"].endswith("Z")


async def test_deliveries_need_a_post(api: AsyncClient) -> None:
    assert (await api.get("/api/v1/deliveries")).status_code == 422
    assert (await api.get("/api/v1/deliveries", params={"post": "x"})).status_code == 404


async def test_s32_blocked_domain_is_cut_off_with_its_subdomains(
    api: AsyncClient, site: Site
) -> None:
    bad = [remote_actor("mal", host) for host in ("bad.example", "sub.bad.example:8443")]
    good = remote_actor("bo", "notbad.example")
    for actor in (*bad, good):
        await follow(site, actor)
    post = await publish(api)
    for actor in (*bad, good):
        await comment(site, actor, post["id"])
    now = datetime.now(UTC)
    likes = [
        Reaction(
            f"r{number}", 1, post["activitypub_id"], post["id"], None, actor.uri,
            ReactionKind.LIKE, "", None, now,
        )
        for number, actor in enumerate((*bad, good))
    ]  # fmt: skip
    await site.store.write(reactions.insert_all, likes)
    heard: list[Change] = []
    stop = site.store.listen(heard.extend)
    answer = await api.post("/api/v1/blocks", json={"domain": "BAD.Example:443"})
    stop()
    assert answer.status_code == 201, answer.text
    block = answer.json()
    assert block["domain"] == "bad.example"
    assert "actor" not in block
    assert (block["state"], block["progress"]) == ("done", None)
    assert {
        Change("blocks"),
        Change("followers", "blog"),
        Change("comments", post["id"]),
        Change("reactions", post["id"]),
    } <= set(heard)

    followers = (await api.get("/api/v1/followers")).json()["items"]
    assert [item["handle"] for item in followers] == ["@bo@notbad.example"]
    counts = (await api.get(f"/api/v1/posts/{post['id']}")).json()["counts"]
    assert (counts["comments"], counts["likes"]) == (1, 1)
    waiting = (await api.get("/api/v1/deliveries", params={"post": post["id"]})).json()["items"]
    states = {item["host"]: item["state"] for item in waiting}
    assert states == {
        "bad.example": "failed",
        "sub.bad.example": "failed",
        "notbad.example": "waiting",
    }
    await follow(site, bad[0])
    await api.patch(f"/api/v1/posts/{post['id']}", json={"title": "Streams"})
    after = (await api.get("/api/v1/deliveries", params={"post": post["id"]})).json()["items"]
    updates = [item["host"] for item in after if item["type"] == "Update"]
    assert updates == ["notbad.example"]

    assert (await api.get("/api/v1/blocks")).json()["items"] == [block]
    again = await api.post("/api/v1/blocks", json={"domain": "bad.example"})
    assert again.status_code == 409
    answer = await api.delete(f"/api/v1/blocks/{block['id']}")
    assert answer.status_code == 200
    assert (answer.json()["followers"], answer.json()["state"]) == (2, "done")
    assert "2 people" in answer.json()["message"]
    assert (await api.delete(f"/api/v1/blocks/{block['id']}")).status_code == 404
    counts = (await api.get(f"/api/v1/posts/{post['id']}")).json()["counts"]
    assert (counts["comments"], counts["likes"]) == (3, 3)
    assert (await api.get("/api/v1/blocks")).json()["items"] == []


async def test_block_of_very_many_people_says_how_far_it_is(
    api: AsyncClient, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slices.Allowance.__init__, "__defaults__", (1, slices.FIRST_LIMIT))
    mal = remote_actor("mal", "one.example")
    await follow(site, mal)
    block = (await api.post("/api/v1/blocks", json={"actor": mal.uri})).json()
    assert (block["state"], block["progress"]) == ("at_work", 1)
    assert (await api.get("/api/v1/blocks")).json()["items"] == [block]
    kinds = {cutting_off.CUT_OFF: cutting_off.cut_off}
    [job_id] = await site.store.read(slices.due, kinds, datetime.now(UTC), 1)
    await site.store.write(slices.carry_on, job_id, kinds, datetime.now(UTC), seconds=60)
    [listed] = (await api.get("/api/v1/blocks")).json()["items"]
    assert (listed["state"], listed["progress"]) == ("done", None)


async def test_blocked_actor_is_cut_off_alone(api: AsyncClient, site: Site) -> None:
    bo, mal = remote_actor("bo", "one.example"), remote_actor("mal", "one.example")
    for actor in (bo, mal):
        await follow(site, actor)
    answer = await api.post("/api/v1/blocks", json={"actor": mal.uri})
    assert answer.status_code == 201
    assert answer.json()["actor"] == mal.uri
    followers = (await api.get("/api/v1/followers")).json()["items"]
    assert [item["actor"] for item in followers] == [bo.uri]


@pytest.mark.parametrize(
    "spelling",
    [
        "https://ONE.example/users/mal",
        "https://one.example:443/users/mal",
        "https://one.example./users/mal",
        "https://one.example/users/%6Dal",
        "https://one.example/users/mal/",
        "https://one.example/users/mal#main-key",
        "https://one.example/users/x/../mal",
        "HTTPS://one.example/users/mal",
        "http://one.example/users/mal",
        "http://ONE.example:80/users/mal/",
    ],
)
async def test_block_of_a_person_holds_for_every_spelling_of_the_id(
    api: AsyncClient, site: Site, spelling: str
) -> None:
    mal = remote_actor("mal", "one.example")
    assert mal.uri == "https://one.example/users/mal"
    blocklist = Blocklist(site.store, site.blog_id)
    await follow(site, mal)
    answer = await api.post("/api/v1/blocks", json={"actor": spelling})
    assert answer.status_code == 201
    assert (await api.get("/api/v1/followers")).json()["items"] == []
    assert (await api.post("/api/v1/blocks", json={"actor": mal.uri})).status_code == 409
    await blocklist.refresh()
    for uri in (mal.uri, spelling):
        assert blocklist.holds_for(uri)
    for uri in ("mal2", "MAL", "mal/notes", "mal?x=1", "m%2Fal"):
        assert not blocklist.holds_for(f"https://one.example/users/{uri}")
    assert not blocklist.holds_for("https://one.example:444/users/mal")


async def test_block_of_a_host_with_letters_of_its_own_holds_for_both_forms(
    api: AsyncClient, site: Site
) -> None:
    blocklist = Blocklist(site.store, site.blog_id)
    uri = "https://xn--bcher-kva.example/%C3%BC"
    person = dataclasses.replace(remote_actor("u", "xn--bcher-kva.example"), uri=uri)
    await follow(site, person)
    await api.post("/api/v1/blocks", json={"actor": "https://b\u00fccher.example/\u00fc"})
    await blocklist.refresh()
    assert blocklist.holds_for("https://xn--bcher-kva.example/%C3%BC")
    assert blocklist.holds_for("https://B\u00dcCHER.example/%c3%bc#main-key")


@pytest.mark.parametrize(
    "domain", ["com", "CO.UK", "github.io.", "xn--p1ai", "\u0440\u0444", "ck", "com:443"]
)
async def test_block_of_a_public_suffix_is_refused_unless_said_twice(
    api: AsyncClient, domain: str
) -> None:
    answer = await api.post("/api/v1/blocks", json={"domain": domain})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "domain"
    assert '"confirm": true' in answer.json()["errors"][0]["message"]
    assert (await api.get("/api/v1/blocks")).json()["items"] == []
    answer = await api.post("/api/v1/blocks", json={"domain": domain, "confirm": True})
    assert answer.status_code == 201


@pytest.mark.parametrize("domain", ["blog.example.org", "example.org", "handles.example", "org"])
async def test_block_of_ones_own_host_is_refused_unless_said_twice(site: Site, domain: str) -> None:
    own = Addresses("https://blog.example.org", handle_host="handles.example")
    elsewhere = dataclasses.replace(site, addresses=own)
    with pytest.raises(InvalidFieldError, match="confirm"):
        await moderation.block_domain(elsewhere, domain)
    block = await moderation.block_domain(elsewhere, domain, confirmed=True)
    assert block.domain == domain


async def test_block_of_localhost_is_doubted_where_the_blog_is_there(site: Site) -> None:
    there = dataclasses.replace(site, addresses=Addresses("http://localhost:8000"))
    with pytest.raises(InvalidFieldError, match="confirm"):
        await moderation.block_domain(there, "localhost")
    assert (await moderation.block_domain(there, "127.0.0.1")).domain == "127.0.0.1"


@pytest.mark.parametrize(
    ("base_url", "domain"),
    [
        ("http://127.0.0.1:8000", "127.0.0.1"),
        ("http://127.0.0.1:8000", "127.0.0.1:9000"),
        ("http://[::1]:8000", "[::1]"),
        ("http://[::1]:8000", "0:0::1"),
        ("http://[::1]:8000", "[::1]:8000"),
        ("http://127.0.0.1:8000", "127.0.0.1.:8000"),
    ],
)
async def test_block_of_ones_own_address_is_refused_unless_said_twice(
    site: Site, base_url: str, domain: str
) -> None:
    there = dataclasses.replace(site, addresses=Addresses(base_url))
    with pytest.raises(InvalidFieldError, match="confirm"):
        await moderation.block_domain(there, domain)
    assert await moderation.block_domain(there, domain, confirmed=True)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Example.ORG", "example.org"),
        ("example.org.", "example.org"),
        ("example.org:8443", "example.org"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("127.0.0.1:9000", "127.0.0.1"),
        ("[::1]", "::1"),
        ("localhost", "localhost"),
        ("example.org.:443", "example.org"),
        ("example.org\u3002", "example.org"),
        ("\uff45xample\uff0eorg.:443", "example.org"),
        ("127.0.0.1.:9000", "127.0.0.1"),
        ("\uff11\uff12\uff17.0.0.1", "127.0.0.1"),
        ("[::1]:9000", "::1"),
        ("[0:0::1].", "::1"),
        ("under_score.example.org", "under_score.example.org"),
    ],
)
def test_domain_is_kept_in_one_form(text: str, name: str) -> None:
    assert normal_domain(text) == name


@pytest.mark.parametrize(
    "text", ["127.1", "127.000.0.1", "0x7f.1", "a.1", "a..org", ".a.org", "a.org..", "", "."]
)
def test_what_no_host_is_called_is_no_domain(text: str) -> None:
    """A block of it would hold for nobody."""
    with pytest.raises(InvalidFieldError, match="takes"):
        normal_domain(text)


async def test_reports_are_listed_newest_first(api: AsyncClient, site: Site) -> None:
    now = datetime.now(UTC)

    def unit(connection: Connection) -> None:
        for number, id_ in enumerate(("01ARZ3NDEKTSV4RRFFQ69G5FAV", "01ARZ3NDEKTSV4RRFFQ69G5FAW")):
            reports.insert(
                connection,
                id_,
                1,
                activity_uri=f"https://one.example/flags/{number}",
                actor_uri="https://one.example/actor",
                object_uris=["http://localhost:8000/ap/blog"],
                content=f"reason {number}",
                created_at=now,
            )

    await site.store.write(unit)
    first = (await api.get("/api/v1/reports", params={"limit": 1})).json()
    rest = (await api.get("/api/v1/reports", params={"cursor": first["next"]})).json()
    items = first["items"] + rest["items"]
    assert [item["content"] for item in items] == ["reason 1", "reason 0"]
    assert items[0]["objects"] == ["http://localhost:8000/ap/blog"]
    assert items[0]["actor"] == "https://one.example/actor"


async def test_blocking_oneself_is_refused(api: AsyncClient, site: Site) -> None:
    answer = await api.post("/api/v1/blocks", json={"actor": site.addresses.actor("blog")})
    assert answer.status_code == 422

    def count(connection: Connection) -> int:
        return len(connection.execute(tables.blocks.select()).all())

    assert await site.store.read(count) == 0
