"""Inbox forwarding (ActivityPub, section 7.1.2): replies under our posts reach our followers.

Only what carries its writer's proof is worth forwarding: others could not believe it. It goes out
as the bytes that came in, signed over HTTP by the blog, after the unit that stored the reply.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from fedblog.activitystreams.reading import Activity
from fedblog.domain.comment import CommentStatus
from fedblog.federation.facts import Facts, Incoming, Outcome
from fedblog.publishing import outbox
from fedblog.signatures import proofs

_FORWARDED = frozenset({"Create", "Update", "Delete"})


@dataclass(frozen=True, slots=True)
class Forward:
    """An activity to be forwarded: about the comment *object_uri* under the post *post_id*, to
    everyone but those of *origins*, who have it."""

    type: str
    object_uri: str
    post_id: str
    body: bytes
    origins: tuple[str, ...]


def may_be_forwarded(activity: Activity, document: Mapping[str, Any]) -> bool:
    """Whether *activity* could be worth forwarding, as far as *document* itself shows. Where it is
    not, its proof need not be checked."""
    if activity.type not in _FORWARDED or proofs.verification_method(document) is None:
        return False
    return activity.type == "Delete" or (
        activity.object is not None and activity.object.in_reply_to is not None
    )


def wanted(incoming: Incoming, outcome: Outcome, facts: Facts) -> Forward | None:
    """What is forwarded of *incoming* once it had *outcome*: what is new, about a comment that
    everyone may read under a post of ours."""
    activity = incoming.activity
    if (
        incoming.forwarded is None
        or outcome.result != "stored"
        or activity.type not in _FORWARDED
        or activity.object_id is None
    ):
        return None
    comment = facts.comments.get(activity.object_id)
    if (
        comment is None
        or comment.post_id is None
        or comment.visibility != "public"
        or comment.status is not CommentStatus.APPROVED
        or (comment.deleted_at is not None) != (activity.type == "Delete")
    ):
        return None
    origins = {_origin(incoming.actor.uri), _origin(incoming.sender_uri or incoming.actor.uri)}
    return Forward(
        activity.type,
        comment.uri,
        comment.post_id,
        incoming.forwarded,
        tuple(sorted(origins)),
    )


def record(
    connection: Connection, blog_id: int, forwards: Iterable[Forward], now: datetime
) -> None:
    """Have *forwards* sent, in the present unit."""
    for forward in forwards:
        outbox.forward(
            connection,
            blog_id,
            type=forward.type,
            body=forward.body,
            object_uri=forward.object_uri,
            post_id=forward.post_id,
            except_origins=forward.origins,
            now=now,
        )


def _origin(uri: str) -> str:
    return "/".join(uri.split("/", 3)[:3])
