"""Keeps the counts: triggers that follow every writer, made from what counts (visibility.py).

A writer cannot forget them, whatever part of fedblog or command it is, and whether it writes one
row or a hundred thousand. A rule says for a table's row what it adds to which count; a trigger adds
what the new rows say and takes off what the old ones said. See docs/decisions/0011-kept-counts.md.

`install` makes triggers and counts anew where the database has others: after a migration (altering
a table on SQLite drops its triggers) and after a version that counts differently.
"""

import hashlib
import logging
from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import sqlite

from fedblog.storage import tables as t
from fedblog.storage import visibility as v

logger = logging.getLogger(__name__)

SLOTS = 16
"""On PostgreSQL, among how many rows the writers of one count are spread: transactions that change
the same row one after the other fail and run again."""
_NEW_OR_OLD = (("INSERT", ("new",)), ("UPDATE", ("new", "old")), ("DELETE", ("old",)))


@dataclass(frozen=True, slots=True)
class Rule:
    """What a row *r* of *table* adds to the count *kind* of *key*: *amount*, where *condition*.

    The texts are SQL; *other* is a table to join. *columns* are those whose change matters. With
    *person* (a column) only the first row of each person for a key counts, which *is_same* tells
    for another row *s*. *is_whole* marks the rule that alone gives the whole count from its table;
    the others say what a change elsewhere does to it.
    """

    kind: str
    table: Table
    key: str
    condition: str
    columns: tuple[str, ...]
    other: str = ""
    amount: int = 1
    person: str = ""
    is_same: str = ""
    is_whole: bool = True


def _sql(condition: object, table: Table, alias: str) -> str:
    """A condition of visibility.py over *table* as SQL over *alias*; the same on both engines."""
    made = condition(table.alias(alias))  # type: ignore[operator]
    text = made.compile(dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True})
    return f"({text})"


_POST, _COMMENT = _sql(v.is_public_post, t.posts, "r"), _sql(v.counts_as_comment, t.comments, "r")
_LOCAL = _sql(v.is_local_comment, t.comments, "r")
_PUBLIC_P = _sql(v.is_public_post, t.posts, "p")
_PUBLIC_C, _LOCAL_C = (
    _sql(v.is_public_comment, t.comments, "c"),
    _sql(v.is_local_comment, t.comments, "c"),
)
_COMMENT_COLUMNS = ("status", "visibility", "deleted_at", "post_id", "parent_id")
_OUTBOX_KEY = "{0}.blog_id || '/' || {0}.owner"


def _reactions(kind: str, condition: object) -> Iterator[Rule]:
    for key, about in (
        ("post_id", "{0}.post_id IS NOT NULL AND {0}.comment_id IS NULL"),
        ("comment_id", "{0}.comment_id IS NOT NULL"),
    ):
        same = (
            "s.object_uri = r.object_uri AND s.actor_uri = r.actor_uri "
            f"AND s.{key} = r.{key} AND {about.format('s')} AND {_sql(condition, t.reactions, 's')}"
        )
        yield Rule(
            kind,
            t.reactions,
            f"r.{key}",
            f"{about.format('r')} AND {_sql(condition, t.reactions, 'r')}",
            (),
            person="actor_uri",
            is_same=same,
        )


