"""Former texts of posts, one row for each version."""

from datetime import datetime

from sqlalchemy import Connection, delete, insert

from fedblog.domain.post import Post
from fedblog.storage.tables import revisions


def insert_revision(
    connection: Connection, post: Post, author_id: str | None, now: datetime, *, kept: int
) -> None:
    """Keep the text of *post* as its present version, written by *author_id*, and of the former
    ones the newest *kept*."""
    connection.execute(
        delete(revisions).where(
            revisions.c.post_id == post.id, revisions.c.version < post.version - kept
        )
    )
    connection.execute(
        insert(revisions).values(
            post_id=post.id,
            blog_id=post.blog_id,
            version=post.version,
            title=post.title,
            content_source=post.content_source,
            content_format=post.content_format,
            author_id=author_id,
            created_at=now,
        )
    )
