"""Follow, and Block by a remote actor."""

from fedblog.activitystreams import writing
from fedblog.domain.addresses import INSTANCE, READERS
from fedblog.domain.follower import Follower
from fedblog.domain.ids import new_id
from fedblog.federation.facts import Facts, Incoming, Outcome, inbox_domain
from fedblog.publishing.outbox import Outgoing, Recipients
from fedblog.storage.inboxes import domain_of


def follow(incoming: Incoming, facts: Facts) -> Outcome:
    """Follow (ActivityPub, section 7.5) of the blog or an author: kept, and answered by Accept."""
    activity, actor = incoming.activity, facts.current(incoming.actor)
    owner = followed(facts, activity.object_id)
    if owner is None:
        return _refuse(incoming, facts)
    if facts.is_buried(activity.id, actor.uri):
        return Outcome("ignored", "undone before")
    if facts.is_buried(actor.uri, actor.uri):
        return Outcome("ignored", "actor is gone")
    if not actor.inbox:
        return Outcome("ignored", "has no inbox of its own")
    if (owner, actor.uri) not in facts.followers:
        here = inbox_domain(actor)
        fresh = sum(1 for one in facts.followers.added() if domain_of(one.inbox) == here)
        if facts.followers_at.get(here, 0) + fresh >= facts.bounds.followers_per_host:
            return Outcome("ignored", "as many follow from that server as may")
    follower = Follower(
        blog_id=facts.blog_id,
        owner=owner,
        actor_uri=actor.uri,
        activity_uri=activity.id,
        inbox=actor.shared_inbox or actor.inbox,
        created_at=facts.now,
    )
    facts.followers.put((owner, actor.uri), follower)
    _answer(facts, incoming, owner, "Accept")
    return Outcome("stored")


def _refuse(incoming: Incoming, facts: Facts) -> Outcome:
    """The readers' voice and the instance are followed by nobody: said so, lest the asker waits."""
    owner = facts.owner_at(incoming.activity.object_id)
    if owner not in (READERS, INSTANCE) or not incoming.actor.inbox:
        return Outcome("ignored", "follows nobody here")
    _answer(facts, incoming, owner, "Reject")
    return Outcome("stored", "rejected")


def _answer(facts: Facts, incoming: Incoming, owner: str, type_: str) -> None:
    """Send Accept or Reject of the Follow to its actor's own inbox."""
    answer_id = new_id()
    write = writing.accept if type_ == "Accept" else writing.reject
    document = write(
        facts.addresses,
        answer_id,
        owner,
        follow_id=incoming.activity.id,
        follower=incoming.actor.uri,
    )
    outgoing = Outgoing(
        owner=owner,
        type=type_,
        document=document,
        activity_id=answer_id,
        object_uri=incoming.activity.id,
    )
    facts.outgoing.put(
        answer_id, (outgoing, Recipients(inboxes=(facts.current(incoming.actor).inbox,)))
    )


def block(incoming: Incoming, facts: Facts) -> Outcome:
    """Block of one of our actors: the blocker no longer gets its posts."""
    owner = followed(facts, incoming.activity.object_id)
    if owner is None:
        return Outcome("ignored", "blocks nobody here")
    if (owner, incoming.actor.uri) in facts.followers:
        facts.followers.remove((owner, incoming.actor.uri))
    return Outcome("stored")


def followed(facts: Facts, uri: str | None) -> str | None:
    """The owner key of the local actor that *uri* names, where it can be followed."""
    owner = facts.owner_at(uri)
    return owner if owner in facts.owners else None
