"""What a block means for what is stored already, as long work in slices.

The people of a blocked domain are gone through host by host and actor by actor: they follow no
more, their reactions do not count, their comments are taken for spam, leave to interact is taken
back. Then what waits to be delivered to them is given up. That nothing new is taken from them, and
nothing sent to them, holds from the moment of the block: `Blocklist` and the batches see to that.
"""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Row,
    Table,
    Text,
    and_,
    delete,
    func,
    literal,
    select,
    update,
)

from fedblog.domain.authorization import AuthorizationState
from fedblog.domain.block import Block, covers
from fedblog.domain.comment import CommentStatus
from fedblog.storage import actors as actor_rows
from fedblog.storage import hidden, reactions, unforwarded
from fedblog.storage.blocks import has_own_inbox
from fedblog.storage.changes import Change, record
from fedblog.storage.delivery_order import IS_WAITING
from fedblog.storage.dispatch import fail
from fedblog.storage.lists import is_among
from fedblog.storage.slices import State, Step
from fedblog.storage.tables import (
    activities,
    actors,
    authorizations,
    blocks,
    comments,
    deliveries,
    followers,
    inboxes,
)

CUT_OFF = "cut_off"
"""The kind of job; its key is the block's id."""
BLOCKED = "blocked"
ROW_WEIGHT = 4
"""What a comment or reaction counts for in the unit of a decision: the kept counts follow it."""
_MOST_ROWS = 1000
"""Rows changed by one step: each may be of another post, and every post is a change to tell."""
_MOST_HOSTS = 500


def start(block: Block) -> State:
    """Where the work for *block* begins."""
    return {
        "block": block.id,
        "blog_id": block.blog_id,
        "domain": block.domain,
        "actor": block.actor_uri,
        "place": "people",
        "host": "",  # the host that is gone through, "" between two
        "after": "",  # what was gone through last
        "comment": "",  # the last comment of a prolific actor that was looked at
        "size": 16,  # actors at once
    }


def cut_off(connection: Connection, state: State, limit: int) -> Step:
    """One step for a block (`slices.Work`)."""
    limit = min(limit, _MOST_ROWS)
    if state["place"] == "people":
        return _people(connection, state, limit)
    return _waiting(connection, state, limit)


# --- people --------------------------------------------------------------------------------------


