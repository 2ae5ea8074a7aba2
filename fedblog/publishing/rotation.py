"""Changing the keys of local actors: new ones are published beside the old, which are then dropped.

From the first step on the new keys sign; the old ones stay published, so that what was signed with
them can still be verified.
"""

from asyncio import gather
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from sqlalchemy import Connection

from fedblog.activitystreams import writing
from fedblog.domain.addresses import BLOG, INSTANCE, READERS, Addresses
from fedblog.domain.errors import ConflictError, NotFoundError
from fedblog.domain.ids import new_id
from fedblog.publishing import identity, outbox, profiles
from fedblog.publishing.outbox import Outgoing, Recipients
from fedblog.storage import authors as author_rows
from fedblog.storage import blogs as blog_rows
from fedblog.storage import keys as key_rows
from fedblog.storage import server as server_rows
from fedblog.storage.keys import StoredKey
from fedblog.storage.store import Store


async def rotate(store: Store, author: str | None = None) -> list[str]:
    """New keys for the author whom *author* names, or for every actor of the server.

    They sign from the commit on; followers hear of them by an ``Update`` of the actor. Gives the
    ids of the actors. Raises NotFoundError, and ConflictError where older keys are still published.
    """
    whose = await owners(store, author)
    made = await gather(*(identity.make_keys(owner) for owner in whose))
    return await store.write(_rotate, dict(zip(whose, made, strict=True)))


async def drop(store: Store, author: str | None = None) -> list[str]:
    """Drop all but the newest keys of the same actors, for good.

    Gives the ids of the actors that had older ones. Raises NotFoundError.
    """
    return await store.write(_drop, await owners(store, author))


async def owners(store: Store, author: str | None = None) -> list[str]:
    """Whose keys `rotate` and `drop` change. Raises NotFoundError."""
    if author is not None:
        return [(await identity.find_author(store, author)).id]

    def load(connection: Connection) -> list[str]:
        blog = blog_rows.first(connection)
        people = author_rows.list_all(connection, blog.id) if blog is not None else []
        return [BLOG, READERS, INSTANCE, *(person.id for person in people)]

    return await store.read(load)


def _rotate(connection: Connection, made: dict[str, Sequence[StoredKey]]) -> list[str]:
    blog_id, addresses = _ground(connection)
    now = datetime.now(UTC)
    for owner, pair in made.items():
        if _older(connection, blog_id, owner):
            raise ConflictError(
                f"{addresses.actor(owner)} has older keys still; drop them first (--drop)"
            )
        number = key_rows.count_of_owner(connection, blog_id, owner) // len(pair) + 1
        fresh = [replace(key, fragment=f"{key.fragment}-{number}") for key in pair]
        key_rows.insert_keys(connection, blog_id, fresh, now)
        _tell(connection, addresses, blog_id, owner, now)
    return [addresses.actor(owner) for owner in made]


def _drop(connection: Connection, owners: Sequence[str]) -> list[str]:
    blog_id, addresses = _ground(connection)
    now = datetime.now(UTC)
    changed = []
    for owner in owners:
        if older := _older(connection, blog_id, owner):
            key_rows.retire(connection, blog_id, owner, [key.fragment for key in older], now)
            _tell(connection, addresses, blog_id, owner, now)
            changed.append(addresses.actor(owner))
    if not changed:
        raise NotFoundError("there are no older keys to drop")
    return changed


def _older(connection: Connection, blog_id: int, owner: str) -> list[StoredKey]:
    """Those that sign no more: all but the newest of each kind."""
    seen: set[str] = set()
    older = []
    for key in key_rows.of_owner(connection, blog_id, owner):
        if key.kind in seen:
            older.append(key)
        seen.add(key.kind)
    return older


def _tell(
    connection: Connection, addresses: Addresses, blog_id: int, owner: str, now: datetime
) -> None:
    """``Update`` of the actor to its followers (ActivityPub, section 7.3)."""
    if owner in (READERS, INSTANCE):
        return  # nobody follows them
    actor = profiles.document(connection, addresses, blog_id, owner)
    if actor is None:
        return
    activity_id = new_id()
    outgoing = Outgoing(
        owner=owner,
        type="Update",
        document=writing.update(addresses, activity_id, owner, actor, now),
        activity_id=activity_id,
        object_uri=addresses.actor(owner),
    )
    outbox.record(connection, blog_id, outgoing, Recipients(follower_owners=(owner,)), now)


def _ground(connection: Connection) -> tuple[int, Addresses]:
    blog = blog_rows.first(connection)
    if blog is None:
        raise NotFoundError("there is no blog yet")
    base_url = server_rows.get(connection, "base_url") or ""
    handle_host = server_rows.get(connection, "handle_host") or ""
    return blog.id, Addresses(base_url, blog.handle, handle_host)
