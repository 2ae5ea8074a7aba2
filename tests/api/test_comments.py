"""Comments through the API: listing, deciding, answering, deleting."""

import io
import json
import re
from typing import Any

import pytest
from httpx import AsyncClient
from PIL import Image
from sqlalchemy import Connection, update
from support.blog import author_named, comment, follow, receivers, remote_actor, sent

from fedblog.domain.comment import CommentStatus
from fedblog.publishing.site import Site
from fedblog.storage import comments as comment_rows
from fedblog.storage import tables as t
from fedblog.storage.changes import Change

PUBLIC = "https://www.w3.org/ns/activitystreams#Public"


@pytest.fixture
async def post(api: AsyncClient) -> dict[str, Any]:
    body = {"title": "Rivers", "content": "They flow.", "status": "published"}
    made: dict[str, Any] = (await api.post("/api/v1/posts", json=body)).json()
    return made


async def listed(api: AsyncClient, post: dict[str, Any], **query: Any) -> list[dict[str, Any]]:
    answer = await api.get(f"/api/v1/posts/{post['id']}/comments", params=query)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


@pytest.mark.both_engines
async def test_comments_are_listed_flat_with_their_writers(
    api: AsyncClient, site: Site, post: dict[str, Any]
) -> None:
    bo = remote_actor("bo", "one.example")
    first = await comment(site, bo, post["id"])
    second = await comment(site, bo, post["id"], parent=first, status=CommentStatus.HELD)
    items = await listed(api, post)
    assert [item["activitypub_id"] for item in items] == [first.uri, second.uri]
    assert [item["in_reply_to"] for item in items] == [post["activitypub_id"], first.uri]
    assert [item["depth"] for item in items] == [0, 1]
    assert [item["status"] for item in items] == ["approved", "held"]
    assert items[0]["author"] == {
        "name": "Bo",
        "handle": "@bo@one.example",
        "url": "https://one.example/@bo",
        "avatar": "https://one.example/bo.png",
    }
    assert items[0]["content"] == "<p>Well said.</p>"
    assert items[0]["published"].endswith("Z")
    assert items[0]["updated"] is None
    assert [item["id"] for item in await listed(api, post, status="held")] == [second.id]


@pytest.mark.both_engines
async def test_comments_come_page_by_page(
    api: AsyncClient, site: Site, post: dict[str, Any]
) -> None:
    bo = remote_actor("bo", "one.example")
    made = [(await comment(site, bo, post["id"])).id for _ in range(3)]
    address = f"/api/v1/posts/{post['id']}/comments"
    first = (await api.get(address, params={"limit": 2})).json()
    rest = (await api.get(address, params={"limit": 2, "cursor": first["next"]})).json()
    assert [item["id"] for item in first["items"] + rest["items"]] == made
    assert rest["next"] is None


async def test_reply_not_addressed_to_everyone_is_nowhere(
    api: AsyncClient, site: Site, post: dict[str, Any]
) -> None:
    private = await comment(
        site, remote_actor("bo", "one.example"), post["id"], visibility="private"
    )
    assert await listed(api, post) == []
    address = f"/api/v1/comments/{private.id}"
    answers = [
        await api.get(address),
        await api.delete(address),
        await api.post(f"{address}/approve"),
        await api.post(f"{address}/reply", json={"content": "x"}),
    ]
    assert [answer.status_code for answer in answers] == [404] * 4


@pytest.mark.parametrize(
    ("name", "status"), [("approve", "approved"), ("hold", "held"), ("spam", "spam")]
)
async def test_decision_of_a_moderator_is_kept_and_locked(
    api: AsyncClient, site: Site, post: dict[str, Any], name: str, status: str
) -> None:
    item = await comment(site, remote_actor("bo", "one.example"), post["id"])
    heard: list[Change] = []
    stop = site.store.listen(heard.extend)
    answer = await api.post(f"/api/v1/comments/{item.id}/{name}")
    stop()
    assert (answer.status_code, answer.json()["status"]) == (200, status)
    kept = await site.store.read(comment_rows.get, 1, item.id)
    assert kept is not None
    assert kept.status_locked
    assert Change("comments", post["id"]) in heard


