"""Bad input to the API: a clear error each, and nothing changes."""

import json
from base64 import urlsafe_b64encode
from typing import Any

import pytest
from httpx import AsyncClient
from support.blog import comment, contents, remote_actor

from fedblog.publishing.site import Site

UNKNOWN = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
GOOD: dict[str, Any] = {"title": "T", "content": "C"}
POSTS = "/api/v1/posts"
LATER = "2099-01-01T00:00:00Z"
FIRST, LAST = "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"


def post(**fields: Any) -> dict[str, Any]:
    """A request for a post with *fields*."""
    return {"json": {**GOOD, **fields}}


def of(*parts: str) -> str:
    """A cursor that says *parts*."""
    return urlsafe_b64encode(json.dumps(parts).encode()).decode()


def typed(media_type: str) -> dict[str, Any]:
    """A request with an empty object of *media_type*."""
    return {"content": b"{}", "headers": {"Content-Type": media_type}}


# (method, address, what httpx.request takes, status, the field named in a 422)
CASES: list[tuple[str, str, dict[str, Any], int, str]] = [
    # bytes that are no JSON object, or not one alone
    ("POST", POSTS, {"content": b""}, 400, ""),
    ("POST", POSTS, {"content": b"{"}, 400, ""),
    ("POST", POSTS, {"content": b"[]"}, 400, ""),
    ("POST", POSTS, {"content": b'"text"'}, 400, ""),
    ("POST", POSTS, {"content": b'{"title":"\xff","content":"x"}'}, 400, ""),
    ("POST", POSTS, {"content": b'{"title":"a","title":"b","content":"x"}'}, 400, ""),
    ("POST", POSTS, {"content": b'{"title":NaN,"content":"x"}'}, 400, ""),
    ("POST", POSTS, {"content": b'{"title":1' + b"0" * 400 + b',"content":"x"}'}, 400, ""),
    ("POST", POSTS, {"content": b'{"title":"a\\u0000b","content":"x"}'}, 400, ""),
    ("POST", POSTS, {"content": b'{"title":"\\ud800","content":"x"}'}, 400, ""),
    ("POST", POSTS, {"content": b'{"title":"a","content":"x"} x'}, 400, ""),
    ("POST", POSTS, {"content": b'{"title":' * 50 + b"1" + b"}" * 50}, 413, ""),
    ("POST", POSTS, post(tags=["t"] * 1001), 413, ""),
    ("POST", POSTS, post(content="x" * (4 << 20)), 413, ""),
    # media types
    ("POST", POSTS, typed("text/plain"), 415, ""),
    ("POST", POSTS, typed(""), 415, ""),
    ("POST", POSTS, typed("application/x-www-form-urlencoded"), 415, ""),
    ("POST", POSTS, typed("application/json; charset=utf-16"), 415, ""),
    ("POST", POSTS, {"json": GOOD, "headers": {"Content-Encoding": "gzip"}}, 415, ""),
    # fields of a post
    ("POST", POSTS, {"json": {}}, 422, "title"),
    ("POST", POSTS, {"json": {"content": "x"}}, 422, "title"),
    ("POST", POSTS, post(title=" \t "), 422, "title"),
    ("POST", POSTS, post(title=None), 422, "title"),
    ("POST", POSTS, post(title=7), 422, "title"),
    ("POST", POSTS, post(content=["x"]), 422, "content"),
    (
        "POST",
        POSTS,
        {"json": {"title": "T", "content": " ", "status": "published"}},
        422,
        "content",
    ),
    ("POST", POSTS, post(content="<div>" * 1000), 422, "content"),
    ("POST", POSTS, post(colour="red"), 422, "colour"),
    ("POST", POSTS, post(id=UNKNOWN), 422, "id"),
    ("POST", POSTS, post(status="gone"), 422, "status"),
    ("POST", POSTS, post(status="deleted"), 422, "status"),
    ("POST", POSTS, post(content_format="rtf"), 422, "content_format"),
    ("POST", POSTS, post(voice="member"), 422, "voice"),
    ("POST", POSTS, post(comments="maybe"), 422, "comments"),
    ("POST", POSTS, post(tags="one"), 422, "tags"),
    ("POST", POSTS, post(tags=[1]), 422, "tags.0"),
    ("POST", POSTS, post(tags=["#"]), 422, "tags"),
    ("POST", POSTS, post(categories=["x" * 200]), 422, "categories"),
    ("POST", POSTS, post(authors=["nobody"]), 422, "authors"),
    ("POST", POSTS, post(authors=[{"name": "G", "url": "javascript:1"}]), 422, "authors"),
    ("POST", POSTS, post(authors=[{"url": "https://g.example"}]), 422, "authors.0"),
    ("POST", POSTS, post(featured_media=UNKNOWN), 422, "featured_media"),
    ("POST", POSTS, post(featured_media=7), 422, "featured_media"),
    ("POST", POSTS, post(slug="a/b"), 422, "slug"),
    ("POST", POSTS, post(language="english!"), 422, "language"),
    ("POST", POSTS, post(summary="x" * 2000), 422, "summary"),
    ("POST", POSTS, post(status="scheduled"), 422, "publish_at"),
    ("POST", POSTS, post(status="scheduled", publish_at="2099-01-01T00:00:00"), 422, "publish_at"),
    ("POST", POSTS, post(status="scheduled", publish_at="2001-01-01T00:00:00Z"), 422, "publish_at"),
    ("POST", POSTS, post(status="scheduled", publish_at=4070908800), 422, "publish_at"),
    (
        "POST",
        POSTS,
        post(status="scheduled", publish_at="9999-12-31T23:59:59-14:00"),
        422,
        "publish_at",
    ),
    ("POST", POSTS, post(publish_at=LATER), 422, "publish_at"),
    ("POST", POSTS, {"json": GOOD, "headers": {"Idempotency-Key": "k" * 300}}, 400, ""),
    ("POST", POSTS, {"json": GOOD, "headers": {"Idempotency-Key": " "}}, 400, ""),
    ("PATCH", POSTS + "/{post}", {"json": {"title": ""}}, 422, "title"),
    ("PATCH", POSTS + "/{post}", {"json": {"status": "draft"}}, 409, ""),
    ("PATCH", POSTS + "/{post}", {"json": {"publish_at": LATER}}, 422, "publish_at"),
    ("PATCH", POSTS + "/{post}", {"json": {"voice": "member"}}, 422, "voice"),
    ("PATCH", POSTS + f"/{UNKNOWN}", {"json": {"title": "x"}}, 404, ""),
    # addresses, methods and queries
    ("GET", POSTS + "/1", {}, 404, ""),
    ("GET", POSTS + f"/{UNKNOWN}", {}, 404, ""),
    ("GET", POSTS + "/%00", {}, 404, ""),
    ("DELETE", POSTS + f"/{UNKNOWN}", {}, 404, ""),
    ("DELETE", POSTS, {}, 405, ""),
    ("PUT", POSTS + "/{post}", {"json": GOOD}, 405, ""),
    ("GET", POSTS, {"params": {"cursor": "x"}}, 422, "cursor"),
    ("GET", POSTS, {"params": {"cursor": "\u00e9"}}, 422, "cursor"),
    ("GET", POSTS, {"params": {"cursor": "WyJ4Il0"}}, 422, "cursor"),
    ("GET", POSTS, {"params": {"limit": "0"}}, 422, "limit"),
    ("GET", POSTS, {"params": {"limit": "1e3"}}, 422, "limit"),
    ("GET", POSTS, {"params": {"limit": "\u0663"}}, 422, "limit"),
    ("GET", POSTS, {"params": {"status": "deleted"}}, 422, "status"),
    # comments
    ("GET", POSTS + f"/{UNKNOWN}/comments", {}, 404, ""),
    ("GET", POSTS + "/{post}/comments", {"params": {"status": "x"}}, 422, "status"),
    ("GET", POSTS + "/{post}/comments", {"params": {"cursor": "WyIyMDI2IiwieCJd"}}, 422, "cursor"),
    ("POST", "/api/v1/comments/{comment}/reply", {"json": {}}, 422, "content"),
    (
        "POST",
        "/api/v1/comments/{comment}/reply",
        {"json": {"content": "<script></script>"}},
        422,
        "content",
    ),
    (
        "POST",
        "/api/v1/comments/{comment}/reply",
        {"json": {"content": "x" * 30_000}},
        422,
        "content",
    ),
    ("POST", f"/api/v1/comments/{UNKNOWN}/reply", {"json": {"content": "x"}}, 404, ""),
    ("POST", f"/api/v1/comments/{UNKNOWN}/approve", {}, 404, ""),
    ("POST", "/api/v1/comments/{comment}/praise", {}, 404, ""),
    ("GET", "/api/v1/comments/{comment}/approve", {}, 405, ""),
    # the blog among other servers
    ("GET", "/api/v1/deliveries", {}, 422, "post"),
    ("GET", "/api/v1/deliveries", {"params": {"post": "\0"}}, 404, ""),
    ("GET", "/api/v1/followers", {"params": {"cursor": "WyJ4IiwieSIsInoiXQ"}}, 422, "cursor"),
    # times that are none in UTC: before the first day there is, and after the last
    ("GET", "/api/v1/followers", {"params": {"cursor": of(FIRST, "x", "y")}}, 422, "cursor"),
    ("GET", "/api/v1/comments", {"params": {"cursor": of(LAST, UNKNOWN)}}, 422, "cursor"),
    ("POST", POSTS, post(status="scheduled", publish_at=FIRST), 422, "publish_at"),
    ("POST", POSTS, post(status="scheduled", publish_at=LAST), 422, "publish_at"),
    ("POST", "/api/v1/blocks", {"json": {}}, 422, "domain"),
    (
        "POST",
        "/api/v1/blocks",
        {"json": {"domain": "a.example", "actor": "https://a.example/u"}},
        422,
        "domain",
    ),
    ("POST", "/api/v1/blocks", {"json": {"domain": "https://a.example/"}}, 422, "domain"),
    ("POST", "/api/v1/blocks", {"json": {"domain": "a b.example"}}, 422, "domain"),
    ("POST", "/api/v1/blocks", {"json": {"domain": ""}}, 422, "domain"),
    ("POST", "/api/v1/blocks", {"json": {"domain": "%.example"}}, 422, "domain"),
    ("POST", "/api/v1/blocks", {"json": {"actor": "javascript:alert(1)"}}, 422, "actor"),
    ("POST", "/api/v1/blocks", {"json": {"actor": "https://[::1"}}, 422, "actor"),
    ("DELETE", f"/api/v1/blocks/{UNKNOWN}", {}, 404, ""),
]


