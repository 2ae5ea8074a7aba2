"""The order of activities about one object: an inbox never gets an edit before the article, nor
the article after its deletion.

A delivery that must wait for an earlier one of the same object to the same inbox is held: it waits
without a next time. It goes out once the earlier one is finished. Earlier ones that a deletion or a
later edit makes pointless are given up.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    and_,
    exists,
    literal_column,
    or_,
    select,
    update,
)

from fedblog.domain.delivery import DeliveryState
from fedblog.storage.lists import ListStatement, is_among, pairs_of
from fedblog.storage.tables import activities, deliveries

# Written out, not bound: only then do both engines use the index over what waits.
IS_WAITING = deliveries.c.state == literal_column("'waiting'")
SUPERSEDED = "superseded by a later activity"

_own, _related = activities.alias("own"), activities.alias("related")
_earlier = deliveries.alias("earlier")
_RELATED = ListStatement(
    lambda listed: (
        select(_own.c.id.label("own_id"), _own.c.type.label("own_type"))
        .add_columns(_related.c.id, _related.c.type)
        .join(
            _related,
            and_(
                _related.c.post_id == _own.c.post_id,
                _related.c.object_uri == _own.c.object_uri,
                _related.c.id != _own.c.id,
            ),
        )
        .where(listed(_own.c.id))
    )
)


class _Related(NamedTuple):
    """An activity about the same object as another one, which has the type *own_type*."""

    id: str
    type: str
    own_type: str


def arrange(
    connection: Connection, activity_id: str, inbox_ids: Collection[int], now: datetime
) -> None:
    """Put the deliveries of a new activity to *inbox_ids* behind the earlier ones of its object."""
    related = _related_to(connection, [activity_id]).get(activity_id, ())
    earlier = [item for item in related if item.id < activity_id]
    if not earlier:
        return
    ids = [item.id for item in earlier]
    to_these = is_among(connection, deliveries.c.inbox_id, BigInteger, inbox_ids)
    pointless = [item.id for item in earlier if supersedes(item.own_type, item.type)]
    if pointless:
        connection.execute(
            update(deliveries)
            .where(IS_WAITING, deliveries.c.activity_id.in_(pointless), to_these, _is_not_held(now))
            .values(**_GIVEN_UP)
        )
    if connection.dialect.name == "postgresql":
        # Written to, so that a settling of them that does not see us cannot be committed as well.
        connection.execute(
            update(deliveries)
            .where(IS_WAITING, deliveries.c.activity_id.in_(ids), to_these)
            .values(lease_until=deliveries.c.lease_until)
        )
    connection.execute(
        update(deliveries)
        .where(IS_WAITING, deliveries.c.activity_id == activity_id, to_these, _waits_behind(ids))
        .values(next_at=None)
    )


def earlier(connection: Connection, activity_id: str) -> tuple[bool, list[str]]:
    """Whether there are earlier activities about the object of *activity_id*, and those that it
    makes pointless and that may still wait, also for inboxes that it does not go to: the last one
    of each type, as that gave up those before it."""
    related = _related_to(connection, [activity_id]).get(activity_id, ())
    before = sorted((item for item in related if item.id < activity_id), key=lambda item: item.id)
    last = {item.type: item.id for item in before if supersedes(item.own_type, item.type)}
    return bool(before), sorted(last.values())


def give_up(
    connection: Connection, activity_id: str, after: int, limit: int, now: datetime
) -> tuple[int, int | None]:
    """Give up what waits of a pointless activity, going through its deliveries above the inbox
    *after*; gives how many were looked at, and where to go on."""
    rows = connection.execute(
        select(deliveries.c.inbox_id, deliveries.c.state)
        .where(deliveries.c.activity_id == activity_id, deliveries.c.inbox_id > after)
        .order_by(deliveries.c.inbox_id)
        .limit(limit)
    ).all()
    waiting = [row.inbox_id for row in rows if row.state == DeliveryState.WAITING.value]
    if waiting:
        connection.execute(
            update(deliveries)
            .where(
                IS_WAITING,
                deliveries.c.activity_id == activity_id,
                is_among(connection, deliveries.c.inbox_id, BigInteger, waiting),
                _is_not_held(now),
            )
            .values(**_GIVEN_UP)
        )
    return len(rows), rows[-1].inbox_id if len(rows) == limit else None


def proceed(
    connection: Connection,
    finished: Collection[tuple[str, int]],
    retried: Collection[tuple[str, int]],
    now: datetime,
) -> bool:
    """Free what was held back for the deliveries *finished* (activity and inbox).

    Of the *retried* ones, those that a later activity makes pointless are given up. Gives whether
    anything was freed.
    """
    inboxes: dict[str, tuple[list[int], list[int]]] = {}
    for place, keys in enumerate((finished, retried)):
        for activity_id, inbox_id in keys:
            inboxes.setdefault(activity_id, ([], []))[place].append(inbox_id)
    is_any_free = False
    for activity_id, related in sorted(_related_to(connection, inboxes).items()):
        is_any_free |= _proceed(connection, activity_id, related, *inboxes[activity_id], now)
    return is_any_free


def _proceed(
    connection: Connection,
    activity_id: str,
    related: Sequence[_Related],
    finished: Collection[int],
    retried: Collection[int],
    now: datetime,
) -> bool:
    later = [item for item in related if item.id > activity_id]
    if not later:
        return False
    superseding = [item.id for item in later if supersedes(item.type, item.own_type)]
    if retried and superseding:
        connection.execute(
            update(deliveries)
            .where(
                IS_WAITING,
                deliveries.c.activity_id == activity_id,
                is_among(connection, deliveries.c.inbox_id, BigInteger, retried),
                _is_elsewhere(superseding),
            )
            .values(**_GIVEN_UP)
        )
    freed = connection.execute(
        update(deliveries)
        .where(
            IS_WAITING,
            deliveries.c.next_at.is_(None),
            deliveries.c.activity_id.in_([item.id for item in later]),
            is_among(connection, deliveries.c.inbox_id, BigInteger, [*finished, *retried]),
            ~_waits_behind([activity_id, *(item.id for item in related)]),
        )
        .values(next_at=now)
    )
    return freed.rowcount > 0


def strays(connection: Connection, before: datetime, limit: int) -> list[tuple[str, int]]:
    """At most *limit* deliveries that are held since before *before*, longer than anything is
    tried (activity and inbox). For a reader: very many may be held for a good reason."""
    rows = connection.execute(
        select(deliveries.c.activity_id, deliveries.c.inbox_id)
        .join(activities, activities.c.id == deliveries.c.activity_id)
        .where(IS_WAITING, deliveries.c.next_at.is_(None), activities.c.created_at < before)
        .limit(limit)
    )
    return [(row.activity_id, row.inbox_id) for row in rows]


def free(connection: Connection, keys: Collection[tuple[str, int]], now: datetime) -> int:
    """Let held deliveries go out now; gives how many were held still."""
    pairs = pairs_of(connection, keys)
    return connection.execute(
        update(deliveries)
        .where(
            IS_WAITING,
            deliveries.c.next_at.is_(None),
            deliveries.c.activity_id == pairs.c.first,
            deliveries.c.inbox_id == pairs.c.second,
        )
        .values(next_at=now)
    ).rowcount


_GIVEN_UP = {
    "state": DeliveryState.FAILED.value,
    "next_at": None,
    "lease_until": None,
    "last_error": SUPERSEDED,
}


def _related_to(connection: Connection, activity_ids: Collection[str]) -> dict[str, list[_Related]]:
    """The other activities about the objects of *activity_ids*."""
    found: dict[str, list[_Related]] = {}
    for row in _RELATED.run(connection, activity_ids):
        found.setdefault(row.own_id, []).append(_Related(row.id, row.type, row.own_type))
    return found


def supersedes(later: str, earlier: str) -> bool:
    """Whether a *later* activity of this type makes an *earlier* one about its object pointless."""
    return later == "Delete" or later == earlier == "Update"


def _is_not_held(now: datetime) -> ColumnElement[bool]:
    return or_(deliveries.c.lease_until.is_(None), deliveries.c.lease_until <= now)


def _waits_behind(activity_ids: Collection[str]) -> ColumnElement[bool]:
    """An earlier one of *activity_ids* waits for the same inbox."""
    return _is_elsewhere(activity_ids, _earlier.c.activity_id < deliveries.c.activity_id)


def _is_elsewhere(
    activity_ids: Collection[str], *conditions: ColumnElement[bool]
) -> ColumnElement[bool]:
    """One of *activity_ids* waits for the same inbox."""
    return exists().where(
        _earlier.c.activity_id.in_(activity_ids),
        _earlier.c.inbox_id == deliveries.c.inbox_id,
        _earlier.c.state == literal_column("'waiting'"),
        *conditions,
    )
