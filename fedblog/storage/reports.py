"""Reports (Flag activities) of other servers, as moderators read them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection, Row, Text, delete, func, select
from sqlalchemy import insert as insert_into

from fedblog.storage.lists import is_among
from fedblog.storage.sweeping import of_most
from fedblog.storage.tables import actors, reports


@dataclass(frozen=True, slots=True)
class ReportView:
    """Who reports what, in which words. *objects* are the ids that were reported."""

    id: str
    activity_uri: str | None
    actor_uri: str
    actor_name: str
    actor_handle: str
    actor_host: str
    objects: tuple[str, ...]
    content: str
    created_at: datetime


def insert(
    connection: Connection,
    report_id: str,
    blog_id: int,
    *,
    activity_uri: str | None,
    actor_uri: str,
    object_uris: Sequence[str],
    content: str,
    created_at: datetime,
) -> None:
    """Keep a new report."""
    connection.execute(
        insert_into(reports).values(
            id=report_id,
            blog_id=blog_id,
            activity_uri=activity_uri,
            actor_uri=actor_uri,
            object_uris=orjson.dumps(list(object_uris)).decode(),
            content=content,
            created_at=created_at,
        )
    )


def counts(connection: Connection) -> Mapping[str, int]:
    """How many reports of each actor are kept."""
    rows = connection.execute(
        select(reports.c.actor_uri, func.count()).group_by(reports.c.actor_uri)
    )
    return {row[0]: row[1] for row in rows}


def keep_newest(connection: Connection, most: int) -> None:
    """Drop what is over *most*, always the oldest of the server that has reported most: so that
    one that floods takes nobody else's place."""
    over = of_most(connection, reports.c.id, reports.c.actor_uri, most=most)
    if over:
        connection.execute(delete(reports).where(is_among(connection, reports.c.id, Text, over)))


def list_page(
    connection: Connection, blog_id: int, *, before: str | None, limit: int
) -> list[ReportView]:
    """Reports, newest first, beginning below the id *before*."""
    query = (
        select(
            reports,
            actors.c.name.label("actor_name"),
            actors.c.handle.label("actor_handle"),
            actors.c.host.label("actor_host"),
        )
        .join_from(reports, actors, actors.c.uri == reports.c.actor_uri, isouter=True)
        .where(reports.c.blog_id == blog_id)
        .order_by(reports.c.id.desc())
        .limit(limit)
    )
    if before is not None:
        query = query.where(reports.c.id < before)
    return [_report(row) for row in connection.execute(query)]


def _report(row: Row[Any]) -> ReportView:
    return ReportView(
        row.id,
        row.activity_uri,
        row.actor_uri,
        row.actor_name or "",
        row.actor_handle or "",
        row.actor_host or "",
        tuple(str(uri) for uri in orjson.loads(row.object_uris)),
        row.content,
        row.created_at,
    )
