"""What a reader may follow, answer, like or boost from their own server."""

from dataclasses import dataclass

from sqlalchemy import Connection, select

from fedblog.domain.addresses import BLOG, comment_path
from fedblog.domain.post import CommentPolicy
from fedblog.storage import authors, blogs
from fedblog.storage.tables import actors, comments, posts
from fedblog.storage.tables import authors as author_table
from fedblog.storage.visibility import is_public_comment, is_public_post


@dataclass(frozen=True, slots=True)
class Named:
    """Something of the blog by its name: *title* of the post (in *language*) or name of the person,
    *path* of its page."""

    title: str
    path: str
    takes_replies: bool = False
    language: str = ""


def actor(connection: Connection, blog_id: int, owner: str) -> Named | None:
    """The blog, or the author with the id *owner*."""
    if owner == BLOG:
        return Named(blogs.get(connection, blog_id).title, "/")
    author = authors.find(connection, [owner]).get(owner)
    if author is None or author.blog_id != blog_id:
        return None
    return Named(author.name, f"/authors/{author.handle}/")


def post(connection: Connection, blog_id: int, post_id: str) -> Named | None:
    """A published post."""
    row = connection.execute(
        select(
            posts.c.title, posts.c.excerpt, posts.c.path, posts.c.comments, posts.c.language
        ).where(
            posts.c.id == post_id,
            posts.c.blog_id == blog_id,
            is_public_post(),
        )
    ).first()
    if row is None:
        return None
    takes_replies = row.comments != CommentPolicy.CLOSED.value
    return Named(row.title or row.excerpt, row.path, takes_replies, language=row.language)


def comment(connection: Connection, blog_id: int, comment_id: str) -> Named | None:
    """A comment that everyone may read, by whoever wrote it; *title* is the writer's name."""
    row = connection.execute(
        select(
            comments.c.guest_name,
            actors.c.name.label("actor_name"),
            actors.c.handle,
            author_table.c.name.label("author_name"),
            posts.c.path,
            posts.c.comments,
        )
        .join_from(comments, posts, posts.c.id == comments.c.post_id)
        .join(actors, actors.c.uri == comments.c.actor_uri, isouter=True)
        .join(author_table, author_table.c.id == comments.c.author_id, isouter=True)
        .where(
            comments.c.id == comment_id,
            comments.c.blog_id == blog_id,
            is_public_comment(),
            is_public_post(),
        )
    ).first()
    if row is None:
        return None
    return Named(
        row.author_name or row.actor_name or row.handle or row.guest_name or "?",
        comment_path(row.path, comment_id),
        row.comments != CommentPolicy.CLOSED.value,
    )
