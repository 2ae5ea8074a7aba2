"""What is known of the world and of the past, and when nobody needs it any more.

Each function deletes at most *limit* rows in the caller's unit and gives how many it was, so that
housekeeping can go on little by little. What refers to a row keeps it.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    delete,
    exists,
    func,
    literal_column,
    or_,
    select,
)

from fedblog.storage.changes import Change, record
from fedblog.storage.sweeping import delete_some, stretch
from fedblog.storage.tables import (
    activities,
    actor_keys,
    actors,
    authorizations,
    authors,
    blocks,
    changes,
    comments,
    counts,
    deliveries,
    followers,
    hidden,
    hosts,
    idempotency_keys,
    inboxes,
    media,
    media_uses,
    posts,
    reactions,
    received,
    reports,
    tokens,
    tombstones,
    unforwarded,
)

_NO_NUMBER = (1 << 63) - 1
_same = counts.alias("same")


def drop_changes(connection: Connection, before: datetime, limit: int) -> int:
    """Changes that every process has seen; they lie in the order of their time."""
    # The first that is kept ends the search: all that come after it are younger.
    kept = select(changes.c.seq).where(changes.c.at >= before).order_by(changes.c.seq).limit(1)
    is_before = changes.c.seq < func.coalesce(kept.scalar_subquery(), _NO_NUMBER)
    return delete_some(connection, changes, is_before, order=changes.c.seq, limit=limit)


def drop_answers(connection: Connection, before: datetime, limit: int) -> int:
    """Answers kept by Idempotency-Key."""
    at = idempotency_keys.c.created_at
    return delete_some(connection, idempotency_keys, at < before, order=at, limit=limit)


def drop_receipts(connection: Connection, before: datetime, limit: int) -> int:
    """What was received before *before*."""
    at = received.c.received_at
    return delete_some(connection, received, at < before, order=at, limit=limit)


def drop_tombstones(connection: Connection, now: datetime, limit: int) -> int:
    """What was deleted or undone and whose term has ended."""
    until = tombstones.c.until
    return delete_some(connection, tombstones, until < now, order=until, limit=limit)


def drop_unforwarded(connection: Connection, before: datetime, limit: int) -> int:
    """What waited to be forwarded, received before *before*."""
    at = unforwarded.c.received_at
    return delete_some(connection, unforwarded, at < before, order=at, limit=limit)


def drop_reports(connection: Connection, before: datetime, limit: int) -> int:
    """Reports made before *before*; their ids lie in the order of their time."""
    return delete_some(
        connection, reports, reports.c.created_at < before, order=reports.c.id, limit=limit
    )


def drop_authorizations(connection: Connection, before: datetime, limit: int) -> int:
    """Requests for leave that nobody decided about, made before *before*."""
    return delete_some(
        connection,
        authorizations,
        authorizations.c.state == literal_column("'waiting'"),  # as its index says it
        authorizations.c.was_granted.is_(False),
        authorizations.c.created_at < before,
        order=authorizations.c.created_at,
        limit=limit,
    )


def drop_activities(connection: Connection, before: datetime, limit: int) -> int:
    """Activities that no outbox lists (answers to Follows, forwards), made before *before*, once
    none of their deliveries is left. What is public stays."""
    return delete_some(
        connection,
        activities,
        activities.c.is_public.is_(False),
        activities.c.created_at < before,
        ~exists().where(deliveries.c.activity_id == activities.c.id),
        order=activities.c.created_at,
        limit=limit,
    )


def drop_tokens(connection: Connection, before: datetime, limit: int) -> int:
    """Tokens revoked before *before*."""
    return delete_some(
        connection, tokens, tokens.c.revoked_at < before, order=tokens.c.id, limit=limit
    )


# --- what nothing refers to: looked for among readers, in stretches ---------------------------


def lone_actors(
    connection: Connection, before: datetime, after: Any, limit: int
) -> tuple[list[Any], Any]:
    """Actors fetched before *before* that nothing here refers to, in the stretch of *limit* actors
    after *after*; and where the next stretch begins, None at the end."""
    is_lone = and_(actors.c.fetched_at < before, ~_is_referred_to())
    return stretch(connection, actors.c.uri, is_lone, after, limit)


def drop_actors(connection: Connection, uris: Collection[str], before: datetime) -> int:
    """Those of *uris* that are still lone, with their keys: who comes again is fetched again."""
    is_lone = and_(actors.c.uri.in_(uris), actors.c.fetched_at < before, ~_is_referred_to())
    gone = connection.execute(select(actors.c.uri).where(is_lone)).scalars().all()
    if gone:
        connection.execute(delete(actor_keys).where(actor_keys.c.actor_uri.in_(gone)))
        connection.execute(delete(actors).where(actors.c.uri.in_(gone)))
        record(connection, *(Change("actor", uri) for uri in gone))
    return len(gone)


def _is_referred_to() -> ColumnElement[bool]:
    tables = (followers, comments, reactions, authorizations, reports, blocks)
    return or_(*(exists().where(table.c.actor_uri == actors.c.uri) for table in tables))


def lone_inboxes(
    connection: Connection, _before: datetime, after: Any, limit: int
) -> tuple[list[Any], Any]:
    """Inboxes that no follower has and no delivery goes to (as `lone_actors`)."""
    return stretch(connection, inboxes.c.id, _is_lone_inbox(), after, limit)


def drop_inboxes(connection: Connection, ids: Collection[int], _before: datetime) -> int:
    """Those of *ids* that are still lone."""
    return connection.execute(
        delete(inboxes).where(inboxes.c.id.in_(ids), _is_lone_inbox())
    ).rowcount


def _is_lone_inbox() -> ColumnElement[bool]:
    return and_(
        ~exists().where(followers.c.inbox_id == inboxes.c.id),
        ~exists().where(deliveries.c.inbox_id == inboxes.c.id),
    )


def lone_hosts(
    connection: Connection, before: datetime, after: Any, limit: int
) -> tuple[list[Any], Any]:
    """Hosts of which nobody is known and that no delivery reached or failed to since *before* (as
    `lone_actors`)."""
    return stretch(connection, hosts.c.host, _is_lone_host(before), after, limit)


def drop_hosts(connection: Connection, names: Collection[str], before: datetime) -> int:
    """Those of *names* that are still lone."""
    return connection.execute(
        delete(hosts).where(hosts.c.host.in_(names), _is_lone_host(before))
    ).rowcount


def _is_lone_host(before: datetime) -> ColumnElement[bool]:
    return and_(
        or_(hosts.c.last_success_at.is_(None), hosts.c.last_success_at < before),
        or_(hosts.c.last_failure_at.is_(None), hosts.c.last_failure_at < before),
        ~exists().where(actors.c.host == hosts.c.host),
        ~exists().where(inboxes.c.host == hosts.c.host),
    )


def lone_counts(
    connection: Connection, _before: datetime, after: Any, limit: int
) -> tuple[list[Any], Any]:
    """What nothing is counted of any more (as `lone_actors`): a missing count is 0 as well."""
    found, following = stretch(connection, counts.c.key, _counts_nothing(), after, limit)
    return sorted(set(found)), following


def drop_counts(connection: Connection, keys: Collection[str], _before: datetime) -> int:
    """The counts of those of *keys* of which still nothing is counted."""
    return connection.execute(
        delete(counts).where(counts.c.key.in_(keys), _counts_nothing())
    ).rowcount


def _counts_nothing() -> ColumnElement[bool]:
    return ~exists(
        select(_same.c.kind)
        .where(_same.c.key == counts.c.key)
        .group_by(_same.c.kind)
        .having(func.sum(_same.c.number) != 0)
    )


def lone_hidden(
    connection: Connection, _before: datetime, after: Any, limit: int
) -> tuple[list[Any], Any]:
    """What a block hid and what cannot come back, because what it is about is erased (as
    `lone_actors`)."""
    return stretch(connection, hidden.c.object_id, _cannot_come_back(), after, limit)


def drop_hidden(connection: Connection, ids: Collection[str], _before: datetime) -> int:
    """Those of *ids* that still cannot come back."""
    return connection.execute(
        delete(hidden).where(hidden.c.object_id.in_(ids), _cannot_come_back())
    ).rowcount


def _cannot_come_back() -> ColumnElement[bool]:
    return and_(
        ~exists().where(posts.c.id == hidden.c.about, posts.c.erased_at.is_(None)),
        ~exists().where(comments.c.id == hidden.c.about, comments.c.deleted_at.is_(None)),
        ~exists().where(authorizations.c.id == hidden.c.about),
    )


def lone_media(
    connection: Connection, before: datetime, after: Any, limit: int
) -> tuple[list[Any], Any]:
    """Pictures uploaded before *before* that stand nowhere (as `lone_actors`)."""
    is_lone = and_(media.c.created_at < before, ~_is_used())
    return stretch(connection, media.c.id, is_lone, after, limit)


def drop_media(connection: Connection, ids: Collection[str]) -> list[str]:
    """The rows of those of *ids* that still stand nowhere; gives the names of their files."""
    is_lone = and_(media.c.id.in_(ids), ~_is_used())
    gone = connection.execute(delete(media).where(is_lone).returning(media.c.file_name))
    return list(gone.scalars())


def _is_used() -> ColumnElement[bool]:
    return or_(
        exists().where(media_uses.c.media_id == media.c.id),
        exists().where(authors.c.avatar == media.c.id),
        exists().where(posts.c.featured_media == media.c.id),
    )
