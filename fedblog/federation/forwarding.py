"""Inbox forwarding (ActivityPub, section 7.1.2): replies under our posts reach our followers.

Only what carries its writer's proof is worth forwarding: others could not believe it. It goes out
as it came in, signed over HTTP by the blog, after the unit that stored the reply. That of a reply
that is held, or whose parent is not known yet, is kept until it stands.

One POST becomes as many as there are followers' servers. So it is bounded in bytes, a writer and a
post have only so many an hour, and nothing goes out that the proof does not cover: the activity is
written anew, without the blanks between its members, and only a plain Linked Data signature may
stand beside the proof.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection

from fedblog.activitystreams import values
from fedblog.activitystreams.json import dump
from fedblog.activitystreams.reading import Activity
from fedblog.domain.comment import Comment, CommentStatus
from fedblog.domain.post import PostStatus
from fedblog.federation.facts import Facts, Incoming, Outcome
from fedblog.publishing import outbox
from fedblog.signatures import proofs
from fedblog.storage import activities, unforwarded
from fedblog.storage.slices import Allowance
from fedblog.storage.unforwarded import Unforwarded

_SIGNATURE_MEMBERS = frozenset(
    {"@context", "type", "id", "creator", "created", "signatureValue", "nonce"}
)
_SIGNATURE_LENGTH = 2048
_HOUR = timedelta(hours=1)
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
    not, its proof need not be checked. Of several objects only the first is looked at here, so
    nothing is passed on with others."""
    if activity.type not in _FORWARDED or proofs.verification_method(document) is None:
        return False
    if len(values.listed(document.get("object"))) != 1:
        return False
    return activity.type == "Delete" or (
        activity.object is not None and activity.object.in_reply_to is not None
    )


def as_sent_on(document: Mapping[str, Any], most_bytes: int) -> bytes | None:
    """The bytes in which *document*, whose proof holds, may be sent on: at most *most_bytes*, and
    nothing in them but what the proof covers and a Linked Data signature of the usual members
    (Mastodon believes that; Fedify adds one which the proof does not cover). None where it may
    not."""
    if "signature" in document and not _is_plain_signature(document["signature"]):
        return None
    body = dump(document)
    return body if len(body) <= most_bytes else None


def _is_plain_signature(signature: Any) -> bool:
    return (
        isinstance(signature, dict)
        and signature.keys() <= _SIGNATURE_MEMBERS
        and all(isinstance(value, str) for value in signature.values())
        and sum(map(len, signature.values())) <= _SIGNATURE_LENGTH
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
    posts = _Posts(connection, facts)
    kept: dict[str, Unforwarded] = {}
    for forward in forwards:
        comment = facts.comments.get(forward.comment.uri)
        if _stands(forward.comment):
            _send(connection, facts, forward, forward.comment, at_once, posts)
        elif comment is None or not _is_as_it_was(forward.comment, comment):
            continue
        elif _stands(comment):
            _send(connection, facts, forward, comment, at_once, posts)
        elif _waits(comment):
            kept[comment.id] = Unforwarded(
                comment.id, forward.type, forward.body, forward.origins, facts.now
            )
    risen = {now.id: now for was, now in waited if _stands(now) and _is_as_it_was(was, now)}
    found = unforwarded.take(connection, risen)
    for comment in sorted(risen.values(), key=lambda comment: comment.depth):
        if item := found.get(comment.id):
            forward = Forward(item.type, comment, item.body, item.origins)
            _send(connection, facts, forward, comment, at_once, posts)
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
    posts: "_Posts",
) -> None:
    assert comment.post_id is not None
    post = facts.posts.get(comment.post_id)
    if post is not None and post.status is not PostStatus.PUBLISHED:
        return
    if not posts.take(comment.post_id, forward.type):
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


class _Posts:
    """How often something under each post was sent on within the last hour; looked up where it is
    asked for. Deletions have twice as much: others should not keep what is gone."""

    def __init__(self, connection: Connection, facts: Facts) -> None:
        self._connection = connection
        self._most = facts.bounds.forwards_per_post
        self._since = facts.now - _HOUR
        self._counts: dict[str, int] = {}

    def take(self, post_id: str, type_: str) -> bool:
        """Whether one more may be sent on; if so it is counted."""
        most = self._most * (2 if type_ == "Delete" else 1)
        count = self._counts.get(post_id)
        if count is None:
            count = activities.forwarded_since(
                self._connection, post_id, self._since, 2 * self._most
            )
        self._counts[post_id] = count + (count < most)
        return count < most


def _origin(uri: str) -> str:
    return "/".join(uri.split("/", 3)[:3])
