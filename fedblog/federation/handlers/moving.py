"""Move: somebody who follows from one account goes to another (FEP-7628)."""

from fedblog.activitystreams import values
from fedblog.federation.facts import Facts, Incoming, Outcome

MOVE_FOLLOWER = "move_follower"
"""The follow-up job that asks both accounts whether they are one person's."""


def move(incoming: Incoming, facts: Facts) -> Outcome:
    """Move of a follower's account, said by the old or the new one. Nothing is believed of it:
    both are asked by a job (S23). Who does not follow here is not our business."""
    activity = incoming.activity
    old, new = activity.object_id, activity.target
    if old is None or new is None or not values.web_address(new) or old == new:
        return Outcome("ignored", "moves nobody")
    if incoming.actor.uri not in (old, new):
        return Outcome("ignored", "moves another")
    if facts.addresses.is_local(old) or facts.addresses.is_local(new):
        return Outcome("ignored", "moves to or from here")
    if not any(follower.actor_uri == old for follower in facts.followers):
        return Outcome("ignored", "moves nobody who follows here")
    facts.follow_up(MOVE_FOLLOWER, f"{old} {new}", {"old": old, "new": new})
    return Outcome("deferred", "both accounts are asked")