async def test_bad_input_gets_a_clear_error_and_changes_nothing(
    api: AsyncClient, site: Site
) -> None:
    made = await api.post(POSTS, json={**GOOD, "status": "published"})
    post_id = made.json()["id"]
    item = await comment(site, remote_actor("bo", "one.example"), post_id)
    before = await contents(site)
    wrong = []
    for method, address, request, status, field in CASES:
        request = {**request}
        headers = {"Content-Type": "application/json"} if "content" in request else {}
        request["headers"] = headers | request.get("headers", {})
        path = address.replace("{post}", post_id).replace("{comment}", item.id)
        answer = await api.request(method, path, **request)
        label = (method, path, str(request)[:120], answer.status_code, answer.text[:200])
        if answer.status_code != status:
            wrong.append(label)
            continue
        problem = answer.json()
        assert answer.headers["content-type"] == "application/problem+json", label
        assert problem["status"] == status, label
        assert problem["title"], label
        assert problem["type"], label
        assert len(problem["detail"]) < 2000, label
        if field:
            assert field in problem["detail"], label
            if not any(entry["field"].startswith(field) for entry in problem["errors"]):
                wrong.append(label)
    assert wrong == []
    assert len(CASES) >= 25
    assert await contents(site) == before


@pytest.mark.parametrize("path", [POSTS, "/api/v1/media"])
async def test_body_over_its_bound_is_refused_without_a_declared_length(
    api: AsyncClient, site: Site, path: str
) -> None:
    async def endless():  # type: ignore[no-untyped-def]
        for _ in range(1000):
            yield b"x" * 65536

    kind = "application/json" if path == POSTS else "multipart/form-data; boundary=b"
    answer = await api.post(path, content=endless(), headers={"Content-Type": kind})
    assert answer.status_code in (400, 413)
    if path == POSTS:
        assert answer.status_code == 413
