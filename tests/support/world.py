"""A site with a blog, two authors and keys, its endpoints behind the page cache, ways to fill it.

Import ``world``, ``actor_keys``, ``base_url`` and ``handle_host`` into a folder's conftest.py.

Rows are put in directly: making RSA keys through the first start takes long, and what is under
test here is what others are shown.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import orjson
import pytest
from sqlalchemy import Connection, insert, update
from starlette.applications import Starlette
from support.values import post as a_post

from fedblog.activitystreams import writing
from fedblog.domain.addresses import Addresses
from fedblog.domain.blog import Author, Blog
from fedblog.domain.comment import Comment, CommentStatus
from fedblog.domain.ids import new_id
from fedblog.domain.media import Media
from fedblog.domain.post import Byline, Post, PostStatus
from fedblog.endpoints import actors, collections, nodeinfo, objects, webfinger
from fedblog.endpoints.queries import Queries
from fedblog.publishing.keyring import KeyRing
from fedblog.publishing.site import Site
from fedblog.remote.actors import ActorDirectory
from fedblog.remote.client import RemoteClient
from fedblog.settings import Settings
from fedblog.storage import authors, blogs, changes, keys, media, posts
from fedblog.storage import tables as t
from fedblog.storage.changes import Change
from fedblog.storage.keys import StoredKey
from fedblog.storage.store import Store
from fedblog.web.cache import PageCache

NOW = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
PUBLIC = "https://www.w3.org/ns/activitystreams#Public"


@dataclass
class World:
    """The site under test, its HTTP client, and short ways to put things into it."""

    site: Site
    http: httpx.AsyncClient
    cache: PageCache
    authors: dict[str, Author] = field(default_factory=dict)
    ticks: int = 0

    async def get(self, path: str, accept: str = "application/activity+json") -> httpx.Response:
        return await self.http.get(path, headers={"accept": accept})

    async def json(self, path: str) -> Any:
        response = await self.get(path)
        assert response.status_code == 200, (path, response.status_code, response.text)
        return response.json()

    def tick(self) -> datetime:
        self.ticks += 1
        return NOW + timedelta(seconds=self.ticks)

    async def post(self, title: str = "A title", **given: Any) -> Post:
        """A post as stored; published unless another status is given."""
        at = self.tick()
        status = given.pop("status", PostStatus.PUBLISHED)
        is_out = status in (PostStatus.PUBLISHED, PostStatus.DELETED)
        values: dict[str, Any] = {
            "id": new_id(),
            "status": status,
            "title": title,
            "slug": "a-title",
            "path": f"/2026/11/20/a-title-{self.ticks}/" if is_out else None,
            "bylines": (Byline("Ada Abel", self.authors["ada"].id, "ada"),),
            "created_at": at,
            "updated_at": at,
            "published_at": at if is_out else None,
            "deleted_at": at if status is PostStatus.DELETED else None,
        }
        post = a_post(**(values | given))

        def unit(connection: Connection) -> None:
            if post.featured_media is not None:
                media.insert_media(connection, post.featured_media)
            terms = posts.Terms(tuple(posts.Term(tag.lower(), tag) for tag in post.tags))
            posts.insert_post(connection, post, terms)

        await self.site.store.write(unit)
        return post

    async def change_post(self, post: Post, **values: Any) -> None:
        def unit(connection: Connection) -> None:
            connection.execute(update(t.posts).where(t.posts.c.id == post.id).values(**values))
            changes.record(connection, Change("post", post.id))

        await self.site.store.write(unit)

    async def comment(self, post: Post, parent: Comment | None = None, **given: Any) -> Comment:
        """A comment as stored: a remote one, approved, unless something else is given."""
        at = self.tick()
        id_ = new_id()
        is_remote = not (given.get("author_id") or given.get("guest_name"))
        addresses = self.site.addresses
        values: dict[str, Any] = {
            "id": id_,
            "blog_id": 1,
            "uri": f"https://peer.example/notes/{id_}" if is_remote else addresses.comment(id_),
            "post_id": post.id,
            "parent_id": parent.id if parent else None,
            "in_reply_to_uri": parent.uri if parent else addresses.post(post.id),
            "depth": parent.depth + 1 if parent else 0,
            "actor_uri": "https://peer.example/users/rin" if is_remote else None,
            "author_id": None,
            "guest_name": None,
            "url": "",
            "name": "",
            "source_html": "<p>Words</p>",
            "content_html": "<p>Words</p>",
            "summary": "",
            "language": "en",
            "visibility": "public",
            "status": CommentStatus.APPROVED,
            "status_locked": False,
            "attachments": "[]",
            "published_at": at,
            "received_at": at,
        }
        comment = Comment(**{**values, **given})

        def unit(connection: Connection) -> None:
            row = {name: getattr(comment, name) for name in Comment.__dataclass_fields__}
            connection.execute(insert(t.comments).values({**row, "status": comment.status.value}))
            changes.record(connection, Change("comments", post.id))

        await self.site.store.write(unit)
        return comment

    async def comments(self, post: Post, parents: list[int | None], **given: Any) -> list[str]:
        """Many remote comments at once, approved unless something else is *given*; *parents*
        gives the index of each one's parent. Gives their ids."""
        ids = [f"{post.id[:20]}{number:06}" for number in range(len(parents))]
        rows = [
            {
                "id": ids[number],
                "blog_id": 1,
                "uri": f"https://peer.example/notes/{ids[number]}",
                "post_id": post.id,
                "parent_id": None if parent is None else ids[parent],
                "in_reply_to_uri": "x",
                "depth": 0,
                "actor_uri": "https://peer.example/users/rin",
                "url": "",
                "name": "",
                "source_html": "",
                "content_html": f"<p>{number}</p>",
                "summary": "",
                "visibility": "public",
                "status": "approved",
                "attachments": "[]",
                "published_at": post.created_at,
                "received_at": post.created_at,
                **given,
            }
            for number, parent in enumerate(parents)
        ]

        def unit(connection: Connection) -> None:
            connection.execute(insert(t.comments), rows)

        await self.site.store.write(unit)
        return ids

    async def change_comment(self, comment: Comment, **values: Any) -> None:
        def unit(connection: Connection) -> None:
            where = t.comments.c.id == comment.id
            connection.execute(update(t.comments).where(where).values(**values))
            changes.record(connection, Change("comments", comment.post_id or ""))

        await self.site.store.write(unit)

    async def react(
        self, post: Post, kind: str, name: str, comment: Comment | None = None, **given: Any
    ) -> None:
        uri = comment.uri if comment else self.site.addresses.post(post.id)
        values: dict[str, Any] = {
            "id": new_id(),
            "blog_id": 1,
            "object_uri": uri,
            "post_id": post.id,
            "comment_id": comment.id if comment else None,
            "actor_uri": f"https://peer.example/users/{name}",
            "kind": kind,
            "emoji": "",
            "activity_uri": f"https://peer.example/{kind}/{name}",
            "created_at": self.tick(),
        }

        def unit(connection: Connection) -> None:
            connection.execute(insert(t.reactions).values({**values, **given}))
            changes.record(connection, Change("reactions", post.id))

        await self.site.store.write(unit)

    async def activity(
        self,
        kind: str,
        *,
        owner: str = "blog",
        post: Post | None = None,
        about: str | None = None,
        is_public: bool = True,
        version: int | None = None,
    ) -> str:
        """An activity as stored; its id."""
        id_ = new_id()
        addresses = self.site.addresses
        uri = about or (addresses.post(post.id) if post else None)
        document = {
            "@context": writing.document({})["@context"],
            "id": addresses.activity(id_),
            "type": kind,
            "actor": addresses.actor(owner),
            "to": [PUBLIC],
            "object": {"id": uri, "type": "Article", "content": "the text as it went out"},
        }

        def unit(connection: Connection) -> None:
            connection.execute(
                insert(t.activities).values(
                    id=id_,
                    blog_id=1,
                    owner=owner,
                    type=kind,
                    object_uri=uri,
                    object_version=version,
                    post_id=post.id if post else None,
                    is_public=is_public,
                    body=orjson.dumps(document),
                    created_at=self.tick(),
                )
            )

        await self.site.store.write(unit)
        return id_

    async def follower(self, name: str, owner: str = "blog") -> None:
        def unit(connection: Connection) -> None:
            url = f"https://peer.example/users/{name}/inbox"
            made = connection.execute(
                insert(t.inboxes).values(url=url, host="peer.example").returning(t.inboxes.c.id)
            )
            connection.execute(
                insert(t.followers).values(
                    blog_id=1,
                    owner=owner,
                    actor_uri=f"https://peer.example/users/{name}",
                    activity_uri=None,
                    inbox_id=made.scalar_one(),
                    created_at=NOW,
                )
            )
            changes.record(connection, Change("followers", owner))

        await self.site.store.write(unit)

    async def remote_actor(self, name: str) -> None:
        def unit(connection: Connection) -> None:
            uri = f"https://peer.example/users/{name}"
            connection.execute(
                insert(t.actors).values(
                    uri=uri, type="Person", handle=name, host="peer.example", name=name.title(),
                    url=uri, avatar_url="", summary="", inbox=f"{uri}/inbox", shared_inbox=None,
                    followers_uri=None, moved_to=None, also_known_as="[]", fetched_at=NOW,
                )
            )  # fmt: skip

        await self.site.store.write(unit)

    def picture(self, **given: Any) -> Media:
        values: dict[str, Any] = {
            "id": new_id(),
            "blog_id": 1,
            "file_name": f"{new_id()}.webp",
            "media_type": "image/webp",
            "width": 1200,
            "height": 800,
            "size": 9000,
            "alt": "A heron on a post",
            "caption": "",
            "credit": "",
            "created_at": NOW,
        }
        return Media(**{**values, **given})


