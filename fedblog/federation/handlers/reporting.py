"""Flag: a report about a post, a comment or an actor of ours."""

from fedblog.domain.ids import new_id
from fedblog.federation.facts import Facts, Incoming, Outcome, Report

_MOST_OBJECTS = 100


def flag(incoming: Incoming, facts: Facts) -> Outcome:
    """Flag: kept for moderators, listed by the API. It may come without ``to`` and name several
    objects (GoToSocial, Mastodon); at least one must be ours or a comment here."""
    activity = incoming.activity
    named = activity.object_ids or ((activity.object_id,) if activity.object_id else ())
    uris = tuple(uri for uri in named if uri)[:_MOST_OBJECTS]
    if not any(facts.addresses.is_local(uri) or uri in facts.comments for uri in uris):
        return Outcome("ignored", "reports nothing that is here")
    facts.reports.put(
        new_id(),
        Report(
            activity_uri=activity.id,
            actor_uri=incoming.actor.uri,
            object_uris=uris,
            content=incoming.words.report if incoming.words is not None else "",
        ),
    )
    return Outcome("stored")
