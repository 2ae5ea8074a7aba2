"""Posts and people as values, with what a test does not care about."""

from datetime import UTC, datetime
from typing import Any

from fedblog.domain.actor import RemoteActor
from fedblog.domain.post import CommentPolicy, Post, PostStatus

AT = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)


def post(**given: Any) -> Post:
    """A draft, but for what is *given*."""
    values: dict[str, Any] = {
        "id": "01JD0000000000000000000000",
        "blog_id": 1,
        "version": 1,
        "status": PostStatus.DRAFT,
        "title": "Herons",
        "slug": "herons",
        "path": None,
        "content_source": "Text",
        "content_format": "markdown",
        "content_html": "<p>Text</p>",
        "summary": None,
        "excerpt": "Text",
        "language": "en",
        "voice": "group",
        "comments": CommentPolicy.OPEN,
        "featured_media": None,
        "tags": (),
        "categories": (),
        "bylines": (),
        "created_at": AT,
        "updated_at": AT,
    }
    return Post(**(values | given))


def person(uri: str, **given: Any) -> RemoteActor:
    """Somebody on another server, as if fetched at AT, but for what is *given*."""
    values: dict[str, Any] = {
        "uri": uri,
        "type": "Person",
        "handle": uri.rpartition("/")[2],
        "host": uri.split("/", 3)[2],
        "name": "Ann",
        "url": uri,
        "avatar_url": "",
        "summary": "",
        "inbox": f"{uri}/inbox",
        "shared_inbox": None,
        "followers_uri": None,
        "moved_to": None,
        "also_known_as": (),
        "fetched_at": AT,
    }
    return RemoteActor(**(values | given))