async def test_reply_is_the_authors_own_note_to_the_person_answered(
    api: AsyncClient, site: Site, post: dict[str, Any]
) -> None:
    bo, cy = remote_actor("bo", "one.example"), remote_actor("cy", "two.example")
    await follow(site, remote_actor("el", "three.example"))
    await follow(site, remote_actor("fy", "four.example"), (await author_named(site, "ada")).id)
    first = await comment(site, cy, post["id"])
    second = await comment(site, bo, post["id"], parent=first)
    answer = await api.post(f"/api/v1/comments/{second.id}/reply", json={"content": "*Thanks*"})
    assert answer.status_code == 201, answer.text
    item = answer.json()
    ada = site.addresses.actor((await author_named(site, "ada")).id)
    create = (await sent(site))[-1]
    note = create["object"]
    assert create["type"] == "Create"
    assert create["actor"] == note["attributedTo"] == ada
    assert note["type"] == "Note"
    assert note["id"] == item["activitypub_id"] == site.addresses.comment(item["id"])
    assert note["inReplyTo"] == item["in_reply_to"] == second.uri
    assert note["to"] == [PUBLIC]
    assert bo.uri in note["cc"]
    assert f"{ada}/followers" in note["cc"]
    assert {"type": "Mention", "href": bo.uri, "name": "@bo@one.example"} in note["tag"]
    assert "<em>Thanks</em>" in note["content"]
    assert re.search(rf'href="{re.escape(bo.uri)}"', note["content"])
    assert await receivers(site, create["id"]) == [
        "https://four.example/inbox",
        "https://one.example/inbox",
        "https://three.example/inbox",
        "https://two.example/inbox",
    ]
    assert item["depth"] == 2
    assert item["status"] == "approved"
    assert item["author"]["handle"] == "@ada@localhost:8000"
    assert [entry["id"] for entry in await listed(api, post)][-1] == item["id"]


async def test_pictures_and_addresses_of_a_reply_are_those_of_its_post(
    api: AsyncClient, site: Site, post: dict[str, Any]
) -> None:
    file = io.BytesIO()
    Image.new("RGB", (60, 40)).save(file, "PNG")
    texts = {"alt": "A <dyke>", "caption": "Seen", "credit": "Sam"}
    upload = await api.post("/api/v1/media", files={"file": ("a.png", file.getvalue())}, data=texts)
    picture = upload.json()["url"]
    above = await comment(site, remote_actor("bo", "one.example"), post["id"])
    content = f"![]({picture})\n\n[a](../x), [b](?page=2), ![m](//other.example/m.png)"
    answer = await api.post(f"/api/v1/comments/{above.id}/reply", json={"content": content})
    assert answer.status_code == 201, answer.text
    note = (await sent(site))[-1]["object"]["content"]
    assert f'<img src="{picture}" alt="A &lt;dyke&gt;" width="60" height="40"' in note
    assert '<figcaption>Seen <span class="credit">Credit: Sam</span></figcaption>' in note
    assert f'href="{post["url"].rsplit("/", 2)[0]}/x"' in note
    assert f'href="{post["url"]}?page=2"' in note
    assert 'href="http://other.example/m.png"' in note


@pytest.mark.both_engines
async def test_same_key_twice_answers_a_comment_once(
    api: AsyncClient, site: Site, post: dict[str, Any]
) -> None:
    item = await comment(site, remote_actor("bo", "one.example"), post["id"])
    before = len(await sent(site))
    answers = [
        await api.post(
            f"/api/v1/comments/{item.id}/reply",
            json={"content": "Thanks"},
            headers={"Idempotency-Key": "k"},
        )
        for _ in range(2)
    ]
    assert answers[0].json() == answers[1].json()
    assert len(await sent(site)) == before + 1


async def test_deleted_remote_comment_is_gone_for_good_and_its_answers_stay(
    api: AsyncClient, site: Site, post: dict[str, Any]
) -> None:
    bo = remote_actor("bo", "one.example")
    first = await comment(site, bo, post["id"])
    second = await comment(site, bo, post["id"], parent=first)
    before = len(await sent(site))
    assert (await api.delete(f"/api/v1/comments/{first.id}")).status_code == 204
    assert (await api.delete(f"/api/v1/comments/{first.id}")).status_code == 404
    assert [item["id"] for item in await listed(api, post)] == [second.id]
    kept = await site.store.read(comment_rows.get, 1, first.id)
    assert kept is not None
    assert (kept.content_html, kept.source_html, kept.status_locked) == ("", "", True)
    assert kept.deleted_at is not None
    assert len(await sent(site)) == before


@pytest.mark.parametrize("status", ["hold", "spam"])
async def test_comment_that_readers_do_not_see_is_not_answered(
    api: AsyncClient, site: Site, post: dict[str, Any], status: str
) -> None:
    item = await comment(site, remote_actor("bo", "one.example"), post["id"])
    await api.post(f"/api/v1/comments/{item.id}/{status}")
    before = await sent(site)
    answer = await api.post(f"/api/v1/comments/{item.id}/reply", json={"content": "Thanks"})
    assert answer.status_code == 409
    assert "approve it" in answer.json()["detail"]
    assert await sent(site) == before
    await api.post(f"/api/v1/comments/{item.id}/approve")
    answer = await api.post(f"/api/v1/comments/{item.id}/reply", json={"content": "Thanks"})
    assert answer.status_code == 201


