"""Create, Update and Delete: what remote people write, change and take back."""

from dataclasses import replace
from datetime import datetime, timedelta

from fedblog.activitystreams.reading import Object, is_public
from fedblog.activitystreams.vocabulary import REPLY_TYPES
from fedblog.domain.comment import Comment
from fedblog.domain.origins import same_host
from fedblog.federation import replies
from fedblog.federation.facts import Facts, Incoming, Outcome

REFRESH_ACTOR = "refresh_actor"
"""The follow-up job that fetches an actor document again after its Update."""


def create(incoming: Incoming, facts: Facts) -> Outcome:
    """Create (ActivityPub, section 7.2): a public reply becomes a comment."""
    return _take(incoming, facts)


def update(incoming: Incoming, facts: Facts) -> Outcome:
    """Update (section 7.3): of the actor itself, or of a reply; an unknown reply is taken as new,
    so that Update and Create give the same in either order."""
    activity = incoming.activity
    if activity.object_id == incoming.actor.uri:
        # By the activity: one that comes while the last one is at work must not be swallowed.
        key = incoming.receipt_key or incoming.actor.uri
        facts.follow_up(REFRESH_ACTOR, key, {"uri": incoming.actor.uri})
        return Outcome("stored", "actor is fetched again")
    return _take(incoming, facts)


def delete(incoming: Incoming, facts: Facts) -> Outcome:
    """Delete (section 7.4) of the actor itself or of its own object."""
    uri, actor = incoming.activity.object_id, incoming.actor.uri
    if uri is None:
        return Outcome("ignored", "deletes nothing")
    if uri == actor:
        facts.gone_actors.put(actor, actor)
        facts.bury(actor, actor)
        return Outcome("stored", "actor is gone")
    comment = facts.comments.get(uri)
    if comment is None:
        if not same_host(uri, actor):
            return Outcome("ignored", "deletes an object of another host")
        facts.bury(uri, actor)
        return Outcome("stored", "not seen yet")
    if comment.actor_uri != actor:
        return Outcome("ignored", "deletes what another wrote")
    facts.bury(uri, actor)
    if comment.deleted_at is None:
        facts.put_comment(replies.without_text(comment, facts.now))
    return Outcome("stored")


def _take(incoming: Incoming, facts: Facts) -> Outcome:
    activity, actor = incoming.activity, incoming.actor
    item = activity.object
    if item is None:
        if activity.object_id is None or not same_host(activity.object_id, actor.uri):
            return Outcome("ignored", "carries no object of its own host")
        replies.fetch(facts, activity.object_id, incoming.ancestors_left)
        return Outcome("deferred", "object is fetched by its id")
    if reason := _refusal(incoming, item, facts):
        return Outcome("ignored", reason)
    known = facts.comments.get(item.id or "")
    if known is not None:
        # Two processes may have taken a reply and what it answers at once, each without the other.
        replies.adopt(facts, known)
        return _revise(incoming, item, known, facts)
    if not is_public(item):
        return Outcome("ignored", "not addressed to Public")
    return _add(incoming, item, facts)


def _refusal(incoming: Incoming, item: Object, facts: Facts) -> str:
    """Why *item* cannot become a comment, or "" when it can (S20, S21)."""
    actor = incoming.actor.uri
    if not item.id:
        return "object has no id"
    if not same_host(item.id, actor) or facts.addresses.is_local(item.id):
        return "object is of another host"
    if item.attributed_to and actor not in item.attributed_to:
        return "object is by another"
    if item.type not in REPLY_TYPES:
        return f"{item.type} is no reply"
    if not item.in_reply_to:
        return "answers nothing"
    if item.is_vote:
        return "a vote in a poll"
    if facts.is_buried(actor, actor):
        return "actor is gone"
    return ""


def _add(incoming: Incoming, item: Object, facts: Facts) -> Outcome:
    assert item.id is not None
    assert item.in_reply_to is not None
    try:
        place = replies.find_place(facts, item.in_reply_to)
    except replies.NoPlaceError as refusal:
        return Outcome("ignored", str(refusal))
    comment = replies.new_comment(incoming, item, item.id, place, facts)
    if incoming.activity.type == "Update" and item.updated is None:
        comment = replace(comment, edited_at=_stamp(incoming, item))
    if facts.is_buried(item.id, incoming.actor.uri):
        comment = replies.without_text(comment, facts.now)
    facts.put_comment(comment)
    replies.adopt(facts, comment)
    if place.known:
        return Outcome("stored")
    replies.fetch(facts, item.in_reply_to, incoming.ancestors_left, is_parent=True)
    return Outcome("stored", "waits for its parent")


def _revise(incoming: Incoming, item: Object, known: Comment, facts: Facts) -> Outcome:
    if known.actor_uri != incoming.actor.uri:
        return Outcome("ignored", "changes what another wrote")
    if known.deleted_at is not None:
        return Outcome("ignored", "deleted before")
    if item.poll is not None and (counted := replies.with_votes(known, incoming)) is not None:
        facts.put_comment(counted)
        return Outcome("stored", "votes counted")
    stamp = _stamp(incoming, item)
    last = known.edited_at or known.published_at
    revised = replies.with_text(known, incoming)
    if stamp < last or (stamp == last and (revised == known or not _follows(incoming))):
        return Outcome("ignored", "not newer than what is known")
    facts.put_comment(replace(revised, edited_at=stamp))
    return Outcome("stored", "edited")


def _follows(incoming: Incoming) -> bool:
    """Whether what has the stamp of the text that is known comes after it: an Update does (stamps
    count in seconds, and some servers never change theirs), and what was fetched at its own host
    just now. A Create that was sent does not; it may be late."""
    return incoming.activity.type == "Update" or not incoming.receipt_key


def _stamp(incoming: Incoming, item: Object) -> datetime:
    """When the text of *item* was made. An Update without a stamp of its own counts as made when
    it was sent, at the latest when it came."""
    if incoming.activity.type == "Update" and item.updated is None:
        return min(incoming.activity.published or incoming.received_at, incoming.received_at)
    stamp = item.updated or item.published or incoming.received_at
    return min(stamp, incoming.received_at + timedelta(minutes=5))
