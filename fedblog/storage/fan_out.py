"""Into the queue: one waiting delivery of an activity for each distinct inbox, as long work.

Followers come page by page in the order of their inboxes, then the people in the conversation. For
most activities all of that happens in the unit that records them; for very many recipients the rest
follows in slices. What waits for an earlier activity about the same object stays behind it
(delivery_order.py), and the pages of a later activity do not begin before those of an earlier one
have ended, so that no inbox gets an edit before the article.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Connection, Text, bindparam, delete, literal, select
from sqlalchemy.dialects import postgresql, sqlite

from fedblog.domain.delivery import DeliveryState
from fedblog.storage import blocks as block_rows
from fedblog.storage import delivery_order, slices
from fedblog.storage import inboxes as inbox_rows
from fedblog.storage.changes import Change, record
from fedblog.storage.lists import ListStatement, is_among
from fedblog.storage.slices import Allowance, State, Step
from fedblog.storage.tables import (
    activities,
    actors,
    comments,
    deliveries,
    followers,
    inboxes,
    jobs,
    reactions,
)
from fedblog.storage.visibility import counts_as_boost, is_public_comment

FAN_OUT = "fan_out"
"""The kind of job; its key is the activity's id."""
_own = activities.alias("own")
_MOST_PEOPLE = 500
_ROWS_OF_A_PERSON = 4
"""What a person in a conversation costs in rows: the actor is looked up, and its inbox made."""


def enqueue(
    connection: Connection,
    activity_id: str,
    *,
    blog_id: int,
    now: datetime,
    follower_owners: Collection[str] = (),
    conversation: str | None = None,
    inbox_urls: Collection[str] = (),
    except_origins: Collection[str] = (),
    at_once: Allowance | None = None,
) -> None:
    """Let *activity_id* go to each distinct inbox of the followers of *follower_owners*, of the
    remote people in the *conversation* under a post (who answered or boosted it), and to
    *inbox_urls*, of which there are few; not to hosts and actors that the blog blocks, and not to
    those followers' inboxes that lie at *except_origins* (scheme, host and port).

    What is more than *at_once* allows is left to slices.
    """
    stages: list[tuple[str, Any]] = [("urls", sorted(set(inbox_urls)))] if inbox_urls else []
    stages += [("followers", owner) for owner in sorted(set(follower_owners))]
    if conversation is not None:
        stages += [("writers", conversation), ("boosters", conversation)]
    is_ordered, pointless = delivery_order.earlier(connection, activity_id)
    stages += [("pointless", name) for name in pointless]
    state: State = {
        "activity": activity_id,
        "blog_id": blog_id,
        "at": now.isoformat(),
        "except": sorted(except_origins),
        "is_ordered": is_ordered,
        "stages": stages,
        "after": None,
    }
    record(connection, Change("deliveries"))
    if is_ordered:
        _end_superseded(connection, activity_id)
    if is_ordered and _is_behind(connection, activity_id):
        at_once = Allowance(0)
    elif stages and stages[0][0] == "urls":
        state = fan_out(connection, state, 0).state or {**state, "stages": []}
    if state["stages"]:
        allowed = at_once if at_once is not None else Allowance()
        slices.begin(connection, FAN_OUT, activity_id, fan_out, state, now, allowed)


def fan_out(connection: Connection, state: State, limit: int) -> Step:
    """One step for an activity (`slices.Work`)."""
    activity_id = state["activity"]
    if state["is_ordered"] and _is_behind(connection, activity_id):
        return Step(0, state)
    (stage, of), *rest = state["stages"]
    now = datetime.fromisoformat(state["at"])
    after: Any = None
    if stage == "urls":
        rows = len(of)
        ids = _known(connection, state["blog_id"], of)
    elif stage == "followers":
        ids, after = _followers(connection, state, of, limit)
        rows = limit if after is not None else len(ids)
    elif stage == "pointless":
        rows, after = delivery_order.give_up(connection, of, state["after"] or 0, limit, now)
        ids = []
    else:
        number, urls, after = _people(connection, stage, of, state["after"] or "", limit)
        rows = number * _ROWS_OF_A_PERSON
        ids = _known(connection, state["blog_id"], urls)
    if ids:
        _insert(connection, activity_id, ids, now)
        if state["is_ordered"]:
            delivery_order.arrange(connection, activity_id, ids, now)
        record(connection, Change("deliveries"))
    if after is not None:
        return Step(rows, {**state, "after": after})
    return Step(rows, {**state, "stages": rest, "after": None} if rest else None)


# --- who gets one --------------------------------------------------------------------------------


