"""Takes authors' replies back with the post they stand under, as long work in slices.

Elsewhere a reply is an object of its own, which the end of its post does not end.
"""

from dataclasses import replace
from datetime import datetime
from functools import partial

from sqlalchemy import Connection

from fedblog.domain.actor import RemoteActor
from fedblog.domain.comment import Comment
from fedblog.domain.post import Post
from fedblog.publishing import announce
from fedblog.publishing.site import Site
from fedblog.storage import actors as actor_rows
from fedblog.storage import comments as comment_rows
from fedblog.storage import slices
from fedblog.storage.erasure import TAKE_BACK
from fedblog.storage.slices import Allowance, State, Step

_MOST_COMMENTS = 20
_ROWS_OF_A_REPLY = 10
"""What one costs in rows: its activity is made, signed and stored, and its way out begun."""


def begin(connection: Connection, site: Site, post: Post, now: datetime) -> None:
    """Let other servers delete the replies under *post*, which is deleted in the present unit."""
    start = {"post": post.id, "after": "", "at": now.isoformat()}
    work = partial(take_back, site)
    slices.begin(connection, TAKE_BACK, post.id, work, start, now, Allowance())


def take_back(site: Site, connection: Connection, state: State, limit: int) -> Step:
    """One step for a deleted post (`slices.Work`): ``Delete`` of each reply among the next
    comments."""
    limit = min(limit, _MOST_COMMENTS)
    page = comment_rows.below(connection, state["post"], state["after"], limit)
    at = datetime.fromisoformat(state["at"])
    replies = [item for item in page if item.author_id is not None and item.deleted_at is None]
    for reply in replies:
        gone = replace(reply, deleted_at=at)
        answered = whom(connection, reply)
        announce.reply_deleted(connection, site, gone, answered, at, at_once=Allowance(0))
    rows = len(page) + len(replies) * _ROWS_OF_A_REPLY
    return Step(rows, {**state, "after": page[-1].id} if len(page) == limit else None)


def whom(connection: Connection, reply: Comment) -> RemoteActor | None:
    """The remote person whom *reply* answers, as long as there is such a person."""
    if reply.parent_id is None:
        return None
    above = comment_rows.get(connection, reply.blog_id, reply.parent_id)
    return None if above is None else writer(connection, above)


def writer(connection: Connection, comment: Comment) -> RemoteActor | None:
    """The remote person who wrote *comment*, as long as there is such a person."""
    if comment.actor_uri is None:
        return None
    found = actor_rows.find(connection, [comment.actor_uri]).get(comment.actor_uri)
    return None if found is None or found.deleted_at is not None else found
