"""Requests for leave to interact: QuoteRequest (FEP-044f), FeatureRequest (FEP-7aa9), ReplyRequest,
LikeRequest and AnnounceRequest (GoToSocial's interaction controls)."""

from dataclasses import dataclass, replace

from fedblog.activitystreams import writing_authorizations as writing
from fedblog.activitystreams.reading import Activity
from fedblog.domain.addresses import BLOG, READERS
from fedblog.domain.authorization import Authorization, AuthorizationState, Interaction
from fedblog.domain.comment import Comment, CommentStatus
from fedblog.domain.ids import new_id
from fedblog.domain.origins import same_host
from fedblog.domain.post import CommentPolicy, PostStatus
from fedblog.federation import replies
from fedblog.federation.facts import Facts, Incoming, Outcome
from fedblog.federation.handlers.following import followed
from fedblog.federation.handlers.reacting import announce, like
from fedblog.federation.handlers.talking import create
from fedblog.publishing.outbox import Outgoing, Recipients

MOST_URI = 1000
"""Longer ids are not kept: the engines bound what a unique key may hold."""
_BY_REQUEST = {interaction.request: interaction for interaction in Interaction}


@dataclass(frozen=True, slots=True)
class Target:
    """What somebody wants to interact with: *owner* is the local actor it belongs to."""

    uri: str
    owner: str
    post_id: str | None = None
    comments: CommentPolicy = CommentPolicy.OPEN


def request(incoming: Incoming, facts: Facts) -> Outcome:
    """A request for leave to interact with something of ours: answered by Accept with the address
    of an authorization, by Reject, or (a reply that a moderator has to see) later.

    What wants to interact must be the asker's own (S37, S38): an authorization names it, and
    counts for nothing else. A reply, like or boost that is embedded is taken as if it had come by
    itself.
    """
    activity, actor = incoming.activity, incoming.actor
    interaction = _BY_REQUEST[activity.type]
    target = _target(facts, interaction, activity.object_id)
    uri = activity.instrument_id
    if target is None:
        return Outcome("ignored", "asks about nothing that is public here")
    if uri is None or max(len(uri), len(actor.uri)) > MOST_URI:
        return Outcome("ignored", "names nothing that wants to interact")
    if not same_host(uri, actor.uri) or facts.addresses.is_local(uri):
        return Outcome("ignored", "asks for what is of another host")
    if _is_of_another(activity, uri, actor.uri, facts):
        return Outcome("ignored", "asks for what another person asked for")
    if not _is_consistent(activity, interaction, target, facts):
        return Outcome("ignored", "what is embedded does something else")
    if not actor.inbox or facts.is_buried(actor.uri, actor.uri):
        return Outcome("ignored", "cannot be answered")
    asked = Authorization(
        id=new_id(),
        blog_id=facts.blog_id,
        interaction=interaction,
        owner=target.owner,
        target_uri=target.uri,
        object_uri=uri,
        actor_uri=actor.uri,
        request_uri=activity.id,
        post_id=target.post_id,
        state=AuthorizationState.WAITING,
        was_granted=False,
        created_at=facts.now,
    )
    known = facts.authorizations.get(asked.key)
    if known is not None:
        asked = replace(known, request_uri=activity.id)
    elif _has_asked_enough(facts, actor.uri):
        return Outcome("ignored", "has asked for as much as one person may")
    if asked.state is AuthorizationState.REVOKED:
        return _answer(asked, facts, incoming)
    if interaction is Interaction.REPLY:
        return _reply(asked, target, facts, incoming)
    if interaction is Interaction.LIKE and activity.instrument_activity is not None:
        like(replace(incoming, activity=activity.instrument_activity), facts)
    elif interaction is Interaction.ANNOUNCE and activity.instrument_activity is not None:
        announce(replace(incoming, activity=activity.instrument_activity), facts)
    return _answer(asked.granted(facts.now), facts, incoming)


def _has_asked_enough(facts: Facts, asker: str) -> bool:
    fresh = sum(1 for one in facts.authorizations.added() if one.actor_uri == asker)
    return facts.asked_by.get(asker, 0) + fresh >= facts.bounds.authorizations_per_actor


