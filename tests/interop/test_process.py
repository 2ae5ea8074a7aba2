"""A `fedblog serve` process and a server made with Fedify: what commands do to what it sees."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from interop.fedify import Fedify
from support.commands import Served
from support.waiting import PATIENCE


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    served = Served(tmp_path)
    await asyncio.to_thread(served.begin)
    yield served
    await asyncio.to_thread(served.end)


async def published(served: Served, title: str) -> dict[str, Any]:
    """A post by the owner, written through the API."""
    token = await asyncio.to_thread(served.run, "token", "create", "--author", "Owner")
    async with httpx.AsyncClient(base_url=served.base_url, timeout=PATIENCE) as http:
        answer = await http.post(
            "/api/v1/posts",
            json={"title": title, "content": "Water finds its way.", "status": "published"},
            headers={"Authorization": f"Bearer {token.strip()}"},
        )
    assert answer.status_code == 201, answer.text
    return answer.json()


async def test_posts_are_verified_before_between_and_after_the_steps_of_a_key_rotation(
    fedify: Fedify, served: Served
):
    blog = f"{served.base_url}/ap/blog"
    await fedify.act("ann", "follow", target=blog, to=blog)
    await fedify.eventually(lambda: fedify.heard("Accept"))

    async def delivered(title: str) -> dict[str, Any]:
        await published(served, title)

        async def arrived() -> list[dict[str, Any]]:
            came = await fedify.received("Create")
            return [e for e in came if e["activity"]["object"]["name"] == title]

        [entry] = await fedify.eventually(arrived)
        assert (entry["isVerified"], entry["keyOwner"]) == (True, blog)
        assert entry["isProofVerified"]
        return entry

    def made_with(entry: dict[str, Any]) -> tuple[str, str]:
        return entry["keyId"], entry["activity"]["proof"]["verificationMethod"]

    async def published_keys() -> set[str]:
        seen = await fedify.look(blog)
        assert seen is not None
        return {key["id"] for key in seen["publicKeys"] + seen["assertionMethods"]}

    before = made_with(await delivered("Before"))
    assert await published_keys() == set(before)
    await asyncio.to_thread(served.run, "keys", "rotate", "--yes")

    async def both_published() -> bool:
        return len(await published_keys()) == 4

    await fedify.eventually(both_published)
    between = made_with(await delivered("Between"))
    assert await published_keys() == {*before, *between}
    assert not set(before) & set(between)
    await asyncio.to_thread(served.run, "keys", "rotate", "--drop", "--yes")

    async def old_are_gone() -> bool:
        return await published_keys() == set(between)

    await fedify.eventually(old_are_gone)
    assert made_with(await delivered("After")) == between