RULES = (
    Rule("comments", t.comments, "r.post_id", f"r.post_id IS NOT NULL AND {_COMMENT}",
         _COMMENT_COLUMNS),
    Rule("replies", t.comments, "r.parent_id", f"r.parent_id IS NOT NULL AND {_COMMENT}",
         _COMMENT_COLUMNS),
    *_reactions("likes", v.counts_as_like),
    *_reactions("shares", v.counts_as_boost),
    Rule("followers", t.followers, _OUTBOX_KEY.format("r"), "r.owner IS NOT NULL", ("owner",)),
    Rule("posts", t.posts, "CAST(r.blog_id AS TEXT)", _POST, ("status",)),
    Rule("posts", t.post_authors, "r.author_id",
         "r.listed_at IS NOT NULL AND r.author_id IS NOT NULL", ("listed_at", "author_id")),
    Rule("posts", t.post_terms, "p.blog_id || '/' || r.kind || '/' || r.slug",
         "r.listed_at IS NOT NULL AND p.id = r.post_id", ("listed_at",), other="posts p"),
    # What was written here, for NodeInfo.
    Rule("local comments", t.comments, "CAST(r.blog_id AS TEXT)",
         f"{_LOCAL} AND {_COMMENT} AND p.id = r.post_id AND {_PUBLIC_P}", _COMMENT_COLUMNS,
         other="posts p"),
    Rule("local comments", t.posts, "CAST(r.blog_id AS TEXT)",
         f"{_POST} AND c.post_id = r.id AND {_LOCAL_C} AND {_PUBLIC_C}", ("status",),
         other="comments c", is_whole=False),
    # What outboxes list (public_activities.py): a Delete, and what is about nothing hidden.
    Rule("outbox", t.activities, _OUTBOX_KEY.format("r"),
         "r.is_public AND (r.type = 'Delete' OR ((r.post_id IS NULL OR EXISTS (SELECT 1 FROM posts "
         f"p WHERE p.id = r.post_id AND {_PUBLIC_P})) AND NOT EXISTS (SELECT 1 FROM comments c "
         f"WHERE c.uri = r.object_uri AND NOT {_PUBLIC_C})))",
         ("is_public", "type", "post_id", "object_uri")),
    Rule("outbox", t.posts, _OUTBOX_KEY.format("a"),
         f"{_POST} AND a.post_id = r.id AND a.is_public AND a.type <> 'Delete' AND NOT EXISTS "
         f"(SELECT 1 FROM comments c WHERE c.uri = a.object_uri AND NOT {_PUBLIC_C})",
         ("status",), other="activities a", is_whole=False),
    Rule("outbox", t.comments, _OUTBOX_KEY.format("a"),
         f"NOT {_COMMENT} AND a.object_uri = r.uri AND a.is_public AND a.type <> 'Delete' AND "
         "(a.post_id IS NULL OR EXISTS (SELECT 1 FROM posts p WHERE p.id = a.post_id AND "
         f"{_PUBLIC_P}))", _COMMENT_COLUMNS, other="activities a", amount=-1, is_whole=False),
)  # fmt: skip
"""Every count but "reached", which nothing that stands can give again once followers have left."""

_INTO = "INSERT INTO counts (key, kind, slot, number) "
_UPON = " ON CONFLICT (key, kind, slot) DO UPDATE SET number = counts.number + excluded.number"

# The order of a CROSS JOIN is SQLite's too: it would go through all followers of the owner.
_REACHED = (
    "SELECT a.post_id AS key, count(*) AS number FROM {rows} CROSS JOIN activities a CROSS JOIN "
    "followers f WHERE a.id = r.activity_id AND f.blog_id = a.blog_id AND f.owner = a.owner AND "
    "f.inbox_id = r.inbox_id AND r.state = 'delivered' AND a.type = 'Create' AND "
    "a.object_version IS NOT NULL AND a.post_id IS NOT NULL{more} GROUP BY a.post_id"
)
_LISTED_AT = (
    "UPDATE {table} SET listed_at = (SELECT CASE WHEN " + _PUBLIC_P + " THEN p.published_at END "
    "FROM posts p WHERE p.id = {table}.post_id)"
)
_BYLINES = (t.post_authors, t.post_terms)


def stands(connection: Connection) -> bool:
    """Whether the database has just the triggers that this version wants."""
    if connection.dialect.name == "sqlite":
        found = connection.exec_driver_sql(
            "SELECT name, sql FROM sqlite_master WHERE type='trigger'"
        )
        return {row[0]: row[1] for row in found} == dict(_sqlite_triggers())
    said = connection.exec_driver_sql(
        f"SELECT obj_description(oid, 'pg_proc') FROM pg_proc WHERE proname = '{_MARKED}' "
        "AND pronamespace = current_schema()::regnamespace"
    ).scalar()
    found = connection.exec_driver_sql(
        "SELECT tgname FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid "
        "WHERE NOT tgisinternal AND tgenabled = 'O' "
        "AND relnamespace = current_schema()::regnamespace "
        f"AND starts_with(tgname, '{_PREFIX}')"
    )
    wanted = {name for name, _ in _postgresql_triggers()}
    return said == _postgresql_mark() and set(found.scalars()) == wanted


def remove(connection: Connection) -> None:
    """Drop the triggers. They would be in the way of a migration: SQLite renames no table while a
    trigger names one that is gone."""
    if connection.dialect.name == "sqlite":
        found = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type='trigger'")
        for (name,) in found.all():
            connection.exec_driver_sql(f'DROP TRIGGER "{name}"')
        return
    found = connection.exec_driver_sql(
        f"SELECT proname FROM pg_proc WHERE starts_with(proname, '{_PREFIX}') "
        "AND pronamespace = current_schema()::regnamespace"
    )
    for (name,) in found.all():
        connection.exec_driver_sql(f"DROP FUNCTION {name}() CASCADE")


def install(connection: Connection) -> None:
    """Make all triggers and all counts anew, in the caller's transaction; a million comments take
    some ten seconds."""
    remove(connection)
    recount(connection)
    if connection.dialect.name == "sqlite":
        for _name, statement in _sqlite_triggers():
            connection.exec_driver_sql(statement)
        return
    for _name, statement in _postgresql_triggers():
        connection.exec_driver_sql(statement)
    connection.exec_driver_sql(f"COMMENT ON FUNCTION {_MARKED}() IS '{_postgresql_mark()}'")


