"""Domain to JSON: articles, comments and activities as other servers read them.

Pure: everything is given, nothing is looked up. Objects carry no ``@context`` of their own; an
activity has one, and ``document`` adds one to an object that is served alone. This module has the
objects and stands for its parts: activities, actors and collections have modules of their own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from typing import Any

from markupsafe import Markup

from fedblog.activitystreams.documents import Mention
from fedblog.activitystreams.values import stamp
from fedblog.activitystreams.vocabulary import CONTEXT, PUBLIC
from fedblog.activitystreams.writing_activities import (
    accept,
    announce,
    create,
    delete,
    delete_actor,
    reject,
    undo,
    update,
)
from fedblog.activitystreams.writing_actors import (
    ActorKeys,
    author_actor,
    blog_actor,
    instance_actor,
    picture,
    readers_actor,
)
from fedblog.activitystreams.writing_authorizations import article_policy, note_policy
from fedblog.activitystreams.writing_collections import (
    collection,
    collection_page,
    ordered_collection,
    ordered_collection_page,
    replies,
    total_of,
)
from fedblog.domain.addresses import BLOG, READERS, Addresses
from fedblog.domain.blog import Blog
from fedblog.domain.comment import Comment
from fedblog.domain.media import Media
from fedblog.domain.post import Byline, Post
from fedblog.text import figures, first_line
from fedblog.text.full_addresses import with_full_addresses
from fedblog.text.hashtags import hashtag, tag_slug

__all__ = [
    "ActorKeys",
    "Counts",
    "accept",
    "announce",
    "article",
    "author_actor",
    "blog_actor",
    "collection",
    "collection_page",
    "create",
    "delete",
    "delete_actor",
    "document",
    "instance_actor",
    "note_for_comment",
    "ordered_collection",
    "ordered_collection_page",
    "picture",
    "readers_actor",
    "reject",
    "stamp",
    "tombstone",
    "undo",
    "update",
]

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Counts:
    """How many answered, liked and boosted; *reply_uris* are the first of the answers, and more
    of them stand on the page after *next_reply*."""

    replies: int = 0
    likes: int = 0
    shares: int = 0
    reply_uris: tuple[str, ...] = ()
    next_reply: str | None = None


def document(item: Mapping[str, Any]) -> Json:
    """*item* with the context that a document served or sent alone needs."""
    return {"@context": CONTEXT, **item}


def article(
    post: Post,
    blog: Blog,
    addresses: Addresses,
    pictures: Mapping[str, Media],
    *,
    counts: Counts | None = None,
    mentions: Sequence[Mention] = (),
) -> Json:
    """A published post as an Article in the group's voice.

    The first line of ``content`` carries title, permalink and bylines, because some servers show
    nothing else of them. ``summary`` stands only where the author wrote one (it hides the text on
    some servers); the excerpt goes into the ``preview`` Note (FEP-b2b8). There is no ``source``
    (some servers would show it instead of ``content``), and no picture in ``attachment`` (it would
    take the link card and with it the byline away). *pictures* are the uploaded ones in its
    text, by file name; *mentions* are people named in the post, by ids already resolved.
    """
    assert post.path is not None
    assert post.published_at is not None
    counts = counts or Counts()
    id_ = addresses.post(post.id)
    url = addresses.page(post.path)
    setting = figures.Setting(url, addresses.base_url, post.language, pictures)
    content = _heading(post, url, addresses) + figures.elsewhere(post.content_html, setting)
    item: Json = {
        "id": id_,
        "type": "Article",
        "attributedTo": addresses.actor(BLOG),
        "name": post.title,
        "content": content,
        "contentMap": {post.language: content},
        "url": url,
        "published": stamp(post.published_at),
        "to": [PUBLIC],
        "cc": [
            addresses.collection(BLOG, "followers"),
            *(mention.href for mention in mentions),
        ],
        "sensitive": False,
        "tag": [
            *(
                {"type": "Hashtag", "href": addresses.tag_page(tag_slug(tag)), "name": name}
                for tag in post.tags
                if (name := hashtag(tag))
            ),
            *_mention_tags(mentions),
        ],
        "attachment": [],
        "preview": {
            "type": "Note",
            "content": f"<p>{escape(post.summary or post.excerpt, quote=False)}</p>",
        },
        "context": addresses.post_collection(post.id, "context"),
        "replies": replies(
            f"{id_}/replies", counts.replies, counts.reply_uris, next_cursor=counts.next_reply
        ),
        "likes": total_of(f"{id_}/likes", counts.likes),
        "shares": total_of(f"{id_}/shares", counts.shares),
        "interactionPolicy": article_policy(
            post.comments, addresses.actor(BLOG), addresses.actor(READERS)
        ),
    }
    if post.summary:
        item["summary"] = post.summary
    if post.edited_at is not None:
        item["updated"] = stamp(post.edited_at)
    if post.featured_media is not None:
        item["image"] = picture(post.featured_media, addresses)
        if below := figures.credits_of(post.featured_media, post.language):
            item["image"]["content"] = f"<p>{below}</p>"
    return item


def _heading(post: Post, url: str, addresses: Addresses) -> str:
    """“Title”, by A and B, each a link where there is something to link to."""
    title = first_line.quoted(Markup(escape(post.title, quote=False)), post.language)  # noqa: S704
    link = Markup(f'<a href="{escape(url)}">{title}</a>')  # noqa: S704
    names = [Markup(_byline(byline, addresses)) for byline in post.bylines]  # noqa: S704
    return f"<p>{first_line.line(link, names, post.language)}</p>\n"


def _byline(byline: Byline, addresses: Addresses) -> str:
    name = escape(byline.name, quote=False)
    url = byline.url
    if byline.author_id is not None and byline.handle:
        url = addresses.author_page(byline.handle)
    return f'<a href="{escape(url)}">{name}</a>' if url else name


def note_for_comment(
    comment: Comment,
    addresses: Addresses,
    path: str,
    *,
    mentions: Sequence[Mention] = (),
    also_to: Sequence[str] = (),
    counts: Counts | None = None,
) -> Json:
    """A comment written here, below the post at *path*, as a Note.

    An author speaks as the author's own actor; a guest through the readers' voice, with the name
    first. *mentions* name the person answered (servers drop a reply that does not), *also_to* are
    further people in the thread. It goes to everyone and to them, never to followers.
    """
    counts = counts or Counts()
    id_ = addresses.comment(comment.id)
    owner = comment.author_id or READERS
    content = with_full_addresses(comment.content_html, addresses.page(path))
    if comment.author_id is None and comment.guest_name:
        content = f"<p><strong>{escape(comment.guest_name, quote=False)}:</strong></p>\n{content}"
    content = _addressed(content, mentions)
    item: Json = {
        "id": id_,
        "type": "Note",
        "attributedTo": addresses.actor(owner),
        "inReplyTo": comment.in_reply_to_uri,
        "content": content,
        "url": addresses.comment_page(path, comment.id),
        "published": stamp(comment.published_at),
        "to": [PUBLIC],
        "cc": list(dict.fromkeys([*(mention.href for mention in mentions), *also_to])),
        "sensitive": bool(comment.summary),
        "tag": _mention_tags(mentions),
        "attachment": [],
        "replies": replies(
            f"{id_}/replies", counts.replies, counts.reply_uris, next_cursor=counts.next_reply
        ),
        "likes": total_of(f"{id_}/likes", counts.likes),
        "shares": total_of(f"{id_}/shares", counts.shares),
        "interactionPolicy": note_policy(),
    }
    if comment.summary:
        item["summary"] = comment.summary
    if comment.language:
        item["contentMap"] = {comment.language: content}
    if comment.post_id is not None:
        item["context"] = addresses.post_collection(comment.post_id, "context")
    if comment.edited_at is not None:
        item["updated"] = stamp(comment.edited_at)
    return item


def _addressed(content: str, mentions: Sequence[Mention]) -> str:
    """*content* with the people it answers named first, as readers elsewhere expect it."""
    missing = [mention for mention in mentions if mention.href not in content]
    names = " ".join(
        f'<span class="h-card"><a href="{escape(mention.href)}" class="u-url mention">'
        f"{escape(mention.name, quote=False)}</a></span>"
        for mention in missing
    )
    if not names:
        return content
    if content.startswith("<p>"):
        return f"<p>{names} {content[3:]}"
    return f"<p>{names}</p>\n{content}"


def _mention_tags(mentions: Sequence[Mention]) -> list[Json]:
    return [{"type": "Mention", "href": mention.href, "name": mention.name} for mention in mentions]


def tombstone(uri: str, former_type: str, deleted_at: datetime) -> Json:
    """What is left of a deleted object."""
    return {
        "id": uri,
        "type": "Tombstone",
        "formerType": former_type,
        "deleted": stamp(deleted_at),
    }
