"""A client of the API, signed in as the author "ada"."""

from collections.abc import AsyncIterator

import pytest
from httpx import ASGITransport, AsyncClient
from starlette.applications import Starlette
from support.blog import actor_keys, site

from fedblog.api import routes
from fedblog.publishing.site import Site
from fedblog.publishing.tokens import issue

__all__ = ["actor_keys", "api", "site", "stranger", "token"]


@pytest.fixture
async def token(site: Site) -> str:
    """A token of ada's."""
    return (await issue(site.store, "ada")).token


@pytest.fixture
async def stranger(site: Site) -> AsyncIterator[AsyncClient]:
    """A client without a token."""
    transport = ASGITransport(Starlette(routes=routes(site)))
    async with AsyncClient(transport=transport, base_url="http://test.invalid") as client:
        yield client


@pytest.fixture
async def api(stranger: AsyncClient, token: str) -> AsyncClient:
    """A client with ada's token."""
    stranger.headers["Authorization"] = f"Bearer {token}"
    return stranger
