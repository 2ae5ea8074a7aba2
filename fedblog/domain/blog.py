"""The blog and the people who write it."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Blog:
    """A group blog: one ActivityPub Group actor, its title, and the group that publishes it.

    *group_name* is who a post is "Published by"; *about* is the group's own plain text about
    itself; *language* a BCP 47 tag; *time_zone* an IANA name.
    """

    id: int
    handle: str
    title: str
    tagline: str
    group_name: str
    about: str
    language: str
    time_zone: str
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Author:
    """A local person who writes: an ActivityPub Person actor.

    *fediverse* is the author's own account elsewhere (``name@host``) or empty; *avatar* the id of
    an uploaded picture or None; *role* is ``owner`` or ``author``.
    """

    id: str
    blog_id: int
    handle: str
    name: str
    about: str
    url: str
    fediverse: str
    avatar: str | None
    role: str
    created_at: datetime
    updated_at: datetime