def _is_of_another(activity: Activity, uri: str, asker: str, facts: Facts) -> bool:
    """Whether *uri*, of which nothing but the address was sent, is what another of the same host
    has asked for before: leave that was refused or taken back is not given by asking as somebody
    else."""
    if activity.instrument is not None or activity.instrument_activity is not None:
        return False  # then it says itself whose it is
    known = facts.comments.get(uri)
    if known is not None and known.actor_uri != asker:
        return True
    return any(row.object_uri == uri and row.actor_uri != asker for row in facts.authorizations)


def _reply(asked: Authorization, target: Target, facts: Facts, incoming: Incoming) -> Outcome:
    """A reply may stand where comments are open, waits for a moderator where they are held."""
    item = incoming.activity.instrument
    if target.comments is CommentPolicy.CLOSED:
        return _answer(asked.revoked(facts.now), facts, incoming)
    if item is None:
        replies.fetch(facts, asked.object_uri, incoming.ancestors_left)
        is_held = target.comments is CommentPolicy.HELD
    else:
        written = Activity(
            id=None,
            type="Create",
            actor=incoming.actor.uri,
            object_id=item.id,
            object_ids=(asked.object_uri,),
            object_type=item.type,
            object=item,
        )
        outcome = create(replace(incoming, activity=written), facts)
        comment = facts.comments.get(asked.object_uri)
        if comment is None:
            return outcome
        if comment.status is CommentStatus.SPAM or comment.deleted_at is not None:
            return _answer(asked.revoked(facts.now), facts, incoming)
        is_held = comment.status is CommentStatus.HELD
    if is_held and asked.state is AuthorizationState.WAITING:
        facts.authorizations.put(asked.key, asked)
        return Outcome("stored", "a moderator is asked")
    return _answer(asked.granted(facts.now), facts, incoming)


def _answer(decided: Authorization, facts: Facts, incoming: Incoming) -> Outcome:
    facts.authorizations.put(decided.key, decided)
    activity_id = new_id()
    is_granted = decided.state is AuthorizationState.GRANTED
    write = writing.accept if is_granted else writing.reject
    facts.outgoing.put(
        activity_id,
        (
            Outgoing(
                owner=decided.owner,
                type="Accept" if is_granted else "Reject",
                document=write(decided, facts.addresses, activity_id),
                activity_id=activity_id,
                object_uri=decided.request_uri,
            ),
            Recipients(inboxes=(facts.current(incoming.actor).inbox,)),
        ),
    )
    return Outcome("stored", "granted" if is_granted else "refused")


def _target(facts: Facts, interaction: Interaction, uri: str | None) -> Target | None:
    """What *uri* names, if it is ours and everyone may read it (S21: nothing tells what is not
    public apart from what is missing)."""
    if uri is None:
        return None
    if interaction is Interaction.FEATURE:
        owner = followed(facts, uri)
        return None if owner is None else Target(facts.addresses.actor(owner), owner)
    post = facts.post_at(uri)
    if post is not None:
        if post.status is not PostStatus.PUBLISHED:
            return None
        return Target(facts.addresses.post(post.id), BLOG, post.id, post.comments)
    comment = facts.comment_at(uri)
    if comment is None or not _is_ours(comment) or comment.post_id is None:
        return None
    post = facts.posts.get(comment.post_id)
    if post is None or post.status is not PostStatus.PUBLISHED:
        return None
    return Target(comment.uri, comment.author_id or READERS, post.id, post.comments)


def _is_ours(comment: Comment) -> bool:
    return comment.actor_uri is None and comment.is_shown


def _is_consistent(
    activity: Activity, interaction: Interaction, target: Target, facts: Facts
) -> bool:
    """Whether what is embedded, if anything, is the asker's and does what leave is asked for."""
    item, inner = activity.instrument, activity.instrument_activity
    if inner is not None:
        kinds = {
            Interaction.LIKE: ("Like", "EmojiReact"),
            Interaction.ANNOUNCE: ("Announce",),
        }.get(interaction, ())
        return (
            inner.type in kinds
            and inner.actor == activity.actor
            and _is_about(facts, inner.object_id, target)
        )
    if item is None:
        return True
    if item.attributed_to and activity.actor not in item.attributed_to:
        return False
    if interaction is Interaction.QUOTE:
        return any(_is_about(facts, quoted, target) for quoted in item.quotes)
    if interaction is Interaction.REPLY:
        return _is_about(facts, item.in_reply_to, target)
    return interaction is Interaction.FEATURE


def _is_about(facts: Facts, uri: str | None, target: Target) -> bool:
    return uri is not None and facts.id_of(uri) == target.uri
