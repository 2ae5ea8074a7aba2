"""Who writes for a served blog, and who follows it."""

import asyncio
from typing import Any

import httpx
from support.commands import Served
from support.people import People
from support.waiting import PATIENCE, eventually


def received(people: People, kind: str, title: str = "") -> list[dict[str, Any]]:
    """What arrived at the inboxes of *people*: activities of *kind* about a post with *title*."""
    return [
        entry
        for entry in people.inbox
        if entry["json"]["type"] == kind and (not title or entry["json"]["object"]["name"] == title)
    ]


class Author:
    """An author's tool: the API of a served blog."""

    def __init__(self, served: Served) -> None:
        self.served = served
        self.http = httpx.AsyncClient(base_url=served.base_url, timeout=PATIENCE)

    async def log_in(self) -> None:
        """Get a token by the command, as the owner."""
        token = await asyncio.to_thread(self.served.run, "token", "create", "--author", "Owner")
        self.http.headers["Authorization"] = f"Bearer {token.strip()}"

    async def post(self, title: str, key: str = "", **fields: Any) -> httpx.Response:
        """Write a post; published unless *fields* say otherwise."""
        body = {"title": title, "content": "Water finds its way.", "status": "published"} | fields
        headers = {"Idempotency-Key": key} if key else {}
        answer = await self.http.post("/api/v1/posts", json=body, headers=headers)
        assert answer.status_code == 201, answer.text
        return answer

    async def titled(self, title: str) -> list[dict[str, Any]]:
        """The posts with *title*."""
        items = (await self.http.get("/api/v1/posts")).json()["items"]
        return [item for item in items if item["title"] == title]


async def follow(people: People, author: Author, name: str) -> None:
    """Let a person follow the blog, and wait until the blog accepts."""
    people.add(name)
    follow = people.activity("Follow", name, f"{author.served.base_url}/ap/blog")
    answer = await people.post(f"{author.served.base_url}/ap/blog/inbox", follow, by=name)
    assert answer.status_code == 202, answer.text
    await eventually(lambda: received(people, "Accept"))
