"""Activities of a server where nobody listens, and what becomes of them when they come together."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection
from support.servers import Server
from support.values import person

from fedblog.activitystreams.reading import read_activity
from fedblog.domain.actor import RemoteActor
from fedblog.domain.ids import new_id
from fedblog.federation.batch import process, worded
from fedblog.federation.bounds import DEFAULTS
from fedblog.federation.facts import Incoming
from fedblog.federation.words import Limits
from fedblog.storage import actors

PUBLIC = "https://www.w3.org/ns/activitystreams#Public"
FAR = "http://127.0.0.1:9"
"""A server where nobody listens."""
ANN = f"{FAR}/users/ann"
NOTE = f"{FAR}/notes/1"
NOW = datetime.now(UTC).replace(microsecond=0)


def ann(uri: str = ANN) -> RemoteActor:
    return person(uri, fetched_at=NOW)


def act(type_: str, object_: Any, **given: Any) -> dict[str, Any]:
    id_ = f"{FAR}/activities/{new_id()}"
    document = {"id": id_, "type": type_, "actor": ANN, "object": object_, **given}
    return {name: value for name, value in document.items() if value is not None}


def note(post: dict[str, Any], **given: Any) -> dict[str, Any]:
    return {
        "id": NOTE,
        "type": "Note",
        "attributedTo": ANN,
        "inReplyTo": post["activitypub_id"],
        "content": "<p>Hm</p>",
        "to": [PUBLIC],
        "published": (NOW - timedelta(hours=1)).isoformat(),
        **given,
    }


async def outcomes(
    server: Server, *documents: dict[str, Any], forwarded: bytes | None = None, **bounds: int
) -> list[str]:
    """What becomes of *documents*, which come in one batch, each to be sent on as *forwarded*."""
    site = server.site

    def unit(connection: Connection) -> list[str]:
        batch = []
        for document in documents:
            actor = ann(document["actor"])
            actors.save(connection, actor, [])
            come = Incoming(read_activity(document), actor, new_id(), datetime.now(UTC), 0)
            batch.append(worded(replace(come, forwarded=forwarded), Limits()))
        found = process(
            connection, site.addresses, site.blog_id, batch, bounds=replace(DEFAULTS, **bounds)
        )
        return [f"{outcome.result}: {outcome.reason}".removesuffix(": ") for outcome in found]

    return await site.store.write(unit)
