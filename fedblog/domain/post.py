"""A post and the rules of its life: draft, scheduled, published, deleted."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from fedblog.domain.errors import PostStateError
from fedblog.domain.media import Media


class PostStatus(StrEnum):
    """The states of a post; *deleted* keeps the row so that the object answers 410."""

    DRAFT = "draft"
    SCHEDULED = "scheduled"
    PUBLISHED = "published"
    DELETED = "deleted"


class CommentPolicy(StrEnum):
    """Whether replies appear at once, wait for a moderator, or are not taken."""

    OPEN = "open"
    HELD = "held"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Byline:
    """One name over a post: a local author (*author_id*) or a guest with an optional *url*."""

    name: str
    author_id: str | None = None
    handle: str = ""
    url: str = ""
    fediverse: str = ""


@dataclass(frozen=True, slots=True)
class Post:
    """An article. *path* is frozen at publication; *voice* never changes after it. *asked_slug* is
    the slug as its author wrote it, None where it is made from the title."""

    id: str
    blog_id: int
    version: int
    status: PostStatus
    title: str
    slug: str
    path: str | None
    content_source: str
    content_format: str
    content_html: str
    summary: str | None
    excerpt: str
    language: str
    voice: str
    comments: CommentPolicy
    featured_media: Media | None
    tags: tuple[str, ...]
    categories: tuple[str, ...]
    bylines: tuple[Byline, ...]
    created_at: datetime
    updated_at: datetime
    publish_at: datetime | None = None
    published_at: datetime | None = None
    edited_at: datetime | None = None
    deleted_at: datetime | None = None
    asked_slug: str | None = None

    @property
    def is_public(self) -> bool:
        """Whether anyone may read it."""
        return self.status is PostStatus.PUBLISHED

    def published(self, now: datetime, path: str) -> "Post":
        """The post as published at *now* under *path* (kept where it has one already).

        Raises PostStateError for a post that is published or deleted already.
        """
        if self.status not in (PostStatus.DRAFT, PostStatus.SCHEDULED):
            raise PostStateError(f"a {self.status} post cannot be published")
        return replace(
            self,
            status=PostStatus.PUBLISHED,
            published_at=now.replace(microsecond=0),
            publish_at=None,
            path=self.path or path,
            updated_at=now,
            version=self.version + 1,
        )

    def edited(self, now: datetime) -> "Post":
        """The post with the stamp of an edit made at *now*.

        Stamps are whole seconds and strictly increase: peers ignore an edit whose ``updated`` is
        not newer than the last one they saw.
        """
        if self.status is not PostStatus.PUBLISHED:
            return replace(self, updated_at=now, version=self.version + 1)
        stamp = now.replace(microsecond=0)
        last = self.edited_at or self.published_at
        if last is not None and stamp <= last:
            stamp = last + timedelta(seconds=1)
        return replace(self, edited_at=stamp, updated_at=now, version=self.version + 1)

    def deleted(self, now: datetime) -> "Post":
        """The post as deleted at *now*. Raises PostStateError when it already is."""
        if self.status is PostStatus.DELETED:
            raise PostStateError("the post is deleted already")
        return replace(
            self,
            status=PostStatus.DELETED,
            deleted_at=now.replace(microsecond=0),
            updated_at=now,
            version=self.version + 1,
        )
