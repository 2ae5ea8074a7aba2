"""Follow, and Block by a remote actor."""

from fedblog.activitystreams import writing
from fedblog.domain.follower import Follower
from fedblog.domain.ids import new_id
from fedblog.federation.facts import Facts, Incoming, Outcome
from fedblog.publishing.outbox import Outgoing, Recipients


def follow(incoming: Incoming, facts: Facts) -> Outcome:
    """Follow (ActivityPub, section 7.5) of the blog or an author: kept, and answered by Accept."""
    activity, actor = incoming.activity, incoming.actor
    owner = followed(facts, activity.object_id)
    if owner is None:
        return Outcome("ignored", "follows nobody here")
    if facts.is_buried(activity.id, actor.uri):
        return Outcome("ignored", "undone before")
    if facts.is_buried(actor.uri, actor.uri):
        return Outcome("ignored", "actor is gone")
    if not actor.inbox:
        return Outcome("ignored", "has no inbox of its own")
    follower = Follower(
        blog_id=facts.blog_id,
        owner=owner,
        actor_uri=actor.uri,
        activity_uri=activity.id,
        inbox=actor.shared_inbox or actor.inbox,
        created_at=facts.now,
    )
    facts.followers.put((owner, actor.uri), follower)
    accept_id = new_id()
    accept = writing.accept(
        facts.addresses,
        accept_id,
        owner,
        follow_id=activity.id,
        follower=actor.uri,
    )
    facts.outgoing.put(
        accept_id,
        (
            Outgoing(
                owner=owner,
                type="Accept",
                document=accept,
                activity_id=accept_id,
                object_uri=activity.id,
                object_version=None,
                post_id=None,
                is_public=False,
            ),
            Recipients(inboxes=(actor.inbox,)),
        ),
    )
    return Outcome("stored")


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
    named = facts.addresses.parse(uri) if uri else None
    if named is None or named.kind != "actor":
        return None
    return named.key if named.key in facts.owners else None
