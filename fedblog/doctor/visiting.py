"""The visit: a client of its own, which signs with the blog's instance actor where there is one."""

from fedblog import __version__
from fedblog.doctor.examination import examine
from fedblog.doctor.findings import Report
from fedblog.domain.addresses import INSTANCE, Addresses
from fedblog.publishing.keyring import KeyRing
from fedblog.remote.client import RemoteClient
from fedblog.settings import Settings
from fedblog.signatures.keys import SigningKey
from fedblog.storage import blogs, resolving, server
from fedblog.storage.store import Store


async def visit(subject: str, settings: Settings, store: Store | None = None) -> Report:
    """Examine *subject*, signed by the blog in *store*, or without a signature."""
    if store is not None:
        subject = await meant(subject, store)
    key = await instance_key(store) if store is not None else None
    home = key.key_id.partition("/ap/")[0] if key is not None else settings.base_url
    client = RemoteClient(settings, user_agent=f"fedblog/{__version__} (+{home}/)")
    client.instance_key = key
    try:
        return await examine(subject, client=client, settings=settings)
    finally:
        await client.close()


async def meant(subject: str, store: Store) -> str:
    """The id of what *subject* means, where it is an address that was given out by the blog in
    *store*, else *subject*: no request carries a fragment, which alone may name a comment."""
    found = await _addresses(store)
    if found is None:
        return subject
    addresses, blog_id = found
    named = await store.read(resolving.one, addresses, blog_id, subject.strip())
    return subject if named is None else named.uri


async def instance_key(store: Store) -> SigningKey | None:
    """The instance actor's key in *store*, or None where there is no blog in it."""
    found = await _addresses(store)
    if found is None:
        return None
    ring = await KeyRing.load(store, *found)
    try:
        return ring.signing_key(INSTANCE)
    finally:
        ring.close()


async def _addresses(store: Store) -> tuple[Addresses, int] | None:
    """The addresses of the blog in *store* and its number, or None where there is none."""
    blog = await store.read(blogs.first)
    written = await store.read(server.get_all)
    if blog is None or "base_url" not in written:
        return None
    return Addresses(written["base_url"], blog.handle, written.get("handle_host", "")), blog.id
