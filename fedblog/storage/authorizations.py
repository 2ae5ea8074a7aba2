"""Authorizations to interact: as the inbox needs them, as their addresses and the API show them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, exists, func, or_, select, update

from fedblog.domain.authorization import Authorization, AuthorizationState, Interaction
from fedblog.domain.comment import Comment
from fedblog.storage.changes import Change, record
from fedblog.storage.lists import ListStatement
from fedblog.storage.tables import actors, authorizations, comments, posts
from fedblog.storage.upsert import insert_ignoring
from fedblog.storage.visibility import is_living_post, is_public_comment, is_public_post

_BY_OBJECT = ListStatement(
    lambda listed: select(authorizations).where(listed(authorizations.c.object_uri))
)
_IS_ABOUT_LIVING = or_(
    authorizations.c.post_id.is_(None),
    exists().where(posts.c.id == authorizations.c.post_id, is_living_post()),
)
_DECIDE = (
    update(authorizations)
    .where(authorizations.c.id == bindparam("row_id"))
    .values(
        request_uri=bindparam("new_request_uri"),
        state=bindparam("new_state"),
        was_granted=bindparam("new_was_granted"),
        decided_at=bindparam("new_decided_at"),
    )
)


@dataclass(frozen=True, slots=True)
class AuthorizationView:
    """An authorization with what is known of the one who has it."""

    authorization: Authorization
    name: str
    handle: str
    host: str


def find(connection: Connection, object_uris: Collection[str]) -> list[Authorization]:
    """What was asked for *object_uris*."""
    return [_authorization(row) for row in _BY_OBJECT.run(connection, object_uris)]


def counts(connection: Connection, actor_uris: Collection[str], most: int) -> dict[str, int]:
    """How much each of *actor_uris* has asked for, counted up to *most*."""
    numbers = {}
    for uri in sorted(actor_uris):
        theirs = (
            select(authorizations.c.id)
            .where(authorizations.c.actor_uri == uri)
            .limit(most)
            .subquery()
        )
        numbers[uri] = connection.execute(select(func.count()).select_from(theirs)).scalar_one()
    return numbers


def insert_all(connection: Connection, items: Sequence[Authorization]) -> None:
    """Keep new ones; one that stands already stays as it is."""
    if items:
        rows = [
            {name: getattr(item, name) for name in Authorization.__dataclass_fields__}
            | {"interaction": item.interaction.value, "state": item.state.value}
            for item in items
        ]
        insert_ignoring(connection, authorizations, rows)


def update_all(connection: Connection, items: Sequence[Authorization]) -> None:
    """Keep what was decided about known ones, and by which request they were asked for last."""
    if not items:
        return
    rows = [
        {
            "row_id": item.id,
            "new_request_uri": item.request_uri,
            "new_state": item.state.value,
            "new_was_granted": item.was_granted,
            "new_decided_at": item.decided_at,
        }
        for item in items
    ]
    connection.execute(_DECIDE, rows)
    record(connection, *(Change("authorization", item.id) for item in items))


def get(connection: Connection, blog_id: int, authorization_id: str) -> Authorization | None:
    """The authorization *authorization_id*, whatever became of it."""
    row = connection.execute(
        select(authorizations).where(
            authorizations.c.id == authorization_id, authorizations.c.blog_id == blog_id
        )
    ).first()
    return None if row is None else _authorization(row)


def published(
    connection: Connection, blog_id: int, authorization_id: str
) -> tuple[Authorization, bool] | None:
    """The authorization *authorization_id* where it was ever granted, and whether it stands: not
    revoked, and what it is about is still public."""
    found = get(connection, blog_id, authorization_id)
    if found is None or not found.was_granted:
        return None
    if found.state is not AuthorizationState.GRANTED:
        return found, False
    if found.post_id is None:
        return found, True
    is_public = connection.execute(
        select(posts.c.id).where(posts.c.id == found.post_id, is_public_post())
    ).first()
    if is_public is None:
        return found, False
    about = connection.execute(
        select(is_public_comment().label("is_shown")).where(comments.c.uri == found.target_uri)
    ).first()
    return found, about is None or bool(about.is_shown)


def for_comment(connection: Connection, comment: Comment) -> Authorization | None:
    """What was asked for a reply by its writer: leave to answer what it answers."""
    row = connection.execute(
        select(authorizations).where(
            authorizations.c.object_uri == comment.uri,
            authorizations.c.actor_uri == comment.actor_uri,
            authorizations.c.interaction == Interaction.REPLY.value,
        )
    ).first()
    return None if row is None else _authorization(row)


def list_page(
    connection: Connection,
    blog_id: int,
    *,
    state: AuthorizationState | None,
    before: str | None,
    limit: int,
) -> list[AuthorizationView]:
    """Authorizations and what waits for one, newest first, beginning below the id *before*."""
    query = (
        select(
            authorizations,
            actors.c.name.label("actor_name"),
            actors.c.handle.label("actor_handle"),
            actors.c.host.label("actor_host"),
        )
        .join_from(authorizations, actors, actors.c.uri == authorizations.c.actor_uri, isouter=True)
        .where(authorizations.c.blog_id == blog_id, _IS_ABOUT_LIVING)
        .order_by(authorizations.c.id.desc())
        .limit(limit)
    )
    if state is not None:
        query = query.where(authorizations.c.state == state.value)
    if before is not None:
        query = query.where(authorizations.c.id < before)
    return [
        AuthorizationView(
            _authorization(row), row.actor_name or "", row.actor_handle or "", row.actor_host or ""
        )
        for row in connection.execute(query)
    ]


def _authorization(row: Row[Any]) -> Authorization:
    decided: datetime | None = row.decided_at
    return Authorization(
        id=row.id,
        blog_id=row.blog_id,
        interaction=Interaction(row.interaction),
        owner=row.owner,
        target_uri=row.target_uri,
        object_uri=row.object_uri,
        actor_uri=row.actor_uri,
        request_uri=row.request_uri,
        post_id=row.post_id,
        state=AuthorizationState(row.state),
        was_granted=bool(row.was_granted),
        created_at=row.created_at,
        decided_at=decided,
    )
