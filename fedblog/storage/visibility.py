"""What is public, and what counts: one definition, which every query and every kept count uses.

The values stand in the SQL as literals, not as parameters: so that a partial index whose condition
is one of these is known to fit when a statement is planned, on both engines and for every caller.
"""

from typing import Any, Final

from sqlalchemy import ColumnElement, and_, literal_column

from fedblog.domain.comment import CommentStatus
from fedblog.domain.post import PostStatus
from fedblog.domain.reaction import ReactionKind
from fedblog.storage.tables import comments, posts, reactions

_LIKES: Final = (ReactionKind.LIKE.value, ReactionKind.EMOJI.value)
"""Kinds of reactions that are likes: an emoji counts as one."""
_SHARES: Final = (ReactionKind.ANNOUNCE.value,)
"""Kinds of reactions that are boosts."""
PUBLIC: Final = "public"
"""The visibility of a comment that is addressed to everyone."""


def is_public_post(table: Any = posts) -> ColumnElement[bool]:
    """Whether anyone may read a row of the posts table."""
    found: ColumnElement[bool] = table.c.status == _text(PostStatus.PUBLISHED.value)
    return found


def is_living_post(table: Any = posts) -> ColumnElement[bool]:
    """Whether a row of the posts table is not deleted: its authors may still see it."""
    found: ColumnElement[bool] = table.c.status != _text(PostStatus.DELETED.value)
    return found


def is_public_comment(table: Any = comments) -> ColumnElement[bool]:
    """Whether anyone may read a row of the comments table, where its post is public."""
    return and_(
        table.c.status == _text(CommentStatus.APPROVED.value),
        table.c.visibility == _text(PUBLIC),
        table.c.deleted_at.is_(None),
    )


def leaves_a_place(comment: Any) -> bool:
    """Whether a deleted *comment* (a row) keeps an empty place above its answers: what moderators
    held back leaves no trace."""
    return (
        comment.deleted_at is not None
        and comment.status == CommentStatus.APPROVED.value
        and comment.visibility == PUBLIC
    )


def is_listed_comment(table: Any = comments) -> ColumnElement[bool]:
    """Whether moderators are shown a row of the comments table, whatever they decided about it."""
    return and_(
        table.c.visibility == _text(PUBLIC),
        table.c.deleted_at.is_(None),
        table.c.post_id.is_not(None),
    )


def is_decided_as(status: CommentStatus, table: Any = comments) -> ColumnElement[bool]:
    """Whether a row of the comments table is in *status*, so said that the small index of those
    that readers are not shown serves it."""
    found: ColumnElement[bool] = table.c.status == _text(status.value)
    if status is CommentStatus.APPROVED:
        return found
    return and_(found, table.c.status != _text(CommentStatus.APPROVED.value))


def is_local_comment(table: Any = comments) -> ColumnElement[bool]:
    """Whether a row of the comments table was written here."""
    found: ColumnElement[bool] = table.c.actor_uri.is_(None)
    return found


def counts_as_comment(table: Any = comments) -> ColumnElement[bool]:
    """Whether a row of the comments table is one of its post's comments: what anyone may read."""
    return is_public_comment(table)


def counts_as_like(table: Any = reactions) -> ColumnElement[bool]:
    """Whether a row of the reactions table is a like. They are counted by people, not by rows."""
    return _among(table, _LIKES)


def counts_as_boost(table: Any = reactions) -> ColumnElement[bool]:
    """Whether a row of the reactions table is a boost. They are counted by people, not by rows."""
    return _among(table, _SHARES)


def is_like_of_same_person(other: Any) -> ColumnElement[bool]:
    """Whether a row of *other*, an alias of the reactions table, is the same person's like of the
    same thing."""
    return _of_same_person(other, _LIKES)


def is_boost_of_same_person(other: Any) -> ColumnElement[bool]:
    """Whether a row of *other*, an alias of the reactions table, is the same person's boost of the
    same thing."""
    return _of_same_person(other, _SHARES)


def beyond_indexes(column: Any) -> ColumnElement[str]:
    """The value of a column of texts, so said that no index is chosen for what is asked of it."""
    found: ColumnElement[str] = column.concat(_text(""))
    return found


def _of_same_person(other: Any, kinds: tuple[str, ...]) -> ColumnElement[bool]:
    """So said that the index of what was said to one thing is the better one for every planner,
    whatever it knows: by that of people all that somebody who likes every post ever liked would be
    gone through."""
    who = reactions.c.actor_uri
    return and_(
        other.c.object_uri == reactions.c.object_uri,
        other.c.actor_uri.between(who, who),
        beyond_indexes(other.c.kind).in_([_text(kind) for kind in kinds]),
    )


def is_about_post(table: Any = reactions) -> ColumnElement[bool]:
    """Whether a row of the reactions table is about a post itself, not about a comment."""
    return and_(table.c.post_id.is_not(None), table.c.comment_id.is_(None))


def _among(table: Any, kinds: tuple[str, ...]) -> ColumnElement[bool]:
    condition: ColumnElement[bool] = table.c.kind.in_([_text(kind) for kind in kinds])
    return condition


def _text(value: str) -> ColumnElement[str]:
    return literal_column(f"'{value}'")