def _followers(
    connection: Connection, state: State, owner: str, limit: int
) -> tuple[list[int], int | None]:
    """The next inboxes of the followers of *owner*, and where to go on."""
    blog_id = state["blog_id"]
    page = list(
        connection.execute(
            select(followers.c.inbox_id)
            .where(
                followers.c.blog_id == blog_id,
                followers.c.owner == owner,
                followers.c.inbox_id > (state["after"] or 0),
            )
            .distinct()
            .order_by(followers.c.inbox_id)
            .limit(limit)
        ).scalars()
    )
    after = page[-1] if len(page) == limit else None
    domains = block_rows.domains(connection, blog_id)
    own = block_rows.inboxes(connection, blog_id)
    origins = tuple(f"{origin}/" for origin in state["except"])
    if not page or not (domains or own or origins):
        return page, after
    rows = connection.execute(
        select(inboxes.c.id, inboxes.c.url, inboxes.c.host).where(
            is_among(connection, inboxes.c.id, BigInteger, page)
        )
    )
    kept = [
        row.id
        for row in rows
        if row.url not in own
        and not row.url.startswith(origins)
        and not block_rows.is_below(row.host, domains)
    ]
    return sorted(kept), after


def _people(
    connection: Connection, stage: str, post_id: str, after: str, limit: int
) -> tuple[int, list[str], str | None]:
    """How many of the next answers to a post, or boosts of it, were looked at, the inboxes (shared
    where there is one) of the remote people behind them, and where to go on."""
    limit = min(limit, _MOST_PEOPLE)
    if stage == "writers":
        table = comments
        query = select(table.c.id, table.c.actor_uri, is_public_comment().label("counts"))
    else:
        table = reactions
        query = select(table.c.id, table.c.actor_uri, literal(1).label("counts"))
        query = query.where(counts_as_boost())
    rows = connection.execute(
        query.where(table.c.post_id == post_id, table.c.id > after)
        .order_by(table.c.id)
        .limit(limit)
    ).all()
    uris = {row.actor_uri for row in rows if row.counts and row.actor_uri is not None}
    found = connection.execute(
        select(actors.c.inbox, actors.c.shared_inbox).where(
            is_among(connection, actors.c.uri, Text, sorted(uris)), actors.c.deleted_at.is_(None)
        )
    )
    urls = sorted({row.shared_inbox or row.inbox for row in found})
    return len(rows), urls, rows[-1].id if len(rows) == limit else None


def _known(connection: Connection, blog_id: int, urls: Collection[str]) -> list[int]:
    """The numbers of *urls* that the blog does not block."""
    domains = block_rows.domains(connection, blog_id)
    own = block_rows.inboxes(connection, blog_id)
    wanted = {
        url
        for url in urls
        if url and url not in own and not block_rows.is_below(inbox_rows.host_of(url), domains)
    }
    return sorted(inbox_rows.ensure(connection, wanted).values())


def _insert(connection: Connection, activity_id: str, ids: Sequence[int], now: datetime) -> None:
    _INSERT[connection.dialect.name].run(connection, ids, activity=activity_id, at=now)


def _inserting(engine: Any) -> ListStatement:
    """Deliveries of an activity to the inboxes in a list, in the words of *engine*."""
    names = ["activity_id", "inbox_id", "state", "attempts", "next_at"]
    rows = select(
        bindparam("activity", type_=Text),
        inboxes.c.id,
        literal(DeliveryState.WAITING.value),
        literal(0),
        bindparam("at", type_=deliveries.c.next_at.type),
    ).order_by(inboxes.c.id)
    return ListStatement(
        lambda listed: (
            engine.insert(deliveries)
            .from_select(names, rows.where(listed(inboxes.c.id)))
            .on_conflict_do_nothing()
        ),
        BigInteger,
    )


_INSERT = {"sqlite": _inserting(sqlite), "postgresql": _inserting(postgresql)}


# --- the order of activities ---------------------------------------------------------------------


def _unfinished(connection: Connection, activity_id: str) -> Sequence[Any]:
    """Earlier activities about the same object whose pages have not ended."""
    return connection.execute(
        select(activities.c.id, activities.c.type, _own.c.type.label("own_type"))
        .select_from(jobs)
        .join(activities, activities.c.id == jobs.c.key)
        .join(_own, _own.c.id == activity_id)
        .where(
            jobs.c.kind == FAN_OUT,
            jobs.c.key < activity_id,
            activities.c.post_id == _own.c.post_id,
            activities.c.object_uri == _own.c.object_uri,
        )
    ).all()


def _is_behind(connection: Connection, activity_id: str) -> bool:
    return bool(_unfinished(connection, activity_id))


def _end_superseded(connection: Connection, activity_id: str) -> None:
    """Begin no more pages of what *activity_id* makes pointless."""
    pointless = [
        row.id
        for row in _unfinished(connection, activity_id)
        if delivery_order.supersedes(row.own_type, row.type)
    ]
    if pointless:
        connection.execute(delete(jobs).where(jobs.c.kind == FAN_OUT, jobs.c.key.in_(pointless)))
