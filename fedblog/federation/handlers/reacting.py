"""Like, EmojiReact, Dislike and Announce."""

from fedblog.domain.comment import Comment
from fedblog.domain.ids import new_id
from fedblog.domain.post import PostStatus
from fedblog.domain.reaction import Reaction, ReactionKind
from fedblog.federation import replies
from fedblog.federation.facts import Facts, Incoming, Outcome, reaction_key


def like(incoming: Incoming, facts: Facts) -> Outcome:
    """Like (ActivityPub, section 7.10); one that carries an emoji is an emoji reaction, as Misskey
    sends it."""
    emoji = incoming.activity.emoji
    return _react(incoming, facts, ReactionKind.EMOJI if emoji else ReactionKind.LIKE, emoji)


def emoji_react(incoming: Incoming, facts: Facts) -> Outcome:
    """EmojiReact (FEP-c0e0)."""
    emoji = incoming.activity.emoji
    return _react(incoming, facts, ReactionKind.EMOJI if emoji else ReactionKind.LIKE, emoji)


def dislike(incoming: Incoming, facts: Facts) -> Outcome:
    """Dislike: kept, never shown."""
    return _react(incoming, facts, ReactionKind.DISLIKE, "")


def announce(incoming: Incoming, facts: Facts) -> Outcome:
    """Announce (section 7.11) of a post or comment. One that wraps an activity by another actor
    (FEP-1b12) proves nothing about it: a reply inside is fetched from its own host."""
    inner = incoming.activity.inner
    if inner is None:
        return _react(incoming, facts, ReactionKind.ANNOUNCE, "")
    item = inner.object
    if inner.type not in ("Create", "Update") or item is None or not item.id:
        return Outcome("ignored", f"announces a {inner.type}")
    target = item.in_reply_to or ""
    if facts.post_at(target) is None and facts.comment_at(target) is None:
        return Outcome("ignored", "announces nothing about this blog")
    replies.fetch(facts, item.id, incoming.ancestors_left)
    return Outcome("deferred", "announced reply is fetched by its id")


def kinds_of(activity_type: str) -> tuple[ReactionKind, ...]:
    """The kinds of reaction that an activity of this type can have become, the likeliest first."""
    if activity_type == "Like":
        return (ReactionKind.LIKE, ReactionKind.EMOJI)
    if activity_type == "EmojiReact":
        return (ReactionKind.EMOJI, ReactionKind.LIKE)
    if activity_type == "Dislike":
        return (ReactionKind.DISLIKE,)
    return (ReactionKind.ANNOUNCE,) if activity_type == "Announce" else ()


def _is_gone_with_post(facts: Facts, comment: Comment) -> bool:
    above = facts.posts.get(comment.post_id) if comment.post_id is not None else None
    return above is not None and above.status is not PostStatus.PUBLISHED


def _react(incoming: Incoming, facts: Facts, kind: ReactionKind, emoji: str) -> Outcome:
    activity, actor = incoming.activity, incoming.actor
    uri = activity.object_id
    if uri is None:
        return Outcome("ignored", "names no object")
    if facts.is_buried(activity.id, actor.uri) or facts.is_buried(actor.uri, actor.uri):
        return Outcome("ignored", "undone before")
    post, comment = facts.post_at(uri), facts.comment_at(uri)
    if post is not None:
        if post.status is not PostStatus.PUBLISHED:
            return Outcome("ignored", "names nothing that is public here")
    elif comment is None or comment.deleted_at is not None or _is_gone_with_post(facts, comment):
        return Outcome("ignored", "names nothing known here")
    uri = facts.id_of(uri)
    reaction = Reaction(
        id=new_id(),
        blog_id=facts.blog_id,
        object_uri=uri,
        post_id=post.id if post is not None else None,
        comment_id=comment.id if comment is not None else None,
        actor_uri=actor.uri,
        kind=kind,
        emoji=emoji,
        activity_uri=activity.id,
        created_at=facts.now,
    )
    if reaction_key(reaction) in facts.reactions:
        return Outcome("ignored", "stands already")
    theirs = sum(1 for one in facts.reactions.of(actor.uri) if one.object_uri == uri)
    if theirs >= facts.bounds.reactions_per_person:
        return Outcome("ignored", "has as many reactions here as one person may")
    facts.reactions.put(reaction_key(reaction), reaction)
    return Outcome("stored")
