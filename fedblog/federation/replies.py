"""From a remote object to a comment: where it hangs, what it says, and who waits below it."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from fedblog.activitystreams.reading import Object
from fedblog.domain.comment import Comment, CommentStatus
from fedblog.domain.ids import new_id
from fedblog.domain.post import CommentPolicy, PostStatus
from fedblog.federation.facts import Facts, Incoming
from fedblog.storage.threads import NO_WORDS

FETCH_OBJECT = "fetch_object"
"""The follow-up job that fetches one object by its id and decides about it like a Create."""


class Place:
    """Where a reply hangs: under a post, under a comment, nowhere yet, or nowhere for good."""

    __slots__ = ("depth", "known", "parent_id", "post_id", "status")

    def __init__(
        self,
        known: bool,
        post_id: str | None = None,
        parent_id: str | None = None,
        depth: int = 0,
        status: CommentStatus = CommentStatus.APPROVED,
    ) -> None:
        self.known = known
        self.post_id = post_id
        self.parent_id = parent_id
        self.depth = depth
        self.status = status


class NoPlaceError(Exception):
    """The reply answers something that takes no replies; the message is the reason kept."""


def find_place(facts: Facts, in_reply_to: str) -> Place:
    """The place of a reply to *in_reply_to*.

    Raises NoPlaceError for a local object that is not public (S21: nothing tells it apart from a
    missing one) and for a post whose comments are closed.
    """
    post = facts.post_at(in_reply_to)
    if post is not None:
        if post.status is not PostStatus.PUBLISHED:
            raise NoPlaceError("answers nothing that is public here")
        if post.comments is CommentPolicy.CLOSED:
            raise NoPlaceError("comments are closed")
        return Place(True, post.id, None, 0, _first_status(post.comments))
    parent = facts.comment_at(in_reply_to)
    if parent is not None:
        if parent.post_id is None:
            # Both wait: only what stands under a post has a parent, so no circle can form.
            return Place(True)
        post = facts.posts.get(parent.post_id)
        if post is None or post.status is not PostStatus.PUBLISHED:
            raise NoPlaceError("answers nothing that is public here")
        if post.comments is CommentPolicy.CLOSED:
            raise NoPlaceError("comments are closed")
        status = _first_status(post.comments)
        return Place(True, parent.post_id, parent.id, parent.depth + 1, status)
    if facts.addresses.is_local(in_reply_to):
        raise NoPlaceError("answers nothing that is public here")
    return Place(False)


def new_comment(incoming: Incoming, item: Object, uri: str, place: Place, facts: Facts) -> Comment:
    """The comment that *item* becomes at *place*."""
    published = item.published or incoming.received_at
    return Comment(
        id=new_id(),
        blog_id=facts.blog_id,
        uri=uri,
        post_id=place.post_id,
        parent_id=place.parent_id,
        in_reply_to_uri=facts.id_of(item.in_reply_to or ""),
        depth=place.depth,
        actor_uri=incoming.actor.uri,
        author_id=None,
        guest_name=None,
        status=place.status,
        status_locked=False,
        published_at=min(published, incoming.received_at),
        received_at=incoming.received_at,
        edited_at=item.updated if item.updated and item.updated > published else None,
        **words_of(incoming),
    )


def words_of(incoming: Incoming) -> dict[str, Any]:
    """What the comment in *incoming* is made of (federation/words.py)."""
    if incoming.words is None or incoming.words.comment is None:
        raise RuntimeError("the words of an activity were not made before its unit")
    return dict(incoming.words.comment)


def with_text(comment: Comment, incoming: Incoming) -> Comment:
    """*comment* with the words in *incoming*. Pictures that a moderator let through count as
    approved only as long as they stay the same."""
    words = words_of(incoming)
    if comment.media_status == "approved" and words["attachments"] != comment.attachments:
        words["media_status"] = None
    return replace(comment, **words)


def with_votes(comment: Comment, incoming: Incoming) -> Comment | None:
    """*comment* with the votes in *incoming* where nothing else is different, else None: counting
    goes on without an edit."""
    words = words_of(incoming)
    poll = words.pop("poll")
    if poll is None or comment.poll is None or poll == comment.poll:
        return None
    if any(getattr(comment, name) != value for name, value in words.items()):
        return None
    return replace(comment, poll=poll)


def without_text(comment: Comment, now: datetime) -> Comment:
    """*comment* as deleted: its place stays for the answers below it, its words go."""
    return replace(comment, **NO_WORDS, edited_at=None, deleted_at=now)


def adopt(facts: Facts, parent: Comment) -> None:
    """Hang the orphans that wait for *parent* below it, and theirs below them, once *parent*
    stands under a post."""
    if parent.post_id is None:
        return
    policy = _policy(facts, parent.post_id)
    waiting = [parent]
    while waiting:
        above = waiting.pop()
        for orphan in facts.orphans_of(above.uri):
            status = orphan.status
            if not orphan.status_locked and policy is not CommentPolicy.OPEN:
                status = CommentStatus.HELD
            moved = replace(
                orphan,
                post_id=above.post_id,
                parent_id=above.id,
                depth=above.depth + 1,
                status=status,
            )
            facts.put_comment(moved)
            waiting.append(moved)


def fetch(facts: Facts, uri: str, ancestors_left: int, *, is_parent: bool = False) -> None:
    """Have *uri* fetched after this unit, unless it is ours; a parent only where it is not known
    by then."""
    if ancestors_left > 0 and not facts.addresses.is_local(uri):
        payload = {"uri": uri, "ancestors_left": ancestors_left - 1, "asker": facts.asker}
        if is_parent:
            payload["is_parent"] = True
        facts.follow_up(FETCH_OBJECT, uri, payload)


def _policy(facts: Facts, post_id: str | None) -> CommentPolicy:
    post = facts.posts.get(post_id) if post_id else None
    return post.comments if post is not None else CommentPolicy.OPEN


def _first_status(policy: CommentPolicy) -> CommentStatus:
    return CommentStatus.HELD if policy is CommentPolicy.HELD else CommentStatus.APPROVED
