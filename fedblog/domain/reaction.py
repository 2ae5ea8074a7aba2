"""Likes, boosts, emoji reactions and dislikes."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class ReactionKind(StrEnum):
    """Dislikes are kept and never shown; an emoji reaction counts among the likes."""

    LIKE = "like"
    EMOJI = "emoji"
    DISLIKE = "dislike"
    ANNOUNCE = "announce"


@dataclass(frozen=True, slots=True)
class Reaction:
    """One reaction, unique by object, actor, kind and emoji ("" where there is none)."""

    id: str
    blog_id: int
    object_uri: str
    post_id: str | None
    comment_id: str | None
    actor_uri: str
    kind: ReactionKind
    emoji: str
    activity_uri: str | None
    created_at: datetime
