"""Authors' replies to comments, and taking comments away."""

from asyncio import to_thread
from dataclasses import replace
from datetime import UTC, datetime

from sqlalchemy import Connection

from fedblog.domain.blog import Author
from fedblog.domain.comment import Comment, CommentStatus
from fedblog.domain.errors import ConflictError, InvalidFieldError, NotFoundError
from fedblog.domain.ids import new_id
from fedblog.domain.post import PostStatus
from fedblog.publishing import announce, authorizations, forwarding, taking_back
from fedblog.publishing import fields as post_fields
from fedblog.publishing.once import Once, Replay
from fedblog.publishing.site import Site
from fedblog.storage import blogs as blog_rows
from fedblog.storage import comments as comment_rows
from fedblog.storage import idempotency
from fedblog.storage import media as media_rows
from fedblog.storage import posts as post_rows
from fedblog.text import figures

REPLY_LENGTH = 20_000


async def reply(
    site: Site,
    author: Author,
    comment_id: str,
    content: str,
    content_format: str = "markdown",
    once: Once[Comment] | None = None,
) -> Comment | Replay:
    """An author's answer to a comment, shown at once and sent to the person answered.

    It is the author's own actor that speaks. Raises NotFoundError, InvalidFieldError, and
    ConflictError where the comment is held or spam (readers would see an answer to nothing), or its
    post is not public.
    """
    if len(content) > REPLY_LENGTH:
        raise InvalidFieldError("content", f"takes at most {REPLY_LENGTH} characters")
    rendered = await to_thread(post_fields.render, content, content_format)
    if not rendered.html.strip():
        raise InvalidFieldError("content", "may not be empty")
    await site.keys.fresh(author.id)  # the reply is signed with the author's own key
    now = datetime.now(UTC)
    reply_id = new_id()

    def unit(connection: Connection) -> Comment | Replay:
        if once is not None and (replay := once.replay(connection)) is not None:
            return replay
        above = _standing(connection, site, comment_id)
        post = post_rows.get(connection, site.blog_id, above.post_id or "")
        if post is None or post.status is not PostStatus.PUBLISHED or post.path is None:
            raise ConflictError("the post of this comment is not public")
        if not above.is_shown:
            raise ConflictError(
                f"readers do not see this comment ({above.status.value}): approve it, then answer"
            )
        blog = blog_rows.get(connection, site.blog_id)
        setting = figures.Setting(
            site.addresses.page(post.path),
            site.addresses.base_url,
            blog.language,
            media_rows.in_texts(connection, site.blog_id, [rendered.html]),
        )
        made = Comment(
            id=reply_id,
            blog_id=site.blog_id,
            uri=site.addresses.comment(reply_id),
            post_id=post.id,
            parent_id=above.id,
            in_reply_to_uri=above.uri,
            depth=above.depth + 1,
            actor_uri=None,
            author_id=author.id,
            guest_name=None,
            url="",  # made from its post's path, which may change
            name="",
            source_html=content,
            content_html=str(figures.on_page(rendered.html, setting)),
            summary="",
            language=blog.language,
            visibility="public",
            status=CommentStatus.APPROVED,
            status_locked=True,
            attachments="[]",
            published_at=now,
            received_at=now,
        )
        comment_rows.insert_comment(connection, made)
        answered = taking_back.writer(connection, above)
        announce.reply_created(connection, site, made, post.path, answered, now)
        if once is not None:
            once.keep(connection, made, now)
        return made

    return await site.store.write(unit)


async def delete(site: Site, comment_id: str) -> None:
    """Take a comment away for good; an Update from its server does not bring it back.

    A reply of an author's is deleted on other servers too. Raises NotFoundError.
    """
    now = datetime.now(UTC)

    def unit(connection: Connection) -> None:
        comment = _standing(connection, site, comment_id)
        comment_rows.delete_comment(connection, comment, now)
        idempotency.answer_gone(connection, comment.id)
        authorizations.comment_decided(connection, site, comment, CommentStatus.SPAM, now)
        forwarding.comment_decided(connection, site, comment, CommentStatus.SPAM, now)
        if comment.author_id is not None:
            answered = taking_back.whom(connection, comment)
            gone = replace(comment, deleted_at=now)
            announce.reply_deleted(connection, site, gone, answered, now)

    await site.store.write(unit)


def _standing(connection: Connection, site: Site, comment_id: str) -> Comment:
    """A comment that is listed. One that is private, orphaned or deleted is not there (S21)."""
    comment = comment_rows.get_listed(connection, site.blog_id, comment_id)
    if comment is None:
        raise NotFoundError("there is no such comment")
    return comment