async def test_deleted_reply_of_an_author_is_deleted_elsewhere_too(
    api: AsyncClient, site: Site, post: dict[str, Any]
) -> None:
    item = await comment(site, remote_actor("bo", "one.example"), post["id"])
    reply = (await api.post(f"/api/v1/comments/{item.id}/reply", json={"content": "Thanks"})).json()
    await api.delete(f"/api/v1/comments/{reply['id']}")
    delete = (await sent(site))[-1]
    assert delete["type"] == "Delete"
    assert delete["object"]["id"] == reply["activitypub_id"]
    assert delete["object"]["type"] == "Tombstone"
    assert delete["actor"] == site.addresses.actor((await author_named(site, "ada")).id)
    assert "https://one.example/inbox" in await receivers(site, delete["id"])


async def test_nobody_answers_under_a_post_that_is_gone(
    api: AsyncClient, site: Site, post: dict[str, Any]
) -> None:
    item = await comment(site, remote_actor("bo", "one.example"), post["id"])
    await api.delete(f"/api/v1/posts/{post['id']}")
    answer = await api.post(f"/api/v1/comments/{item.id}/reply", json={"content": "x"})
    assert answer.status_code == 404
    assert (await api.get(f"/api/v1/posts/{post['id']}/comments")).status_code == 404


# Pictures


PICTURE = '[{"type": "Document", "url": "https://one.example/1.png", "mediaType": "image/png"}]'


async def carrying(site: Site, post: dict[str, Any], **values: Any) -> str:
    """A comment that carries *values*; its id."""
    made = await comment(site, remote_actor("bo", "one.example"), post["id"])

    def unit(connection: Connection) -> None:
        connection.execute(update(t.comments).where(t.comments.c.id == made.id).values(**values))

    await site.store.write(unit)
    return made.id


async def test_pictures_are_held_until_they_are_approved(
    api: AsyncClient, site: Site, post: dict[str, Any]
) -> None:
    id_ = await carrying(site, post, attachments=PICTURE)
    assert [item["media_status"] for item in await listed(api, post)] == ["held"]
    answer = await api.post(f"/api/v1/comments/{id_}/approve-media")
    assert answer.json()["media_status"] == "approved"
    assert [item["media_status"] for item in await listed(api, post)] == ["approved"]
    answer = await api.post(f"/api/v1/comments/{id_}/hold-media")
    assert answer.json()["media_status"] == "held"


async def test_deciding_about_pictures_tells_the_page(
    api: AsyncClient, site: Site, post: dict[str, Any]
) -> None:
    id_ = await carrying(site, post, attachments=PICTURE)
    seen: list[Change] = []
    stop = site.store.listen(seen.extend)
    await api.post(f"/api/v1/comments/{id_}/approve-media")
    stop()
    assert Change("comments", post["id"]) in seen


async def test_comment_without_pictures_has_none_to_approve(
    api: AsyncClient, site: Site, post: dict[str, Any]
) -> None:
    id_ = (await comment(site, remote_actor("bo", "one.example"), post["id"])).id
    assert [item["media_status"] for item in await listed(api, post)] == [None]
    answer = await api.post(f"/api/v1/comments/{id_}/approve-media")
    assert answer.status_code == 409
    assert (await api.post("/api/v1/comments/nothing/approve-media")).status_code == 404


async def test_what_a_comment_carries_is_listed(
    api: AsyncClient, site: Site, post: dict[str, Any]
) -> None:
    poll = {"options": [{"name": "Rye", "votes": 3}], "multiple": False, "ends_at": None}
    emojis = [{"shortcode": "bread", "url": "https://one.example/bread.png"}]
    await carrying(
        site,
        post,
        sensitive=True,
        poll=json.dumps(poll),
        quotes='["https://two.example/1"]',
        emojis=json.dumps(emojis),
    )
    (item,) = await listed(api, post)
    assert item["sensitive"] is True
    assert item["language"] == "en"
    assert item["poll"] == poll
    assert item["quotes"] == ["https://two.example/1"]
    assert item["emojis"] == emojis


async def test_deleted_comment_keeps_nothing_of_what_it_carried(
    api: AsyncClient, site: Site, post: dict[str, Any]
) -> None:
    id_ = await carrying(
        site,
        post,
        attachments=PICTURE,
        poll="{}",
        quotes="[]",
        emojis="[]",
        media_status="approved",
    )
    assert (await api.delete(f"/api/v1/comments/{id_}")).status_code == 204
    row = await site.store.read(comment_rows.get, site.blog_id, id_)
    assert row is not None
    assert (row.attachments, row.poll, row.quotes, row.emojis) == ("[]", None, None, None)
    assert row.media_status is None
