"""Inbox forwarding (ActivityPub, section 7.1.2): replies under our posts reach our followers.

Only what carries its writer's proof is worth forwarding: others could not believe it. It goes out
as the bytes that came in, signed over HTTP by the blog, after the unit that stored the reply. Those
of a reply that is held, or whose parent is not known yet, are kept until it stands.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from fedblog.activitystreams.reading import Activity
from fedblog.domain.comment import Comment, CommentStatus
from fedblog.domain.post import PostStatus
from fedblog.federation.facts import Facts, Incoming, Outcome
from fedblog.publishing import outbox
from fedblog.signatures import proofs
from fedblog.storage import unforwarded
from fedblog.storage.slices import Allowance
from fedblog.storage.unforwarded import Unforwarded

MOST_KEPT_BYTES = 1 << 16
"""A longer activity is not kept for a reply that does not stand yet."""

_FORWARDED = frozenset({"Create", "Update", "Delete"})


@dataclass(frozen=True, slots=True)
class Forward:
    """An activity to be forwarded: about *comment* as the activity left it, to everyone but those
    of *origins*, who have it."""

    type: str
    comment: Comment
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
    """What is forwarded of *incoming*, now or later, once it had *outcome*: what is new, about a
    comment that everyone may read under a post of ours, or that may come to stand there."""
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
        or comment.visibility != "public"
        or (comment.deleted_at is not None) != (activity.type == "Delete")
        or not (_stands(comment) or (_waits(comment) and activity.type != "Delete"))
    ):
        return None
    origins = {_origin(incoming.actor.uri), _origin(incoming.sender_uri or incoming.actor.uri)}
    return Forward(activity.type, comment, incoming.forwarded, tuple(sorted(origins)))


def record(
    connection: Connection, facts: Facts, forwards: Sequence[Forward], *, is_on: bool
) -> None:
    """Have *forwards* sent, or kept where their comments do not stand yet, in the present unit;
    *facts* are as the whole batch left them. What was kept for replies that came to stand is sent
    too, and dropped where a reply was changed since: what was kept says something else then."""
    waited = [(was, now) for was, now in facts.comments.revised() if _waits(was)]
    unforwarded.drop(connection, [now.id for was, now in waited if not _is_as_it_was(was, now)])
    if not is_on:
        return
    at_once = Allowance()  # one for all of them
    kept: dict[str, Unforwarded] = {}
    for forward in forwards:
        comment = facts.comments.get(forward.comment.uri)
        if _stands(forward.comment):
            _send(connection, facts, forward, forward.comment, at_once)
        elif comment is None or not _is_as_it_was(forward.comment, comment):
            continue
        elif _stands(comment):
            _send(connection, facts, forward, comment, at_once)
        elif _waits(comment) and len(forward.body) <= MOST_KEPT_BYTES:
            kept[comment.id] = Unforwarded(
                comment.id, forward.type, forward.body, forward.origins, facts.now
            )
    risen = {now.id: now for was, now in waited if _stands(now) and _is_as_it_was(was, now)}
    found = unforwarded.take(connection, risen)
    for comment in sorted(risen.values(), key=lambda comment: comment.depth):
        if item := found.get(comment.id):
            forward = Forward(item.type, comment, item.body, item.origins)
            _send(connection, facts, forward, comment, at_once)
    unforwarded.keep_all(connection, list(kept.values()))


def _stands(comment: Comment) -> bool:
    return comment.post_id is not None and comment.status is CommentStatus.APPROVED


def _waits(comment: Comment) -> bool:
    """Whether *comment* may come to stand: it is an orphan, or held."""
    return (
        comment.post_id is None and comment.status is not CommentStatus.SPAM
    ) or comment.status is CommentStatus.HELD


def _is_as_it_was(was: Comment, now: Comment) -> bool:
    """Whether its writer changed nothing of the comment in between; its place may be another."""
    return (
        was.edited_at == now.edited_at
        and was.deleted_at == now.deleted_at
        and was.visibility == now.visibility
        and was.source_html == now.source_html
        and was.poll == now.poll
    )


def _send(
    connection: Connection,
    facts: Facts,
    forward: Forward,
    comment: Comment,
    at_once: Allowance,
) -> None:
    assert comment.post_id is not None
    post = facts.posts.get(comment.post_id)
    if post is not None and post.status is not PostStatus.PUBLISHED:
        return
    outbox.forward(
        connection,
        facts.blog_id,
        type=forward.type,
        body=forward.body,
        object_uri=comment.uri,
        post_id=comment.post_id,
        except_origins=forward.origins,
        now=facts.now,
        at_once=at_once,
    )


def _origin(uri: str) -> str:
    return "/".join(uri.split("/", 3)[:3])
