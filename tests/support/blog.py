"""Fixtures of a blog that stands in its database, without loops and sockets.

Import ``site`` and ``actor_keys`` into a folder's conftest.py to use them there.
"""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Connection, select

from fedblog.domain.actor import RemoteActor
from fedblog.domain.addresses import Addresses
from fedblog.domain.blog import Author, Blog
from fedblog.domain.comment import Comment, CommentStatus
from fedblog.domain.follower import Follower
from fedblog.domain.ids import new_id
from fedblog.domain.post import Post
from fedblog.publishing import posts
from fedblog.publishing.identity import KeyRing
from fedblog.publishing.site import Site
from fedblog.remote.actors import ActorDirectory
from fedblog.remote.client import RemoteClient
from fedblog.settings import Settings
from fedblog.signatures import keys as signature_keys
from fedblog.storage import actors, authors, blogs, followers, keys, server, tables, threads
from fedblog.storage import posts as post_rows
from fedblog.storage.store import Store


@pytest.fixture(scope="session")
def actor_keys() -> list[tuple[str, str, str, str]]:
    """(fragment, kind, private PEM, public PEM): one RSA and one Ed25519 pair for all actors of a
    run, because making them takes its time."""
    rsa, ed25519 = signature_keys.generate_rsa(), signature_keys.generate_ed25519()
    return [("main-key", "rsa", *rsa), ("ed25519-key", "ed25519", *ed25519)]


@pytest.fixture
async def site(
    store: Store, settings: Settings, actor_keys: list[tuple[str, str, str, str]]
) -> AsyncIterator[Site]:
    """A blog "Act Today" with the owner "olga" and the author "ada"."""
    now = datetime.now(UTC).replace(microsecond=0)
    blog = Blog(1, "blog", "Act Today", "", "Guestspeaker", "", "en", "UTC", now, now)
    people = [
        Author(new_id(), 1, handle, name, "", "", "", None, role, now, now)
        for handle, name, role in (("olga", "Olga Owner", "owner"), ("ada", "Ada Author", "author"))
    ]

    def found(connection: Connection) -> None:
        blogs.insert_blog(connection, blog)
        for person in people:
            authors.insert_author(connection, person)
        owners = ["blog", "readers", "instance", *(person.id for person in people)]
        pairs = [keys.StoredKey(owner, *pair) for owner in owners for pair in actor_keys]
        keys.insert_keys(connection, blog.id, pairs, now)
        server.put(connection, "base_url", settings.base_url)
        server.put(connection, "handle", blog.handle)
        server.put(connection, "handle_host", "localhost:8000")

    await store.write(found)
    addresses = Addresses(settings.base_url, blog.handle, settings.handle_host)
    client = RemoteClient(settings, user_agent=f"fedblog-tests (+{settings.base_url})")
    ring = await KeyRing.load(store, addresses, blog.id)
    client.instance_key = ring.signing_key("instance")
    directory = ActorDirectory(settings, store, client, addresses)
    yield Site(settings, store, addresses, blog.id, client, directory, ring)
    await client.close()


def remote_actor(name: str, host: str, *, shared: bool = True) -> RemoteActor:
    """A person on another server, as if fetched just now."""
    uri = f"https://{host}/users/{name}"
    return RemoteActor(
        uri=uri,
        type="Person",
        handle=name,
        host=host,
        name=name.title(),
        url=f"https://{host}/@{name}",
        avatar_url=f"https://{host}/{name}.png",
        summary="",
        inbox=f"{uri}/inbox",
        shared_inbox=f"https://{host}/inbox" if shared else None,
        followers_uri=f"{uri}/followers",
        moved_to=None,
        also_known_as=(),
        fetched_at=datetime.now(UTC),
    )


