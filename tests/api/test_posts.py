"""Posts through the API."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from httpx import AsyncClient
from sqlalchemy import Connection
from support.blog import comment, follow, remote_actor, sent

from fedblog.domain.comment import CommentStatus
from fedblog.domain.reaction import Reaction, ReactionKind
from fedblog.publishing.site import Site
from fedblog.publishing.tokens import issue
from fedblog.storage import reactions, tables


async def publish(api: AsyncClient, **fields: Any) -> dict[str, Any]:
    body = {"title": "Hello World", "content": "Some *text*.", "status": "published", **fields}
    answer = await api.post("/api/v1/posts", json=body)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    assert answer.headers["location"] == f"/api/v1/posts/{made['id']}"
    return made


async def test_post_published_through_the_api_has_its_addresses(api: AsyncClient) -> None:
    post = await publish(api)
    assert post["url"].startswith("http://localhost:8000/2")
    assert post["url"].endswith("/hello-world/")
    assert post["activitypub_id"] == f"http://localhost:8000/ap/posts/{post['id']}"
    assert post["content_html"] == "<p>Some <em>text</em>.</p>\n"
    assert post["authors"][0]["handle"] == "ada"
    answer = await api.get(f"/api/v1/posts/{post['id']}")
    assert answer.json() == post
    assert answer.headers["cache-control"] == "no-store"


async def test_every_field_comes_back_as_it_was_given(api: AsyncClient) -> None:
    moment = (datetime.now(UTC) + timedelta(days=1)).replace(microsecond=0)
    given = {
        "title": "T",
        "content": "<p>C</p>",
        "content_format": "html",
        "summary": "S",
        "language": "pt-BR",
        "status": "scheduled",
        "publish_at": moment.isoformat(),
        "slug": "my-slug",
        "tags": ["One", "Two"],
        "categories": ["Three"],
        "authors": ["olga", {"name": "Gus Guest", "url": "https://g.example/"}],
        "featured_media": None,
        "voice": "group",
        "comments": "held",
    }
    answer = await api.post("/api/v1/posts", json=given)
    assert answer.status_code == 201, answer.text
    post = answer.json()
    authors = [(who["handle"], who["name"]) for who in post["authors"]]
    assert authors == [("olga", "Olga Owner"), ("", "Gus Guest")]
    assert post["publish_at"] == moment.strftime("%Y-%m-%dT%H:%M:%SZ")
    assert post["url"] is None
    for name in given.keys() - {"authors", "publish_at"}:
        assert post[name] == given[name], name


async def test_patch_publishes_a_draft_and_changes_only_what_it_names(
    api: AsyncClient, site: Site
) -> None:
    draft = await publish(api, status="draft", tags=["Keep"])
    answer = await api.patch(f"/api/v1/posts/{draft['id']}", json={"status": "published"})
    assert answer.status_code == 200
    post = answer.json()
    assert post["url"] is not None
    assert (post["title"], post["tags"]) == ("Hello World", ["Keep"])
    edited = (await api.patch(f"/api/v1/posts/{draft['id']}", json={"title": "New"})).json()
    assert (edited["title"], edited["url"], edited["content"]) == (
        "New",
        post["url"],
        "Some *text*.",
    )
    assert [item["type"] for item in await sent(site)] == ["Create", "Update"]
    again = await api.patch(f"/api/v1/posts/{draft['id']}", json={"status": "draft"})
    assert again.status_code == 409


async def test_delete_takes_the_post_away(api: AsyncClient) -> None:
    post = await publish(api)
    answer = await api.delete(f"/api/v1/posts/{post['id']}")
    assert (answer.status_code, answer.content) == (204, b"")
    for method in ("GET", "DELETE"):
        assert (await api.request(method, f"/api/v1/posts/{post['id']}")).status_code == 404
    assert (await api.get("/api/v1/posts")).json()["items"] == []


@pytest.mark.both_engines
async def test_posts_are_listed_newest_first_page_by_page(api: AsyncClient) -> None:
    made = []
    for number in range(5):
        made.append((await publish(api, title=f"Post {number}"))["id"])
        await asyncio.sleep(0.002)  # ids of one millisecond have no order
    found: list[str] = []
    query: dict[str, Any] = {"limit": 2}
    for pages_left in (2, 1, 0):
        page = (await api.get("/api/v1/posts", params=query)).json()
        found += [item["id"] for item in page["items"]]
        assert (page["next"] is None) == (pages_left == 0)
        query["cursor"] = page["next"]
    assert found == list(reversed(made))


async def test_list_can_be_narrowed_to_a_status(api: AsyncClient) -> None:
    await publish(api)
    draft = await publish(api, status="draft")
    page = (await api.get("/api/v1/posts", params={"status": "draft"})).json()
    assert [item["id"] for item in page["items"]] == [draft["id"]]


@pytest.mark.both_engines
async def test_same_key_twice_publishes_once(api: AsyncClient, site: Site) -> None:
    body = {"title": "Once", "content": "x", "status": "published"}
    headers = {"Idempotency-Key": "k1"}
    first = await api.post("/api/v1/posts", json=body, headers=headers)
    second = await api.post("/api/v1/posts", json=body, headers=headers)
    assert first.status_code == second.status_code == 201
    assert first.json() == second.json()
    assert first.headers["location"] == second.headers["location"]
    assert len(await sent(site)) == 1
    other = await api.post("/api/v1/posts", json={**body, "title": "Two"}, headers=headers)
    assert other.status_code == 409
    fresh = await api.post("/api/v1/posts", json=body, headers={"Idempotency-Key": "k2"})
    assert fresh.json()["id"] != first.json()["id"]


@pytest.mark.both_engines
async def test_concurrent_twins_under_one_key_publish_once(api: AsyncClient, site: Site) -> None:
    body = {"title": "Once", "content": "x", "status": "published"}
    answers = await asyncio.gather(
        *(
            api.post("/api/v1/posts", json=body, headers={"Idempotency-Key": "twin"})
            for _ in range(8)
        )
    )
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert len(await sent(site)) == 1


async def test_key_of_one_author_is_nothing_to_another(api: AsyncClient, site: Site) -> None:
    body = {"title": "Once", "content": "x", "status": "published"}
    headers = {"Idempotency-Key": "k1"}
    first = await api.post("/api/v1/posts", json=body, headers=headers)
    olga = {"Authorization": f"Bearer {(await issue(site.store, 'olga')).token}"}
    same = await api.post("/api/v1/posts", json=body, headers=headers | olga)
    assert same.status_code == 201
    assert same.json()["id"] != first.json()["id"]
    again = await api.post("/api/v1/posts", json=body, headers=headers | olga)
    assert again.json()["id"] == same.json()["id"]
    other = {"Idempotency-Key": "k2"}
    await api.post("/api/v1/posts", json=body, headers=other)
    changed = await api.post("/api/v1/posts", json=body | {"title": "Mine"}, headers=other | olga)
    assert changed.status_code == 201  # no conflict with what another sent


async def test_refused_request_leaves_its_key_free(api: AsyncClient) -> None:
    headers = {"Idempotency-Key": "k"}
    bad = await api.post("/api/v1/posts", json={"title": "", "content": "x"}, headers=headers)
    good = await api.post("/api/v1/posts", json={"title": "T", "content": "x"}, headers=headers)
    assert (bad.status_code, good.status_code) == (422, 201)


@pytest.mark.both_engines
async def test_counts_say_what_came_of_a_post(api: AsyncClient, site: Site) -> None:
    bo, cy, di = (remote_actor(name, "one.example") for name in ("bo", "cy", "di"))
    for actor in (bo, cy):
        await follow(site, actor)
    await follow(site, remote_actor("el", "two.example"))
    post = await publish(api)
    first = await comment(site, bo, post["id"])
    await comment(site, cy, post["id"], parent=first)
    await comment(site, di, post["id"], status=CommentStatus.HELD)
    await comment(site, di, post["id"], visibility="private")
    now = datetime.now(UTC)
    kinds = [
        (bo, ReactionKind.LIKE, ""),
        (bo, ReactionKind.EMOJI, "🎉"),
        (cy, ReactionKind.EMOJI, "🎉"),
        (cy, ReactionKind.ANNOUNCE, ""),
        (di, ReactionKind.DISLIKE, ""),
    ]
    items = [
        Reaction(
            f"r{number}", 1, post["activitypub_id"], post["id"], None, actor.uri, kind, emoji,
            None, now,
        )
        for number, (actor, kind, emoji) in enumerate(kinds)
    ]  # fmt: skip

    def unit(connection: Connection) -> None:
        reactions.insert_all(connection, items)
        table = tables.deliveries
        of_one = tables.inboxes.select().where(tables.inboxes.c.host == "one.example")
        inbox_id = connection.execute(of_one).one().id
        connection.execute(
            table.update().where(table.c.inbox_id == inbox_id).values(state="delivered")
        )

    await site.store.write(unit)
    counts = (await api.get(f"/api/v1/posts/{post['id']}")).json()["counts"]
    assert counts == {"comments": 2, "likes": 2, "shares": 1, "followers_reached": 2}
    listed = (await api.get("/api/v1/posts")).json()["items"][0]["counts"]
    assert listed == counts


@pytest.mark.parametrize("path", ["/api/v1/posts", "/api/v1/posts/01ARZ3NDEKTSV4RRFFQ69G5FAV"])
async def test_options_names_the_methods_and_other_methods_are_405(
    api: AsyncClient, path: str
) -> None:
    allowed = (await api.options(path)).headers["allow"]
    answer = await api.put(path, json={})
    assert answer.status_code == 405
    assert answer.headers["allow"] == allowed
    assert "GET" in allowed


async def test_head_answers_as_get_without_a_body(api: AsyncClient) -> None:
    got, head = await api.get("/api/v1/posts"), await api.head("/api/v1/posts")
    assert head.content == b""
    assert head.headers["content-length"] == got.headers["content-length"]


async def test_slug_that_is_taken_is_a_409_that_names_the_field(api: AsyncClient) -> None:
    given = {"title": "T", "content": "C", "status": "published", "slug": "Größe"}
    first = await api.post("/api/v1/posts", json=given, headers={"Idempotency-Key": "1"})
    assert first.status_code == 201, first.text
    assert (first.json()["slug"], first.json()["url"][-17:]) == ("größe", "/gr%C3%B6%C3%9Fe/")
    ((warning),) = first.json()["warnings"]
    assert (warning["field"], "lower case" in warning["message"]) == ("slug", True)
    assert (await api.get(f"/api/v1/posts/{first.json()['id']}")).json() == first.json()
    second = await api.post("/api/v1/posts", json=given, headers={"Idempotency-Key": "2"})
    assert (second.status_code, second.json()["errors"][0]["field"]) == (409, "slug")
    assert len((await api.get("/api/v1/posts")).json()["items"]) == 1


async def test_tags_that_are_left_out_are_said_in_the_answer(api: AsyncClient) -> None:
    given = {"title": "T", "content": "C", "tags": ["C", "c", "C#", "日 本", "日本"]}
    post = (await api.post("/api/v1/posts", json=given)).json()
    assert post["tags"] == ["C", "C#", "日 本"]
    assert [warning["field"] for warning in post["warnings"]] == ["tags", "tags"]
    revised = await api.patch(f"/api/v1/posts/{post['id']}", json={"categories": ["A", "a"]})
    assert [warning["field"] for warning in revised.json()["warnings"]] == ["categories"]
    assert (await api.get(f"/api/v1/posts/{post['id']}")).json()["warnings"] == []
