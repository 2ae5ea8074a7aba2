"""Followers, deliveries' people and hosts as authors' tools and moderators see them."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, and_, delete, or_, select, union, update

from fedblog.domain.authorization import AuthorizationState
from fedblog.storage.changes import Change, record
from fedblog.storage.tables import (
    activities,
    actors,
    authorizations,
    comments,
    deliveries,
    followers,
    inboxes,
    reactions,
    unforwarded,
)
from fedblog.storage.visibility import counts_as_boost, is_public_comment


@dataclass(frozen=True, slots=True)
class FollowerView:
    """A follower with what is known of the person. *owner* is whom they follow here."""

    owner: str
    actor_uri: str
    name: str
    handle: str
    host: str
    url: str
    avatar_url: str
    created_at: datetime


def list_followers(
    connection: Connection,
    blog_id: int,
    *,
    after: tuple[datetime, str, str] | None,
    limit: int,
) -> list[FollowerView]:
    """Followers of the blog and of its authors, oldest first, after (created_at, actor, owner)."""
    query = (
        select(
            followers.c.owner,
            followers.c.actor_uri,
            actors.c.name,
            actors.c.handle,
            actors.c.host,
            actors.c.url,
            actors.c.avatar_url,
            followers.c.created_at,
        )
        .join_from(followers, actors, actors.c.uri == followers.c.actor_uri, isouter=True)
        .where(followers.c.blog_id == blog_id)
    )
    if after is not None:
        moment, actor_uri, owner = after
        query = query.where(
            or_(
                followers.c.created_at > moment,
                and_(
                    followers.c.created_at == moment,
                    or_(
                        followers.c.actor_uri > actor_uri,
                        and_(followers.c.actor_uri == actor_uri, followers.c.owner > owner),
                    ),
                ),
            )
        )
    rows = connection.execute(
        query.order_by(followers.c.created_at, followers.c.actor_uri, followers.c.owner).limit(
            limit
        )
    )
    return [
        FollowerView(
            row.owner,
            row.actor_uri,
            row.name or "",
            row.handle or "",
            row.host or "",
            row.url or row.actor_uri,
            row.avatar_url or "",
            row.created_at,
        )
        for row in rows
    ]


def participant_inboxes(connection: Connection, post_id: str) -> list[str]:
    """The inboxes (shared where there is one) of the remote people in the conversation under a
    post: who answered, or boosted it."""
    people = union(
        select(comments.c.actor_uri).where(
            comments.c.post_id == post_id,
            comments.c.actor_uri.is_not(None),
            is_public_comment(),
        ),
        select(reactions.c.actor_uri).where(reactions.c.post_id == post_id, counts_as_boost()),
    ).subquery()
    rows = connection.execute(
        select(actors.c.inbox, actors.c.shared_inbox).where(
            actors.c.uri.in_(select(people.c.actor_uri)), actors.c.deleted_at.is_(None)
        )
    )
    return [row.shared_inbox or row.inbox for row in rows]


def actor_hosts(connection: Connection) -> list[str]:
    """Every host (with port where it has one) that a known actor or inbox is on."""
    query = union(select(actors.c.host), select(inboxes.c.host))
    return list(connection.execute(query).scalars())


def cut_off(
    connection: Connection,
    blog_id: int,
    *,
    hosts: Collection[str] = (),
    actor_uri: str | None = None,
) -> None:
    """End every tie with the people of *hosts*, or with one actor.

    They follow no more, their reactions do not count, their comments are taken for spam, leave to
    interact is taken back, and what waits to be delivered to the hosts (or to an inbox that is the
    actor's alone) is dropped.
    """
    if actor_uri is not None:
        theirs = select(actors.c.uri).where(actors.c.uri == actor_uri)
        boxes = select(inboxes.c.id).where(
            inboxes.c.url.in_(select(actors.c.inbox).where(actors.c.uri == actor_uri))
        )
    else:
        theirs = select(actors.c.uri).where(actors.c.host.in_(hosts))
        boxes = select(inboxes.c.id).where(inboxes.c.host.in_(hosts))
    of_blog = followers.c.blog_id == blog_id
    left = connection.execute(
        select(followers.c.owner).where(of_blog, followers.c.actor_uri.in_(theirs)).distinct()
    ).scalars()
    changed = [Change("followers", owner) for owner in left]
    connection.execute(delete(followers).where(of_blog, followers.c.actor_uri.in_(theirs)))

    for table, kind in ((reactions, "reactions"), (comments, "comments")):
        touched = connection.execute(
            select(table.c.post_id)
            .where(
                table.c.blog_id == blog_id,
                table.c.actor_uri.in_(theirs),
                table.c.post_id.is_not(None),
            )
            .distinct()
        ).scalars()
        changed += [Change(kind, post_id) for post_id in touched]
    connection.execute(
        delete(reactions).where(reactions.c.blog_id == blog_id, reactions.c.actor_uri.in_(theirs))
    )
    connection.execute(
        update(comments)
        .where(comments.c.blog_id == blog_id, comments.c.actor_uri.in_(theirs))
        .values(status="spam", status_locked=True)
    )
    connection.execute(
        delete(unforwarded).where(
            unforwarded.c.comment_id.in_(
                select(comments.c.id).where(
                    comments.c.blog_id == blog_id, comments.c.actor_uri.in_(theirs)
                )
            )
        )
    )
    connection.execute(
        update(deliveries)
        .where(
            deliveries.c.state == "waiting",
            deliveries.c.inbox_id.in_(boxes),
            deliveries.c.activity_id.in_(
                select(activities.c.id).where(activities.c.blog_id == blog_id)
            ),
        )
        .values(state="failed", next_at=None, last_error="blocked")
    )
    revoked = connection.execute(
        update(authorizations)
        .where(
            authorizations.c.blog_id == blog_id,
            authorizations.c.actor_uri.in_(theirs),
            authorizations.c.state != AuthorizationState.REVOKED.value,
        )
        .values(state=AuthorizationState.REVOKED.value, decided_at=datetime.now(UTC))
        .returning(authorizations.c.id)
    ).scalars()
    changed += [Change("authorization", revoked_id) for revoked_id in revoked]
    record(connection, *changed)
