"""Checks the kept counts against the rows, a slice at a time, and mends what differs.

The triggers keep counts in step with every writer; this is for what no trigger sees: two
transactions on PostgreSQL that each change what the other one's count depends on, and a hand in
the database. A difference measured in one snapshot stays the same while others count on, so that
readers look, and only where there is one is a writer made to look too.
"""

import logging
from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Connection, Table, select, text

from fedblog.storage import counting, counts
from fedblog.storage import tables as t
from fedblog.storage.changes import EVERYTHING, record
from fedblog.storage.counting import RULES, Rule
from fedblog.storage.upsert import add_up

logger = logging.getLogger(__name__)

BEGINNING = ""
"""The place before the first slice."""
SIZE = 200
"""Posts or comments in one slice."""
_WHOLE = tuple(rule for rule in RULES if rule.is_whole)
_OF_OBJECTS = ("r.post_id", "r.comment_id", "r.parent_id")
_PEOPLE = tuple(dict.fromkeys(rule.kind for rule in _WHOLE if rule.key not in _OF_OBJECTS))


@dataclass(frozen=True, slots=True)
class Drift:
    """A count that is *difference* too small."""

    key: str
    kind: str
    difference: int


def check(connection: Connection, place: str, size: int = SIZE) -> tuple[list[Drift], str]:
    """What differs in the slice at *place*, and the place of the next one (BEGINNING: all were
    looked at). Writes nothing."""
    stage, _, after = place.partition(":")
    if stage in ("", "posts"):
        return (
            _objects(connection, t.posts, "post_id", after, size)
            or _objects(connection, t.comments, "comment_id", "", size)
            or _people(connection, 0)
        )
    if stage == "comments":
        return _objects(connection, t.comments, "comment_id", after, size) or _people(connection, 0)
    return _people(connection, int(after))


def mend(connection: Connection, place: str, size: int = SIZE) -> int:
    """Check the slice at *place* once more and put right what differs still: another process may
    have done it since a reader saw it. Gives how many counts were off."""
    found, _ = check(connection, place, size)
    for drift in found:
        logger.warning(
            "the count of %s of %s was off by %d", drift.kind, drift.key, drift.difference
        )
    add_up(
        connection,
        t.counts,
        [
            {"key": drift.key, "kind": drift.kind, "slot": 0, "number": drift.difference}
            for drift in found
        ],
        key=("key", "kind", "slot"),
        column="number",
    )
    if found:
        record(connection, EVERYTHING)
    return len(found)


def _objects(
    connection: Connection, table: Table, column: str, after: str, size: int
) -> tuple[list[Drift], str] | None:
    """The slice of posts or comments after the id *after*, None when there is none."""
    ids = list(
        connection.execute(
            select(table.c.id).where(table.c.id > after).order_by(table.c.id).limit(size)
        ).scalars()
    )
    if not ids:
        return None
    found = []
    for rule in _WHOLE:
        own = "parent_id" if rule.kind == "replies" and column == "comment_id" else column
        if rule.key == f"r.{own}":
            found += _drifts(connection, rule, own, ids)
    return found, f"{table.name}:{ids[-1]}"


def _drifts(connection: Connection, rule: Rule, column: str, ids: Collection[str]) -> list[Drift]:
    names = [f"id{number}" for number in range(len(ids))]
    query = counting.truth(rule, column, ", ".join(f":{name}" for name in names))
    rows = connection.execute(text(query), dict(zip(names, ids, strict=True)))
    true = {str(row.key): int(row.number) for row in rows}
    return _compared(connection, rule.kind, true, ids)


def _compared(
    connection: Connection, kind: str, true: dict[str, int], keys: Collection[str]
) -> list[Drift]:
    kept = counts.of(connection, keys)
    differences = {key: true.get(key, 0) - kept.get(key, counts.NONE).get(kind, 0) for key in keys}
    return [Drift(key, kind, number) for key, number in differences.items() if number]


def _people(connection: Connection, number: int) -> tuple[list[Drift], str]:
    """The counts of the blog, its people and its terms: one kind of them at a time, also those of
    keys of which nothing is there any more."""
    if number >= len(_PEOPLE):
        return [], BEGINNING
    kind = _PEOPLE[number]
    true: dict[str, int] = {}
    for rule in _WHOLE:
        if rule.kind == kind:
            rows = connection.execute(text(counting.truth(rule)))
            true |= {str(row.key): int(row.number) for row in rows}
    kept = connection.execute(select(t.counts.c.key).where(t.counts.c.kind == kind).distinct())
    found = _compared(connection, kind, true, sorted({*true, *kept.scalars()}))
    return found, f"people:{number + 1}" if number + 1 < len(_PEOPLE) else BEGINNING