BLOG = Blog(
    1, "blog", "Act Today", "What we can do", "Guestspeaker", "We write together.", "en", "UTC",
    NOW, NOW,
)  # fmt: skip


def author(handle: str, name: str, **given: Any) -> Author:
    values: dict[str, Any] = {
        "id": new_id(),
        "blog_id": 1,
        "handle": handle,
        "name": name,
        "about": f"{name} writes.",
        "url": "",
        "fediverse": "",
        "avatar": None,
        "role": "author",
        "created_at": NOW,
        "updated_at": NOW,
    }
    return Author(**{**values, **given})


@pytest.fixture
def base_url() -> str:
    return "https://blog.example.org"


@pytest.fixture
def handle_host() -> str:
    return "example.org"


@pytest.fixture
async def world(
    store: Store,
    settings: Settings,
    base_url: str,
    handle_host: str,
    actor_keys: list[tuple[str, str, str, str]],
) -> AsyncIterator[World]:
    """The site, with the page cache in front as in the running server."""
    people = [author("ada", "Ada Abel"), author("ben", "Ben Bauer")]
    owners = ["blog", "readers", "instance", *(person.id for person in people)]
    pairs = [StoredKey(owner, *pair) for owner in owners for pair in actor_keys]

    def unit(connection: Connection) -> None:
        blogs.insert_blog(connection, BLOG)
        for person in people:
            authors.insert_author(connection, person)
        keys.insert_keys(connection, 1, pairs, NOW)

    await store.write(unit)
    addresses = Addresses(base_url, "blog", handle_host)
    client = RemoteClient(settings, user_agent="fedblog-tests")
    site = Site(
        settings=settings,
        store=store,
        addresses=addresses,
        blog_id=1,
        client=client,
        actors=ActorDirectory(settings, store, client, addresses),
        keys=await KeyRing.load(store, addresses, 1),
    )
    routes = [
        *objects.routes(site),
        *actors.routes(site),
        *collections.routes(site),
        *webfinger.routes(site),
        *nodeinfo.routes(site),
    ]
    app = Starlette(routes=routes)
    cache = PageCache(app, store, max_bytes=1 << 20, queries=Queries(routes))
    transport = httpx.ASGITransport(app=cache)
    async with httpx.AsyncClient(transport=transport, base_url=base_url) as http:
        yield World(site, http, cache, {person.handle: person for person in people})
    site.keys.close()
    await client.close()
