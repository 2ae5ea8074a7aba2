"""What other servers hear of posts and of authors' replies: activities, and to whom they go."""

from datetime import datetime

from sqlalchemy import Connection

from fedblog.activitystreams import writing
from fedblog.activitystreams.documents import Mention
from fedblog.domain.actor import RemoteActor
from fedblog.domain.addresses import BLOG
from fedblog.domain.blog import Blog
from fedblog.domain.comment import Comment
from fedblog.domain.ids import new_id
from fedblog.domain.media import Media
from fedblog.domain.post import Post
from fedblog.publishing.outbox import Outgoing, Recipients, record
from fedblog.publishing.site import Site
from fedblog.storage import media as media_rows
from fedblog.storage import posts as post_rows
from fedblog.storage.slices import Allowance


def post_created(connection: Connection, site: Site, blog: Blog, post: Post, now: datetime) -> None:
    """``Create`` of the Article to the blog's followers (ActivityPub, section 6.2)."""
    activity_id = new_id()
    article = writing.article(post, blog, site.addresses, _pictures(connection, post))
    document = writing.create(site.addresses, activity_id, BLOG, article)
    outgoing = _of_post(site, post, "Create", document, activity_id)
    record(connection, blog.id, outgoing, Recipients(follower_owners=(BLOG,)), now)


def post_edited(connection: Connection, site: Site, blog: Blog, post: Post, now: datetime) -> None:
    """``Update`` of the Article (section 6.3) to followers and the people in the conversation."""
    activity_id = new_id()
    counts = post_rows.counts(connection, [post.id])[post.id]
    article = writing.article(
        post,
        blog,
        site.addresses,
        _pictures(connection, post),
        counts=writing.Counts(counts.comments, counts.likes, counts.shares),
    )
    document = writing.update(
        site.addresses, activity_id, BLOG, article, post.edited_at or post.updated_at
    )
    outgoing = _of_post(site, post, "Update", document, activity_id)
    record(connection, blog.id, outgoing, _followers_and_people(post), now)


def post_deleted(connection: Connection, site: Site, post: Post, now: datetime) -> None:
    """``Delete`` with a Tombstone (section 6.4) to everyone who heard of the post."""
    activity_id = new_id()
    gone = writing.tombstone(site.addresses.post(post.id), "Article", post.deleted_at or now)
    document = writing.delete(site.addresses, activity_id, BLOG, gone)
    outgoing = _of_post(site, post, "Delete", document, activity_id)
    record(connection, post.blog_id, outgoing, _followers_and_people(post), now)


def reply_created(
    connection: Connection,
    site: Site,
    reply: Comment,
    path: str,
    answered: RemoteActor | None,
    now: datetime,
) -> None:
    """``Create`` of an author's reply below the post at *path*: to everyone, naming the person
    answered.

    It goes to that person's own inbox, to the people in the conversation and to the servers of
    followers, which know the post and thread the reply under it.
    """
    author_id = _author(reply)
    activity_id = new_id()
    note = writing.note_for_comment(
        reply,
        site.addresses,
        path,
        mentions=[_mention(answered)] if answered else [],
        also_to=[site.addresses.collection(author_id, "followers")],
    )
    document = writing.create(site.addresses, activity_id, author_id, note)
    _record_reply(connection, site, reply, "Create", document, activity_id, answered, now)


def reply_deleted(
    connection: Connection,
    site: Site,
    reply: Comment,
    answered: RemoteActor | None,
    now: datetime,
    at_once: Allowance | None = None,
) -> None:
    """``Delete`` of an author's reply to everyone who got it, as *at_once* allows (`record`)."""
    author_id = _author(reply)
    activity_id = new_id()
    gone = writing.tombstone(reply.uri, "Note", reply.deleted_at or now)
    cc = [answered.uri] if answered else []
    document = writing.delete(site.addresses, activity_id, author_id, gone, cc=cc)
    _record_reply(connection, site, reply, "Delete", document, activity_id, answered, now, at_once)


def _pictures(connection: Connection, post: Post) -> dict[str, Media]:
    return media_rows.in_texts(connection, post.blog_id, [post.content_html])


def _of_post(
    site: Site, post: Post, kind: str, document: writing.Json, activity_id: str
) -> Outgoing:
    return Outgoing(
        owner=BLOG,
        type=kind,
        document=document,
        activity_id=activity_id,
        object_uri=site.addresses.post(post.id),
        object_version=post.version,
        post_id=post.id,
        is_public=True,
    )


def _followers_and_people(post: Post) -> Recipients:
    return Recipients(follower_owners=(BLOG,), conversation=post.id)


def _record_reply(
    connection: Connection,
    site: Site,
    reply: Comment,
    kind: str,
    document: writing.Json,
    activity_id: str,
    answered: RemoteActor | None,
    now: datetime,
    at_once: Allowance | None = None,
) -> None:
    author_id = _author(reply)
    inboxes = (answered.shared_inbox or answered.inbox,) if answered is not None else ()
    record(
        connection,
        reply.blog_id,
        Outgoing(
            owner=author_id,
            type=kind,
            document=document,
            activity_id=activity_id,
            object_uri=reply.uri,
            post_id=reply.post_id,
            is_public=True,
        ),
        Recipients((author_id, BLOG), inboxes, conversation=reply.post_id),
        now,
        at_once,
    )


def _author(reply: Comment) -> str:
    assert reply.author_id is not None
    return reply.author_id


def _mention(actor: RemoteActor) -> Mention:
    return Mention(actor.uri, f"@{actor.handle}@{actor.host}")