async def follow(site: Site, actor: RemoteActor, owner: str = "blog") -> None:
    """Let *actor* follow *owner*."""
    follower = Follower(
        blog_id=site.blog_id,
        owner=owner,
        actor_uri=actor.uri,
        activity_uri=f"{actor.uri}#follow",
        inbox=actor.shared_inbox or actor.inbox,
        created_at=datetime.now(UTC),
    )

    def unit(connection: Connection) -> None:
        actors.save(connection, actor, [])
        followers.save_all(connection, [follower])

    await site.store.write(unit)


async def comment(
    site: Site,
    actor: RemoteActor,
    post_id: str,
    *,
    parent: Comment | None = None,
    text: str = "<p>Well said.</p>",
    status: CommentStatus = CommentStatus.APPROVED,
    visibility: str = "public",
) -> Comment:
    """Let *actor* answer a post, or the comment *parent* under it."""
    now = datetime.now(UTC)
    id_ = new_id()
    item = Comment(
        id=id_,
        blog_id=site.blog_id,
        uri=f"{actor.uri}/notes/{id_}",
        post_id=post_id,
        parent_id=parent.id if parent else None,
        in_reply_to_uri=parent.uri if parent else site.addresses.post(post_id),
        depth=parent.depth + 1 if parent else 0,
        actor_uri=actor.uri,
        author_id=None,
        guest_name=None,
        url=f"{actor.url}/{id_}",
        name="",
        source_html=text,
        content_html=text,
        summary="",
        language="en",
        visibility=visibility,
        status=status,
        status_locked=False,
        attachments="[]",
        published_at=now,
        received_at=now,
    )

    def unit(connection: Connection) -> None:
        actors.save(connection, actor, [])
        threads.insert_all(connection, [item])

    await site.store.write(unit)
    return item


async def sent(site: Site) -> list[dict[str, Any]]:
    """The documents of all activities sent so far, oldest first."""

    def load(connection: Connection) -> list[dict[str, Any]]:
        rows = connection.execute(select(tables.activities.c.body).order_by(tables.activities.c.id))
        return [json.loads(row.body) for row in rows]

    return await site.store.read(load)


async def receivers(site: Site, activity_uri: str) -> list[str]:
    """The inboxes that an activity goes to."""

    def load(connection: Connection) -> list[str]:
        query = (
            select(tables.inboxes.c.url)
            .join(tables.deliveries, tables.deliveries.c.inbox_id == tables.inboxes.c.id)
            .where(tables.deliveries.c.activity_id == activity_uri.rpartition("/")[2])
            .order_by(tables.inboxes.c.url)
        )
        return list(connection.execute(query).scalars())

    return await site.store.read(load)


async def author_named(site: Site, handle: str) -> Author:
    """The author with *handle*."""
    found = await site.store.read(authors.by_handle, site.blog_id, handle)
    assert found is not None
    return found


async def contents(site: Site) -> dict[str, list[Any]]:
    """Every row of every table that a request could change, to see that one changed nothing."""

    def load(connection: Connection) -> dict[str, list[Any]]:
        left_out = ("changes", "tokens", "server")
        return {
            table.name: [tuple(row) for row in connection.execute(select(table))]
            for table in tables.metadata.sorted_tables
            if table.name not in left_out
        }

    return await site.store.read(load)


async def write(site: Site, **fields: Any) -> Post:
    """A post of ada's, published unless *fields* say otherwise."""
    ada = await author_named(site, "ada")
    given = {"title": "Rivers", "content": "They *flow*.", "status": "published", **fields}
    made = await posts.create(site, ada, given)  # type: ignore[arg-type]
    assert isinstance(made, Post)
    return made


async def change(site: Site, post: Post, **fields: Any) -> Post:
    """*post* revised by ada."""
    return await posts.revise(site, await author_named(site, "ada"), post.id, fields)  # type: ignore[arg-type]


async def stored(site: Site, post_id: str) -> Post:
    """The post as the database has it."""
    found = await site.store.read(post_rows.get, site.blog_id, post_id)
    assert found is not None
    return found
