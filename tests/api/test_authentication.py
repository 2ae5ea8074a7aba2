"""Who may call the API."""

import pytest
from httpx import AsyncClient

from fedblog.api import routes
from fedblog.publishing.site import Site
from fedblog.publishing.tokens import revoke_token

ID = "01ARZ3NDEKTSV4RRFFQ69G5FAV"


def addresses(site: Site) -> list[str]:
    return [route.path.replace("{id}", ID) for route in routes(site) if "v1" in route.path]  # type: ignore[attr-defined]


async def test_every_address_asks_for_a_token(stranger: AsyncClient, site: Site) -> None:
    asked = addresses(site)
    assert len(asked) >= 14
    for path in asked:
        allow = (await stranger.options(path)).headers["allow"].split(", ")
        for method in set(allow) - {"OPTIONS", "HEAD"}:
            answer = await stranger.request(method, path)
            assert answer.status_code == 401, (method, path)
            assert answer.headers["www-authenticate"].startswith("Bearer")
            assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "value", ["", "Bearer", "Bearer ", "Bearer x", "Basic YTpi", "Bearer a b", "Bearer \xe9"]
)
async def test_token_that_is_none_is_refused(stranger: AsyncClient, value: str) -> None:
    headers = {"Authorization": value.encode("latin-1")}
    answer = await stranger.get("/api/v1/posts", headers=headers)  # type: ignore[arg-type]
    assert answer.status_code == 401
    assert set(answer.json()) == {"type", "title", "status", "detail"}


async def test_scheme_is_read_in_any_case(stranger: AsyncClient, token: str) -> None:
    answer = await stranger.get("/api/v1/posts", headers={"Authorization": f"bearer {token}"})
    assert answer.status_code == 200


async def test_s34_revoked_token_is_refused_at_once(
    api: AsyncClient, site: Site, token: str
) -> None:
    assert (await api.get("/api/v1/posts")).status_code == 200
    await revoke_token(site.store, token)
    assert (await api.get("/api/v1/posts")).status_code == 401


async def test_unknown_address_is_a_404_problem(api: AsyncClient) -> None:
    for path in ("/api", "/api/", "/api/v1", "/api/v1/nothing", "/api/v2/posts"):
        answer = await api.get(path)
        assert answer.status_code == 404
        assert answer.headers["content-type"] == "application/problem+json"