def recount(connection: Connection) -> None:
    """Count everything from the rows themselves, while no trigger stands."""
    if connection.dialect.name == "postgresql":
        # A database that was just restored or upgraded has no statistics to plan this by.
        tables = dict.fromkeys(rule.table.name for rule in RULES)
        connection.exec_driver_sql(f"ANALYZE {', '.join((*tables, t.deliveries.name))}")
    for table in _BYLINES:
        logger.info("counting: when the posts of %s were published", table.name)
        connection.exec_driver_sql(_LISTED_AT.format(table=table.name))
    connection.exec_driver_sql("DELETE FROM counts WHERE kind <> 'reached'")
    for rule in RULES:
        if rule.is_whole:
            logger.info("counting: %s of %s", rule.kind, rule.table.name)
            connection.exec_driver_sql(
                f"{_INTO}SELECT d.key, '{rule.kind}', 0, count(*) FROM ({_whole(rule)}) AS d "
                "GROUP BY d.key"
            )
    if not connection.exec_driver_sql("SELECT 1 FROM counts WHERE kind = 'reached'").first():
        logger.info("counting: followers reached")
        reached = _REACHED.format(rows="deliveries r", more="")
        connection.exec_driver_sql(
            f"{_INTO}SELECT d.key, 'reached', 0, d.number FROM ({reached}) AS d"
        )


def _whole(rule: Rule, more: str = "") -> str:
    """The rows that *rule* counts of its whole table, one column *key*; *more* narrows them."""
    tables = f"{rule.table.name} r" + (f", {rule.other}" if rule.other else "")
    distinct = (
        f"DISTINCT {rule.key} AS key, r.{rule.person}" if rule.person else f"{rule.key} AS key"
    )
    return f"SELECT {distinct} FROM {tables} WHERE {rule.condition}{more}"


def truth(rule: Rule, column: str = "", values: str = "") -> str:
    """The statement that counts anew what *rule* counts, by *key*; with *column* only of the rows
    where it is among *values* (SQL)."""
    rows = _whole(rule, f" AND r.{column} IN ({values})" if column else "")
    return f"SELECT d.key AS key, count(*) AS number FROM ({rows}) AS d GROUP BY d.key"


# --- SQLite: for each row, with NEW and OLD ------------------------------------------------------


def _sqlite_triggers() -> Iterator[tuple[str, str]]:
    for event, sides in _NEW_OR_OLD:
        for table in dict.fromkeys(rule.table for rule in RULES):
            rules = [rule for rule in RULES if rule.table is table]
            if event == "UPDATE":
                rules = [rule for rule in rules if not rule.person]
            if not rules:
                continue
            body = [_sqlite_part(rule, side) for rule in rules for side in sides]
            when = ""
            if event == "UPDATE":
                columns = dict.fromkeys(name for rule in rules for name in rule.columns)
                when = " WHEN " + " OR ".join(f"new.{name} IS NOT old.{name}" for name in columns)
            name = f"count_{table.name}_{event.lower()}"
            yield name, _sqlite_trigger(name, event, table, when, body)
    moved = "new.status IS NOT old.status OR new.published_at IS NOT old.published_at"
    yield (
        "list_posts_update",
        _sqlite_trigger(
            "list_posts_update",
            "UPDATE",
            t.posts,
            f" WHEN {moved}",
            [_LISTED_AT.format(table=table.name) + " WHERE post_id = new.id" for table in _BYLINES],
        ),
    )
    for table in _BYLINES:
        name = f"list_{table.name}_insert"
        keys = " AND ".join(f"{key.name} = new.{key.name}" for key in table.primary_key)
        body = [f"{_LISTED_AT.format(table=table.name)} WHERE {keys}"]
        yield name, _sqlite_trigger(name, "INSERT", table, "", body)
    name = "count_deliveries_update"
    reached = _REACHED.format(
        rows="(SELECT new.activity_id AS activity_id, new.inbox_id AS inbox_id, "
        "new.state AS state) r",
        more="",
    )
    yield (
        name,
        _sqlite_trigger(
            name,
            "UPDATE",
            t.deliveries,
            " WHEN new.state = 'delivered' AND old.state <> 'delivered'",
            [_add_reached("0", reached)],
        ),
    )


def _sqlite_trigger(name: str, event: str, table: Table, when: str, body: list[str]) -> str:
    return (
        f"CREATE TRIGGER {name} AFTER {event} ON {table.name} FOR EACH ROW{when} BEGIN "
        f"{'; '.join(body)}; END"
    )


