"""A page ends where its texts get too many bytes, and the next one goes on there."""

from typing import Any

import orjson
from httpx import AsyncClient
from support.blog import comment, remote_actor

from fedblog.publishing.site import Site
from fedblog.storage import public_activities

MOST = 1 << 20


async def pages_of(api: AsyncClient, path: str) -> list[dict[str, Any]]:
    found, cursor = [], ""
    for _ in range(100):
        answer = await api.get(
            path, params={"limit": "100"} | ({"cursor": cursor} if cursor else {})
        )
        assert answer.status_code == 200
        found.append(answer.json())
        assert len(answer.content) < MOST + 1000 or len(found[-1]["items"]) == 1
        if not (cursor := found[-1]["next"]):
            return found
    raise AssertionError("the pages do not end")


async def test_lists_of_long_comments_end_by_bytes_and_leave_none_out(
    api: AsyncClient, site: Site
) -> None:
    body = {"title": "T", "content": "x", "status": "published"}
    post = (await api.post("/api/v1/posts", json=body)).json()
    bo = remote_actor("bo", "one.example")
    ids = [
        (await comment(site, bo, post["id"], text=f"<p>{'ä' * 47_000}</p>")).id for _ in range(40)
    ]
    for path in (f"/api/v1/posts/{post['id']}/comments", "/api/v1/comments"):
        pages = await pages_of(api, path)
        assert 4 <= len(pages) <= 6
        assert sorted(item["id"] for page in pages for item in page["items"]) == sorted(ids)


async def test_lists_and_outbox_of_long_posts_end_by_bytes_and_leave_none_out(
    api: AsyncClient, site: Site
) -> None:
    for size in (300_000, 2_000_000, 400_000, 400_000, 10):
        body = {"title": f"T{size}", "content": "x" * size, "status": "published"}
        assert (await api.post("/api/v1/posts", json=body)).status_code == 201
    pages = await pages_of(api, "/api/v1/posts")
    assert sum(len(page["items"]) for page in pages) == 5
    assert [len(page["items"]) for page in pages if len(page["items"]) > 1]
    found: list[str] = []
    before = None
    for _ in range(10):
        activities, before = await site.store.read(
            public_activities.outbox, site.blog_id, "blog", before, 10, MOST
        )
        bodies = [activity.body for activity in activities]
        assert len(bodies) == 1 or sum(map(len, bodies)) <= MOST
        found += [orjson.loads(body)["object"]["name"] for body in bodies]
        if before is None:
            break
    assert sorted(found) == sorted(["T300000", "T2000000", "T400000", "T400000", "T10"])
