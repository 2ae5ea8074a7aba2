"""What is known of the world and of the past, and when nobody needs it any more.

Each function deletes at most *limit* rows in the caller's unit and gives how many it was, so that
housekeeping can go on little by little. What refers to a row keeps it.
"""

from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, delete, exists, or_, select

from fedblog.storage.changes import Change, record
from fedblog.storage.sweeping import delete_some
from fedblog.storage.tables import (
    activities,
    actor_keys,
    actors,
    authorizations,
    authors,
    blocks,
    changes,
    comments,
    deliveries,
    followers,
    hosts,
    idempotency_keys,
    inboxes,
    media,
    media_uses,
    posts,
    reactions,
    received,
    reports,
    revisions,
    tokens,
    tombstones,
    unforwarded,
)


def drop_changes(connection: Connection, before: datetime, limit: int) -> int:
    """Changes that every process has seen; they lie in the order of their time."""
    return delete_some(connection, changes, changes.c.at < before, order=changes.c.seq, limit=limit)


def drop_answers(connection: Connection, before: datetime, limit: int) -> int:
    """Answers kept by Idempotency-Key."""
    at = idempotency_keys.c.created_at
    return delete_some(connection, idempotency_keys, at < before, order=at, limit=limit)


def drop_receipts(connection: Connection, before: datetime, limit: int) -> int:
    """What was received before *before*."""
    at = received.c.received_at
    return delete_some(connection, received, at < before, order=at, limit=limit)


def drop_oldest_receipts(connection: Connection, limit: int) -> int:
    """The receipts received first."""
    return delete_some(connection, received, order=received.c.received_at, limit=limit)


def drop_tombstones(connection: Connection, now: datetime, limit: int) -> int:
    """What was deleted or undone and whose term has ended."""
    until = tombstones.c.until
    return delete_some(connection, tombstones, until < now, order=until, limit=limit)


def drop_oldest_tombstones(connection: Connection, limit: int) -> int:
    """The tombstones whose term ends first."""
    return delete_some(connection, tombstones, order=tombstones.c.until, limit=limit)


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
        authorizations.c.state == "waiting",
        authorizations.c.was_granted.is_(False),
        authorizations.c.created_at < before,
        order=authorizations.c.id,
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


def drop_revisions(connection: Connection, kept: int, limit: int) -> int:
    """Former texts of posts that have more than *kept* newer ones."""
    newest = posts.c.version - kept
    old = exists().where(posts.c.id == revisions.c.post_id, revisions.c.version <= newest)
    return delete_some(connection, revisions, old, order=revisions.c.post_id, limit=limit)


def drop_tokens(connection: Connection, before: datetime, limit: int) -> int:
    """Tokens revoked before *before*."""
    return delete_some(
        connection, tokens, tokens.c.revoked_at < before, order=tokens.c.id, limit=limit
    )


def drop_inboxes(connection: Connection, limit: int) -> int:
    """Inboxes that no follower has and no delivery goes to."""
    return delete_some(
        connection,
        inboxes,
        ~exists().where(followers.c.inbox_id == inboxes.c.id),
        ~exists().where(deliveries.c.inbox_id == inboxes.c.id),
        order=inboxes.c.id,
        limit=limit,
    )


def drop_hosts(connection: Connection, before: datetime, limit: int) -> int:
    """Hosts of which nobody is known and that no delivery reached or failed to since *before*."""
    return delete_some(
        connection,
        hosts,
        or_(hosts.c.last_success_at.is_(None), hosts.c.last_success_at < before),
        or_(hosts.c.last_failure_at.is_(None), hosts.c.last_failure_at < before),
        ~exists().where(actors.c.host == hosts.c.host),
        ~exists().where(inboxes.c.host == hosts.c.host),
        order=hosts.c.host,
        limit=limit,
    )


def drop_actors(connection: Connection, before: datetime, limit: int) -> int:
    """Actors fetched before *before* that nothing here refers to, with their keys: whoever comes
    again is fetched again."""
    rows = (
        connection.execute(
            select(actors.c.uri)
            .where(actors.c.fetched_at < before, ~_is_referred_to())
            .order_by(actors.c.fetched_at)
            .limit(limit)
        )
        .scalars()
        .all()
    )
    if rows:
        connection.execute(delete(actor_keys).where(actor_keys.c.actor_uri.in_(rows)))
        connection.execute(delete(actors).where(actors.c.uri.in_(rows)))
        record(connection, *(Change("actor", uri) for uri in rows))
    return len(rows)


def _is_referred_to() -> ColumnElement[bool]:
    columns = (followers, comments, reactions, authorizations, reports, blocks)
    return or_(*(exists().where(table.c.actor_uri == actors.c.uri) for table in columns))


def unused_media(connection: Connection, before: datetime, limit: int) -> list[tuple[str, str]]:
    """(id, file name) of pictures uploaded before *before* that stand nowhere."""
    rows = connection.execute(
        select(media.c.id, media.c.file_name)
        .where(media.c.created_at < before, ~_is_used())
        .order_by(media.c.id)
        .limit(limit)
    )
    return [(row.id, row.file_name) for row in rows]


def drop_media(connection: Connection, ids: list[str]) -> int:
    """The rows of these pictures, as far as they still stand nowhere; gives how many."""
    gone = and_(media.c.id.in_(ids), ~_is_used())
    return connection.execute(delete(media).where(gone)).rowcount


def _is_used() -> ColumnElement[bool]:
    return or_(
        exists().where(media_uses.c.media_id == media.c.id),
        exists().where(authors.c.avatar == media.c.id),
        exists().where(posts.c.featured_media == media.c.id),
    )
