"""What readers and machines get when something is in trouble."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from support.pages import BROWSER, Readers, parse
from support.world import World

from fedblog import web
from fedblog.publishing.site import Site
from fedblog.storage import blogs
from fedblog.web import rendering
from fedblog.web.errors import exception_handlers


@pytest.fixture
async def http(site: Site) -> AsyncIterator[httpx.AsyncClient]:
    """A reader of a site with an address whose handler has a mistake in it."""

    async def mistaken(request: Request) -> Response:
        raise ZeroDivisionError

    async def refused(request: Request) -> Response:
        raise HTTPException(request.path_params["status"])

    routes = [
        Route("/mistake", mistaken),
        Route("/api/mistake", mistaken),
        Route("/refused/{status:int}", refused),
        *web.routes(site),
    ]
    app = Starlette(routes=routes, exception_handlers=exception_handlers(site))
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost:8000") as client:
        yield client


async def test_our_own_mistake_is_a_page_that_tells_nothing_of_it(http: httpx.AsyncClient) -> None:
    response = await http.get("/mistake", headers={"accept": BROWSER})
    assert response.status_code == 500
    assert "Something broke on our side" in parse(response.text).one("h1").text
    assert "ZeroDivision" not in response.text
    assert response.headers["cache-control"] == "no-store"
    response = await http.get("/api/mistake")
    assert response.status_code == 500
    assert response.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("status", "heading"),
    [
        (400, "Das geht hier nicht"),
        (403, "Das geht hier nicht"),
        (404, "Unter dieser Adresse ist nichts"),
        (405, "Diese Adresse ist nur zum Lesen da"),
        (410, "Was hier war, gibt es nicht mehr"),
        (429, "Das geht hier nicht"),
    ],
)
async def test_refusals_of_a_german_blog_are_in_german(
    site: Site, http: httpx.AsyncClient, status: int, heading: str
) -> None:
    await site.store.write(blogs.update_blog, site.blog_id, {"language": "de"})
    response = await http.get(f"/refused/{status}", headers={"accept": BROWSER})
    assert response.status_code == status
    page = parse(response.text)
    assert page.one("h1").text == heading
    assert page.one("html").attributes["lang"] == "de"


async def test_database_in_trouble_is_503_never_404(site: Site, http: httpx.AsyncClient) -> None:
    await site.store.close()
    for path in ("/", "/2026/11/20/title/", "/nowhere", "/feed/", "/authors/ada/"):
        for accept in (BROWSER, "application/activity+json"):
            response = await http.get(path, headers={"accept": accept})
            assert response.status_code == 503, path
            assert int(response.headers["retry-after"]) > 0
            assert "etag" not in response.headers


async def test_page_of_nothing_is_made_once_and_anew_after_a_change(
    world: World, readers: Readers, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []

    async def rendered(template: str, *arguments: Any, **values: Any) -> str:
        made.append(values.get("status"))
        return await original(template, *arguments, **values)

    original = rendering.render
    monkeypatch.setattr(rendering, "render", rendered)
    first = await readers.get("/nothing-0/")
    for number in range(5):
        for path in (f"/nothing-{number}/", f"/?page=x{number}", f"/tags/none-{number}/"):
            answer = await readers.get(path)
            assert (answer.status_code, answer.text) == (404, first.text)
    assert made == [404]
    await world.post("Newest of all")
    answer = await readers.get("/nothing-0/")
    assert "Newest of all" in answer.text
    assert made == [404, 404]
