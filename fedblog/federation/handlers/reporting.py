"""Flag: a report about a post, a comment or an actor of ours."""

from collections import Counter

from fedblog.domain.ids import new_id
from fedblog.domain.origins import counted_origin
from fedblog.federation.facts import Facts, Incoming, Outcome, Report

MOST_URI = 1000
"""Longer ids are not kept."""


def flag(incoming: Incoming, facts: Facts) -> Outcome:
    """Flag: kept for moderators, listed by the API. It may come without ``to`` and name several
    objects (GoToSocial, Mastodon); at least one must be ours or a comment here. What one actor and
    one server may report is bounded; a server's reports often come all from one actor."""
    activity, actor, bounds = incoming.activity, incoming.actor.uri, facts.bounds
    named = activity.object_ids or ((activity.object_id,) if activity.object_id else ())
    here = [uri for uri in named if facts.addresses.is_local(uri) or uri in facts.comments]
    if not here or len(actor) > MOST_URI:
        return Outcome("ignored", "reports nothing that is here")
    kept = Counter(facts.reports_of) + Counter(report.actor_uri for report in facts.reports)
    domain = counted_origin(actor)
    of_domain = sum(number for uri, number in kept.items() if counted_origin(uri) == domain)
    if kept[actor] >= bounds.reports_per_actor or of_domain >= bounds.reports_per_host:
        return Outcome("ignored", "has as many reports here as one server may")
    uris = [uri for uri in dict.fromkeys(named) if len(uri) <= MOST_URI]
    if len(uris) > bounds.report_objects:
        uris.sort(key=lambda uri: uri not in here)
    short = activity.id is not None and len(activity.id) <= MOST_URI
    text = incoming.words.report if incoming.words is not None else ""
    facts.reports.put(
        new_id(),
        Report(
            activity_uri=activity.id if short else None,
            actor_uri=actor,
            object_uris=tuple(uris[: bounds.report_objects]),
            content=text[: bounds.report_length],
        ),
    )
    return Outcome("stored")
