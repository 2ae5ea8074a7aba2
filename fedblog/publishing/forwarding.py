"""Replies that a moderator lets through are forwarded then (ActivityPub, section 7.1.2)."""

from datetime import datetime

from sqlalchemy import Connection

from fedblog.domain.comment import Comment, CommentStatus
from fedblog.domain.post import PostStatus
from fedblog.publishing import outbox
from fedblog.publishing.site import Site
from fedblog.storage import threads, unforwarded


def comment_decided(
    connection: Connection, site: Site, comment: Comment, status: CommentStatus, now: datetime
) -> None:
    """A moderator decided about *comment*: what was kept of it is sent on where it is approved,
    and dropped where it is not, in the present unit."""
    kept = unforwarded.take(connection, [comment.id]).get(comment.id)
    if kept is None or status is not CommentStatus.APPROVED or comment.post_id is None:
        return
    post = threads.find_posts(connection, [comment.post_id]).get(comment.post_id)
    if not site.settings.forward_replies or post is None or post.status is not PostStatus.PUBLISHED:
        return
    outbox.forward(
        connection,
        comment.blog_id,
        type=kept.type,
        body=kept.body,
        object_uri=comment.uri,
        post_id=comment.post_id,
        except_origins=kept.origins,
        now=now,
    )
