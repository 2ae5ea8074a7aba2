"""The pages of a blog behind the page cache, and ways to fill it (support/world.py)."""

from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.applications import Starlette
from support.blog import actor_keys, site
from support.pages import Readers
from support.world import World

from fedblog import web
from fedblog.endpoints.queries import Queries
from fedblog.publishing.site import Site
from fedblog.storage import authors
from fedblog.web.cache import PageCache
from fedblog.web.errors import exception_handlers

__all__ = ["actor_keys", "site"]


@pytest.fixture
async def readers(site: Site) -> AsyncIterator[Readers]:
    """Readers of the site, page cache and error pages and all."""
    routes = web.routes(site)
    app = Starlette(routes=routes, exception_handlers=exception_handlers(site))
    app.router.redirect_slashes = False
    cache = PageCache(app, site.store, max_bytes=8 << 20, queries=Queries(routes))
    transport = httpx.ASGITransport(app=cache)
    # The Host header says something else than the configured address, on purpose (S33).
    async with httpx.AsyncClient(transport=transport, base_url="http://elsewhere.test") as http:
        yield Readers(http, cache)


@pytest.fixture
async def world(site: Site, readers: Readers) -> World:
    """Ways to put things into the site."""
    people = await site.store.read(authors.list_all, site.blog_id)
    return World(site, readers.http, readers.cache, {person.handle: person for person in people})
