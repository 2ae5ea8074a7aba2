"""Documents of the local actors, with the keys that each publishes at the moment."""

from functools import lru_cache

from sqlalchemy import Connection

from fedblog.activitystreams import writing
from fedblog.domain.addresses import BLOG, INSTANCE, READERS, Addresses
from fedblog.domain.ids import is_id
from fedblog.signatures.keys import ED25519, RSA, multibase
from fedblog.storage import authors as author_rows
from fedblog.storage import blogs as blog_rows
from fedblog.storage import keys as key_rows
from fedblog.storage import media as media_rows

_multibase = lru_cache(maxsize=256)(multibase)


def document(
    connection: Connection, addresses: Addresses, blog_id: int, owner: str
) -> writing.Json | None:
    """The local actor *owner* as other servers read it, or None where there is none."""
    if owner not in (BLOG, READERS, INSTANCE):
        if not is_id(owner):
            return None
        author = author_rows.find(connection, [owner]).get(owner)
        keys = published_keys(connection, blog_id, owner)
        if author is None or author.blog_id != blog_id or keys is None:
            return None
        icon = None
        if author.avatar is not None:
            pictures = media_rows.find(connection, blog_id, [author.avatar])
            icon = pictures.get(author.avatar)
        return writing.author_actor(author, addresses, keys, icon=icon)
    keys = published_keys(connection, blog_id, owner)
    if keys is None:
        return None
    blog = blog_rows.get(connection, blog_id)
    if owner == BLOG:
        return writing.blog_actor(blog, addresses, keys)
    write = writing.readers_actor if owner == READERS else writing.instance_actor
    return write(blog, addresses, keys)


def published_keys(connection: Connection, blog_id: int, owner: str) -> writing.ActorKeys | None:
    """The public keys of *owner*: those that sign, and the older ones that are not dropped yet."""
    stored = key_rows.of_owner(connection, blog_id, owner)
    rsa = next((key for key in stored if key.kind == RSA), None)
    if rsa is None:
        return None
    ed25519 = next((key for key in stored if key.kind == ED25519), None)
    return writing.ActorKeys(
        rsa_pem=rsa.public_pem,
        rsa_fragment=rsa.fragment,
        ed25519_multibase=_multibase(ed25519.public_pem) if ed25519 else None,
        ed25519_fragment=ed25519.fragment if ed25519 else "",
        others=tuple(
            (key.fragment, _multibase(key.public_pem))
            for key in stored
            if key is not rsa and key is not ed25519
        ),
    )
