"""Actors of other servers and their keys, as last fetched."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection, Row, delete, select, update

from fedblog.domain.actor import ActorKey, RemoteActor
from fedblog.storage import inbox_moves
from fedblog.storage.changes import Change, record
from fedblog.storage.lists import ListStatement
from fedblog.storage.tables import actor_keys, actors
from fedblog.storage.upsert import upsert

_FIND = ListStatement(lambda member: select(actors).where(member(actors.c.uri)))
_FIND_KEYS = ListStatement(lambda member: select(actor_keys).where(member(actor_keys.c.key_id)))
_TOUCH = ListStatement(
    lambda member: (
        update(actors)
        .where(
            actors.c.uri.in_(
                select(actors.c.uri)
                .where(member(actors.c.uri))
                .order_by(actors.c.uri)
                .with_for_update(key_share=True)
            )
        )
        .values(host=actors.c.host)
    )
)
_ACTOR_COLUMNS = tuple(column.name for column in actors.columns)
_KEY_COLUMNS = tuple(column.name for column in actor_keys.columns)


def find(connection: Connection, uris: Collection[str]) -> dict[str, RemoteActor]:
    """The known ones of *uris*, deleted ones too."""
    return {row.uri: _actor(row) for row in _FIND.run(connection, uris)}


def named(connection: Connection, spellings: Sequence[str], host: str) -> str | None:
    """The id of the known actor whose id is the first one possible of *spellings*, or, where there
    is none, the id of the one of *host* whose page is."""
    known = find(connection, spellings)
    for spelling in spellings:
        if spelling in known:
            return spelling
    pages = connection.execute(
        select(actors.c.uri)
        .where(actors.c.host == host, actors.c.url.in_(spellings))
        .order_by(actors.c.uri)
        .limit(2)
    ).scalars()
    found = list(pages)
    return found[0] if len(found) == 1 else None


def find_key(connection: Connection, key_id: str) -> tuple[RemoteActor, ActorKey] | None:
    """The key *key_id* and the actor that lists it."""
    return find_keys(connection, [key_id]).get(key_id)


def find_keys(
    connection: Connection, key_ids: Collection[str]
) -> dict[str, tuple[RemoteActor, ActorKey]]:
    """The known ones of *key_ids*, each with the actor that lists it."""
    keys = [_key(row) for row in _FIND_KEYS.run(connection, key_ids)]
    known = find(connection, {key.actor_uri for key in keys})
    return {key.key_id: (known[key.actor_uri], key) for key in keys}


def others_at(connection: Connection, host: str, uri: str, limit: int) -> list[str]:
    """At most *limit* actors of *host* that live as far as is known here, without *uri*: those
    fetched last."""
    return list(
        connection.execute(
            select(actors.c.uri)
            .where(actors.c.host == host, actors.c.uri != uri, actors.c.deleted_at.is_(None))
            .order_by(actors.c.fetched_at.desc(), actors.c.uri)
            .limit(limit)
        ).scalars()
    )


def take_turns(connection: Connection, uris: Collection[str]) -> None:
    """Let units about the same actors come one after the other; the first statement of a unit.

    On PostgreSQL two processes could each miss what the other is about to write (a Delete and the
    Create it belongs to). Both change the actors' rows, so the later one begins again and sees it.
    SQLite has one writer at a time.
    """
    if connection.dialect.name == "postgresql":
        _TOUCH.run(connection, uris)


def keys_of(connection: Connection, actor_uri: str) -> tuple[ActorKey, ...]:
    """The keys that *actor_uri* lists."""
    statement = (
        select(actor_keys).where(actor_keys.c.actor_uri == actor_uri).order_by(actor_keys.c.key_id)
    )
    return tuple(_key(row) for row in connection.execute(statement))


def save(
    connection: Connection,
    actor: RemoteActor,
    keys: Sequence[ActorKey],
    *,
    still_listed: Collection[str] = (),
) -> None:
    """Store *actor* as just fetched, and *keys* as its keys.

    Its other keys are forgotten, except *still_listed* ones: those that its document names, but
    that live in a document of their own, from which they were believed when they were stored.
    Where its inbox is another one, its deliveries go there (inbox_moves.py). Says
    ``Change("actor", uri)`` where what readers see, an inbox or the keys are different now.
    """
    before = find(connection, [actor.uri]).get(actor.uri)
    keys_before = keys_of(connection, actor.uri) if before is not None else ()
    upsert(
        connection,
        actors,
        [_actor_row(actor)],
        key=["uri"],
        update=[name for name in _ACTOR_COLUMNS if name != "uri"],
    )
    kept = {*still_listed, *(key.key_id for key in keys)}
    connection.execute(
        delete(actor_keys).where(
            actor_keys.c.actor_uri == actor.uri, actor_keys.c.key_id.not_in(sorted(kept))
        )
    )
    upsert(
        connection,
        actor_keys,
        [_key_row(key) for key in sorted(keys, key=lambda key: key.key_id)],
        key=["key_id"],
        update=[name for name in _KEY_COLUMNS if name != "key_id"],
    )
    inbox_moves.follow_actor(connection, actor)
    if before is not None and (
        _told(before) != _told(actor)
        or {(key.key_id, key.public_pem) for key in keys_before}
        != {(key.key_id, key.public_pem) for key in keys_of(connection, actor.uri)}
    ):
        record(connection, Change("actor", actor.uri))


def mark_deleted(connection: Connection, uris: Iterable[str], now: datetime) -> None:
    """Remember that the actors *uris* are gone: what they said of themselves and their keys go."""
    gone = sorted(set(uris))
    if not gone:
        return
    connection.execute(delete(actor_keys).where(actor_keys.c.actor_uri.in_(gone)))
    connection.execute(
        update(actors)
        .where(actors.c.uri.in_(gone), actors.c.deleted_at.is_(None))
        .values(name="", summary="", avatar_url="", emojis=None, deleted_at=now)
    )
    record(connection, *(Change("actor", uri) for uri in gone))


def _told(actor: RemoteActor) -> tuple[object, ...]:
    """What others keep of an actor: what readers see, and where it is sent to."""
    return (
        actor.inbox,
        actor.shared_inbox,
        actor.handle,
        actor.host,
        actor.name,
        actor.url,
        actor.avatar_url,
        actor.emojis,
        actor.deleted_at is None,
    )


def _actor(row: Row[Any]) -> RemoteActor:
    return RemoteActor(
        uri=row.uri,
        type=row.type,
        handle=row.handle,
        host=row.host,
        name=row.name,
        url=row.url,
        avatar_url=row.avatar_url,
        summary=row.summary,
        inbox=row.inbox,
        shared_inbox=row.shared_inbox,
        followers_uri=row.followers_uri,
        moved_to=row.moved_to,
        also_known_as=tuple(orjson.loads(row.also_known_as)),
        fetched_at=row.fetched_at,
        deleted_at=row.deleted_at,
        emojis=row.emojis,
    )


def _actor_row(actor: RemoteActor) -> dict[str, Any]:
    row = {name: getattr(actor, name) for name in _ACTOR_COLUMNS}
    row["also_known_as"] = orjson.dumps(list(actor.also_known_as)).decode()
    return row


def _key(row: Row[Any]) -> ActorKey:
    return ActorKey(
        key_id=row.key_id,
        actor_uri=row.actor_uri,
        kind=row.kind,
        public_pem=row.public_pem,
        fetched_at=row.fetched_at,
    )


def _key_row(key: ActorKey) -> dict[str, Any]:
    return {name: getattr(key, name) for name in _KEY_COLUMNS}
