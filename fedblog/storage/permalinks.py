"""Paths of posts: the present ones, and former ones that redirect."""

from sqlalchemy import Connection, delete, select

from fedblog.storage.tables import permalinks, posts
from fedblog.storage.upsert import insert_ignoring


def is_taken(connection: Connection, blog_id: int, path: str, *, except_post: str) -> bool:
    """Whether *path* is, or once was, the address of another post."""
    for table, post_id in ((posts, posts.c.id), (permalinks, permalinks.c.post_id)):
        found = connection.execute(
            select(post_id).where(
                table.c.blog_id == blog_id, table.c.path == path, post_id != except_post
            )
        ).first()
        if found is not None:
            return True
    return False


def add_former(connection: Connection, blog_id: int, path: str, post_id: str) -> None:
    """Let *path* redirect to a post."""
    insert_ignoring(
        connection, permalinks, [{"blog_id": blog_id, "path": path, "post_id": post_id}]
    )


def drop(connection: Connection, blog_id: int, path: str) -> None:
    """Forget a redirect (its post has come back to the path)."""
    connection.execute(
        delete(permalinks).where(permalinks.c.blog_id == blog_id, permalinks.c.path == path)
    )


def former(connection: Connection, blog_id: int, path: str) -> str | None:
    """The id of the post that once stood at *path*, or None."""
    return connection.execute(
        select(permalinks.c.post_id).where(
            permalinks.c.blog_id == blog_id, permalinks.c.path == path
        )
    ).scalar()
