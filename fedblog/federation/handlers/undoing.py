"""Undo: of a Follow or a reaction, by its id, by its IRI alone, or by an activity without id."""

from fedblog.activitystreams.reading import Activity
from fedblog.domain.origins import same_host
from fedblog.federation.facts import Facts, Incoming, Outcome, reaction_key
from fedblog.federation.handlers.following import followed
from fedblog.federation.handlers.reacting import kinds_of


def undo(incoming: Incoming, facts: Facts) -> Outcome:
    """Undo (ActivityPub, section 7.12). Only what the same actor did is undone (S20, S22, S39);
    one that comes before what it undoes is remembered. What was found is not: some peers give a
    later Follow the same id, and the memory of what was received keeps true repeats out."""
    activity, actor = incoming.activity, incoming.actor.uri
    inner = activity.inner
    if inner is not None and inner.actor and inner.actor != actor:
        return Outcome("ignored", "undoes what another did")
    uri = inner.id if inner is not None else activity.object_id
    found = _by_id(facts, uri, actor) if uri else False
    if inner is not None and not found:
        found = _by_meaning(facts, inner, actor)
    if uri and not found and same_host(uri, actor):
        facts.bury(uri, actor)
    return Outcome("stored") if found else Outcome("ignored", "nothing of it is known")


def _by_id(facts: Facts, uri: str, actor: str) -> bool:
    found = False
    for follower in list(facts.followers):
        if follower.activity_uri == uri and follower.actor_uri == actor:
            facts.followers.remove((follower.owner, follower.actor_uri))
            found = True
    for reaction in facts.reactions.of(actor):
        if reaction.activity_uri == uri:
            facts.reactions.remove(reaction_key(reaction))
            found = True
    return found


def _by_meaning(facts: Facts, inner: Activity, actor: str) -> bool:
    """By actor, type and object: ids of activities are lost or made anew by some peers. Who liked
    and sent an emoji as well keeps what is not meant."""
    found = False
    if inner.type == "Follow":
        owner = followed(facts, inner.object_id)
        if owner is not None and (owner, actor) in facts.followers:
            facts.followers.remove((owner, actor))
            found = True
    kinds = kinds_of(inner.type)
    if not kinds or inner.object_id is None:
        return found
    uri = facts.id_of(inner.object_id)
    standing = [
        reaction
        for reaction in facts.reactions.of(actor)
        if reaction.object_uri == uri
        and reaction.kind in kinds
        and (not inner.emoji or reaction.emoji == inner.emoji)
    ]
    for reaction in [one for one in standing if one.kind is kinds[0]] or standing:
        facts.reactions.remove(reaction_key(reaction))
        found = True
    return found