def _sqlite_part(rule: Rule, side: str) -> str:
    amount = rule.amount if side == "new" else -rule.amount
    condition = rule.condition
    if rule.person:
        condition += (
            f" AND NOT EXISTS (SELECT 1 FROM {rule.table.name} s WHERE {rule.is_same} "
            "AND s.id <> r.id)"
        )
    source = f" FROM {rule.other}" if rule.other else ""
    what = f"SELECT {rule.key}, '{rule.kind}', 0, {amount}{source} WHERE {condition}"
    return _INTO + _with_row(what, side) + _UPON


def _with_row(text: str, side: str) -> str:
    return text.replace("(r.", f"({side}.").replace(" r.", f" {side}.")


# --- PostgreSQL: for each statement, with the tables of its new and old rows ---------------------

_PREFIX = "fedblog_count_"
_MARKED = f"{_PREFIX}comments_insert"
_SLOT = f"mod(pg_backend_pid(), {SLOTS})"


def _postgresql_triggers() -> Iterator[tuple[str, str]]:
    """The statements that make them, with the name of a trigger for both of its two."""
    for event, sides in _NEW_OR_OLD:
        for table in dict.fromkeys((*(rule.table for rule in RULES), t.deliveries)):
            rules = [rule for rule in RULES if rule.table is table]
            if event == "UPDATE":
                rules = [rule for rule in rules if not rule.person]
            body = [
                f"{_INTO}SELECT d.key, '{rule.kind}', {_SLOT}, sum(d.n) FROM ("
                + " UNION ALL ".join(_postgresql_part(rule, side) for side in sides)
                + f") AS d GROUP BY d.key HAVING sum(d.n) <> 0{_UPON}"
                for rule in rules
            ]
            if event == "UPDATE" and table is t.posts:
                moved = (
                    "SELECT n.id FROM new_rows n JOIN old_rows o ON o.id = n.id WHERE "
                    "o.status <> n.status OR o.published_at IS DISTINCT FROM n.published_at"
                )
                body += [
                    f"{_LISTED_AT.format(table=one.name)} WHERE post_id IN ({moved})"
                    for one in _BYLINES
                ]
            if event == "INSERT" and table in _BYLINES:
                keys = [key.name for key in table.primary_key]
                same = " AND ".join(f"n.{key} = {table.name}.{key}" for key in keys)
                body.append(
                    f"{_LISTED_AT.format(table=table.name)} "
                    f"WHERE EXISTS (SELECT 1 FROM new_rows n WHERE {same})"
                )
            if event == "UPDATE" and table is t.deliveries:
                rows = (
                    "new_rows r JOIN old_rows o ON o.activity_id = r.activity_id "
                    "AND o.inbox_id = r.inbox_id"
                )
                reached = _REACHED.format(rows=rows, more=" AND o.state <> 'delivered'")
                body.append(_add_reached(_SLOT, reached))
            if body:
                yield from _postgresql_trigger(event, sides, table, body)


def _postgresql_trigger(
    event: str, sides: tuple[str, ...], table: Table, body: list[str]
) -> Iterator[tuple[str, str]]:
    name = f"{_PREFIX}{table.name}_{event.lower()}"
    named = " ".join(f"{side.upper()} TABLE AS {side}_rows" for side in sides)
    yield (
        name,
        f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"{'; '.join(body)}; RETURN NULL; END $$",
    )
    yield (
        name,
        f"CREATE TRIGGER {name} AFTER {event} ON {table.name} REFERENCING {named} "
        f"FOR EACH STATEMENT EXECUTE FUNCTION {name}()",
    )


def _postgresql_part(rule: Rule, side: str) -> str:
    amount = rule.amount if side == "new" else -rule.amount
    condition, what = rule.condition, f"{rule.key} AS key, {amount} AS n"
    if rule.person:
        condition += (
            f" AND NOT EXISTS (SELECT 1 FROM {rule.table.name} s WHERE {rule.is_same} AND NOT "
            f"EXISTS (SELECT 1 FROM {side}_rows m WHERE m.id = s.id))"
        )
        what = f"DISTINCT {what}, r.{rule.person}"
    tables = f"{side}_rows r" + (f", {rule.other}" if rule.other else "")
    text = f"SELECT {what} FROM {tables} WHERE {condition}"
    if rule.person:
        return f"SELECT e.key, e.n FROM ({text}) AS e"
    return text


def _postgresql_mark() -> str:
    text = "\n".join(statement for _, statement in _postgresql_triggers())
    return f"counted by {hashlib.sha256(text.encode()).hexdigest()[:16]}"


def _add_reached(slot: str, reached: str) -> str:
    rows = f"SELECT d.key, 'reached', {slot}, d.number FROM ({reached}) AS d WHERE true"
    return _INTO + rows + _UPON
