"""Fixtures of a blog that stands in its database, without loops and sockets.

Import ``site`` and ``actor_keys`` into a folder's conftest.py to use them there.
"""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import Connection

from fedblog.domain.addresses import Addresses
from fedblog.domain.blog import Author, Blog
from fedblog.domain.ids import new_id
from fedblog.publishing.identity import KeyRing
from fedblog.publishing.site import Site
from fedblog.remote.actors import ActorDirectory
from fedblog.remote.client import RemoteClient
from fedblog.settings import Settings
from fedblog.signatures import keys as signature_keys
from fedblog.storage import authors, blogs, keys, server
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
    """A blog "Act Today" with the owner "olga" and the author "ada", on both engines in turn."""
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
