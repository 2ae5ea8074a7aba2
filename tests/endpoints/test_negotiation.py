"""Who gets the object and who the page at an address for people (RFC 9110, section 12.5.1)."""

from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.applications import Starlette
from support.world import World

from fedblog.domain.post import PostStatus
from fedblog.endpoints.negotiation import prefers_activity
from fedblog.web import pages as web
from fedblog.web.cache import PageCache

LD = 'application/ld+json; profile="https://www.w3.org/ns/activitystreams"'
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"


@pytest.mark.parametrize(
    "accept",
    [
        "application/activity+json",
        "APPLICATION/Activity+JSON",
        LD,
        f"application/activity+json, {LD}",
        "application/ld+json",
        "application/activity+json, text/html",
        "application/activity+json;q=0.9, text/html;q=0.1",
        "application/activity+json, */*;q=0.1",
        "application/activity+json; charset=utf-8",
    ],
)
def test_activitypub_types_get_the_object(accept: str) -> None:
    assert prefers_activity(accept)


@pytest.mark.parametrize(
    "accept",
    [
        "",
        "*/*",
        BROWSER,
        "text/html",
        "application/json",
        "text/html, application/activity+json",
        "text/html, application/activity+json;q=0.9",
        "application/activity+json;q=0",
        "application/activity+json;q=nonsense",
        "application/activity",
        ";;;,,,",
    ],
)
def test_everyone_else_gets_the_page(accept: str) -> None:
    assert not prefers_activity(accept)


@pytest.fixture
async def pages(world: World) -> AsyncIterator[httpx.AsyncClient]:
    """The pages for people, behind the page cache."""
    app = PageCache(Starlette(routes=web.routes(world.site)), world.site.store, max_bytes=1 << 20)
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="https://blog.example.org") as http:
        yield http


async def test_s31_object_at_a_human_address_is_never_kept_by_others_or_mixed_with_the_page(
    world: World, pages: httpx.AsyncClient
) -> None:
    post = await world.post()
    assert post.path is not None
    as_object = {"accept": "application/activity+json"}
    as_page = {"accept": BROWSER}
    for order in ((as_object, as_page, as_object), (as_page, as_object, as_page)):
        for headers in order:
            for method in ("GET", "HEAD"):
                response = await pages.request(method, post.path, headers=headers)
                assert response.status_code == 200
                assert "accept" in response.headers["vary"].lower().replace(" ", "").split(",")
                is_object = headers is as_object
                expected = "application/activity+json" if is_object else "text/html; charset=utf-8"
                assert response.headers["content-type"] == expected
                if is_object:
                    assert response.headers["cache-control"] == "private, no-store"
                if method == "GET":
                    assert response.text.startswith("{" if is_object else "<!")
    etag = (await pages.get(post.path, headers=as_page)).headers["etag"]
    response = await pages.get(post.path, headers={**as_object, "if-none-match": etag})
    assert response.status_code == 200
    assert response.json()["id"] == f"https://blog.example.org/ap/posts/{post.id}"
    again = await pages.get(post.path, headers={**as_page, "if-none-match": etag})
    assert again.status_code == 304
    assert "Accept" in again.headers["vary"]


async def test_object_at_a_human_address_is_made_once_and_anew_after_a_change(
    world: World, pages: httpx.AsyncClient
) -> None:
    post = await world.post()
    other = await world.post()
    assert post.path is not None
    cache = pages._transport.app  # type: ignore[attr-defined]
    before = len(cache)
    for accept in (LD, "application/activity+json", "application/activity+json, x/y"):
        assert (await pages.get(post.path, headers={"accept": accept})).status_code == 200
    assert len(cache) == before + 1
    await world.change_post(other, title="Another")
    assert len(cache) == before + 1
    await world.change_post(post, title="New words")
    assert (await pages.get(post.path, headers={"accept": LD})).json()["name"] == "New words"


async def test_home_and_author_pages_answer_with_the_actor(
    world: World, pages: httpx.AsyncClient
) -> None:
    headers = {"accept": LD}
    ada = world.authors["ada"].id
    for path, id_ in (
        ("/", "/ap/blog"),
        ("/authors/blog/", "/ap/blog"),
        ("/authors/ada/", f"/ap/authors/{ada}"),
    ):
        document = (await pages.get(path, headers=headers)).json()
        assert document["id"] == f"https://blog.example.org{id_}"


async def test_deleted_post_is_410_at_its_page_too_and_a_draft_is_not_there(
    world: World, pages: httpx.AsyncClient
) -> None:
    headers = {"accept": "application/activity+json"}
    gone = await world.post(status=PostStatus.DELETED)
    assert gone.path is not None
    response = await pages.get(gone.path, headers=headers)
    assert (response.status_code, response.json()["type"]) == (410, "Tombstone")
    await world.post(status=PostStatus.DRAFT, path="/2026/11/20/draft/")
    assert (await pages.get("/2026/11/20/draft/", headers=headers)).status_code == 404