def _people(connection: Connection, state: State, limit: int) -> Step:
    if state["actor"] is not None:
        uris = [] if state["after"] else [state["actor"]]
    elif not state["host"]:
        return _next_host(connection, actors, state)
    else:
        size = min(state["size"], limit)
        uris = _page(connection, actors.c.uri, actors.c.host, state["host"], state["after"], size)
    if not uris:
        if state["actor"] is None:
            return Step(0, {**state, "after": state["host"], "host": ""})
        return Step(0, {**state, "place": "waiting", "after": 0})
    actor_rows.take_turns(connection, uris)
    one_by_one = len(uris) == 1
    blog_id = state["blog_id"]
    written = _theirs(
        connection,
        comments,
        blog_id,
        uris,
        # Those that came before the place where the last step ended are spam already.
        comments.c.id > state["comment"]
        if one_by_one
        else ~and_(comments.c.status == CommentStatus.SPAM.value, comments.c.status_locked),
        limit,
    )
    reacted = reactions.of_actors(connection, uris, limit, blog_id=blog_id)
    allowed = _theirs(
        connection,
        authorizations,
        blog_id,
        uris,
        authorizations.c.state != AuthorizationState.REVOKED.value,
        limit,
    )
    is_full = limit in (len(written), len(reacted), len(allowed))
    if is_full and not one_by_one:
        return Step(0, {**state, "size": max(1, len(uris) // 4)})
    block_id = state.get("block", "")  # begun by an earlier version: nothing is kept
    if block_id:
        hidden.keep_comments(connection, block_id, written)
        hidden.keep_reactions(connection, block_id, reacted)
        hidden.keep_authorizations(connection, block_id, allowed)
    _hide(connection, written)
    reactions.drop(connection, reacted)
    _revoke(connection, allowed)
    _unfollow(connection, blog_id, uris, block_id)
    rows = len(uris) + len(written) + len(reacted) + len(allowed)
    if is_full:
        last = written[-1].id if written else state["comment"]
        return Step(rows, {**state, "comment": last})
    size = min(state["size"] * 2, _MOST_ROWS)
    return Step(rows, {**state, "after": uris[-1], "comment": "", "size": size})


def _theirs(
    connection: Connection,
    table: Table,
    blog_id: int,
    uris: Collection[str],
    condition: ColumnElement[bool],
    limit: int,
) -> list[Row[Any]]:
    """At most *limit* rows of *table* by *uris*, by id where there is one actor."""
    kept = [table.c[name] for name in hidden.KEPT[table.name]]
    query = select(table.c.id, table.c.post_id, table.c.actor_uri, *kept).where(
        is_among(connection, table.c.actor_uri, Text, uris), table.c.blog_id == blog_id, condition
    )
    if len(uris) == 1:
        query = query.order_by(table.c.id)
    return list(connection.execute(query.limit(limit)))


def _hide(connection: Connection, rows: Sequence[Row[Any]]) -> None:
    ids = sorted(row.id for row in rows)
    if not ids:
        return
    connection.execute(
        update(comments)
        .where(is_among(connection, comments.c.id, Text, ids))
        .values(status=CommentStatus.SPAM.value, status_locked=True)
    )
    unforwarded.drop(connection, ids)
    record(connection, *(Change("comments", row.post_id) for row in rows if row.post_id))


def _revoke(connection: Connection, rows: Sequence[Row[Any]]) -> None:
    if not rows:
        return
    ids = sorted(row.id for row in rows)
    connection.execute(
        update(authorizations)
        .where(is_among(connection, authorizations.c.id, Text, ids))
        .values(state=AuthorizationState.REVOKED.value, decided_at=datetime.now(UTC))
    )
    record(connection, *(Change("authorization", revoked) for revoked in ids))


def _unfollow(connection: Connection, blog_id: int, uris: Collection[str], block_id: str) -> None:
    left = connection.execute(
        delete(followers)
        .where(
            followers.c.blog_id == blog_id, is_among(connection, followers.c.actor_uri, Text, uris)
        )
        .returning(followers.c.owner, followers.c.actor_uri)
    ).all()
    if left:
        number = len({row.actor_uri for row in left})
        connection.execute(
            update(blocks)
            .where(blocks.c.id == block_id)
            .values(followers=blocks.c.followers + number)
        )
    record(connection, *(Change("followers", owner) for owner in {row.owner for row in left}))


# --- what waits for them -------------------------------------------------------------------------


def _waiting(connection: Connection, state: State, limit: int) -> Step:
    if state["actor"] is not None:
        ids = _own_inbox(connection, state["actor"], state["after"])
    elif not state["host"]:
        return _next_host(connection, inboxes, {**state, "after": state["after"] or ""})
    else:
        ids = _page(
            connection, inboxes.c.id, inboxes.c.host, state["host"], state["after"] or 0, limit
        )
    if not ids:
        if state["actor"] is not None:
            return Step(0, None)
        return Step(0, {**state, "after": state["host"], "host": ""})
    keys = [
        (row.activity_id, row.inbox_id)
        for row in connection.execute(
            select(deliveries.c.activity_id, deliveries.c.inbox_id)
            .join(activities, activities.c.id == deliveries.c.activity_id)
            .where(
                IS_WAITING,
                is_among(connection, deliveries.c.inbox_id, BigInteger, ids),
                activities.c.blog_id == state["blog_id"],
            )
            .limit(limit)
        )
    ]
    fail(connection, keys, BLOCKED)
    rows = len(ids) + len(keys)
    if len(keys) == limit:  # what was given up waits no more, so the same look finds the next
        return Step(rows, state)
    return Step(rows, {**state, "after": ids[-1]})


def _own_inbox(connection: Connection, actor_uri: str, after: int) -> list[int]:
    """The actor's inbox, where it is nobody else's."""
    return list(
        connection.execute(
            select(inboxes.c.id)
            .join(actors, actors.c.inbox == inboxes.c.url)
            .where(actors.c.uri == actor_uri, inboxes.c.id > after, has_own_inbox())
        ).scalars()
    )


# --- hosts ---------------------------------------------------------------------------------------


def _next_host(connection: Connection, table: Table, state: State) -> Step:
    """Go on to the next host that the block covers, looking at a few hundred of *table*."""
    found = _hosts(connection, table, state["after"])
    rows = len(found) // 5  # a search of an index alone
    for host in found:
        if covers(state["domain"], host):
            return Step(rows, {**state, "host": host, "after": "" if table is actors else 0})
    if len(found) == _MOST_HOSTS:
        return Step(rows, {**state, "after": found[-1]})
    if table is actors:
        return Step(0, {**state, "place": "waiting", "after": ""})
    return Step(0, None)


def _hosts(connection: Connection, table: Table, after: str) -> list[str]:
    """The next hosts above *after*: one search of the index for each, however many rows it has."""
    column = table.c.host
    walk = (
        select(func.min(column).label("host"), literal(1).label("place"))
        .where(column > after)
        .cte("walk", recursive=True)
    )
    following = select(func.min(column)).where(column > walk.c.host).scalar_subquery()
    walk = walk.union_all(
        select(following, walk.c.place + 1).where(
            walk.c.host.is_not(None), walk.c.place < _MOST_HOSTS
        )
    )
    rows = connection.execute(
        select(walk.c.host).where(walk.c.host.is_not(None)).order_by(walk.c.place)
    )
    return list(rows.scalars())


def _page(
    connection: Connection,
    column: ColumnElement[Any],
    host_column: ColumnElement[Any],
    host: str,
    after: Any,
    limit: int,
) -> list[Any]:
    """The next values of *column* on *host* above *after*."""
    return list(
        connection.execute(
            select(column).where(host_column == host, column > after).order_by(column).limit(limit)
        ).scalars()
    )
