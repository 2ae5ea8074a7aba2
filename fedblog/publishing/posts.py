"""Writing, revising, publishing, scheduling and deleting a post.

Each step stores the post and records what other servers are to hear of it in one unit.
"""

import logging
from asyncio import to_thread
from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from fedblog.domain.addresses import post_path
from fedblog.domain.blog import Author, Blog
from fedblog.domain.errors import (
    ConflictError,
    DomainError,
    InvalidFieldError,
    NotFoundError,
    PostStateError,
    TakenError,
)
from fedblog.domain.ids import new_id
from fedblog.domain.post import CommentPolicy, Post, PostStatus
from fedblog.publishing import announce, taking_back
from fedblog.publishing import fields as post_fields
from fedblog.publishing.fields import PostFields, Rendered
from fedblog.publishing.once import Once, Replay
from fedblog.publishing.site import Site
from fedblog.storage import blogs as blog_rows
from fedblog.storage import idempotency, permalinks, revisions
from fedblog.storage import posts as post_rows
from fedblog.storage.changes import Change
from fedblog.storage.changes import record as record_changes
from fedblog.storage.posts import Terms
from fedblog.text.letters import composed
from fedblog.text.slugs import as_asked, slugify

logger = logging.getLogger(__name__)


async def create(
    site: Site, author: Author, fields: PostFields, once: Once[Post] | None = None
) -> Post | Replay:
    """A new post by *fields*; published, scheduled or kept as a draft by its ``status``.

    Raises InvalidFieldError, naming the field; ConflictError for a used *once* key.
    """
    given = post_fields.check(fields)
    if "title" not in given:
        raise InvalidFieldError("title", "is needed")
    rendered = await to_thread(
        post_fields.render, given.get("content", ""), given.get("content_format", "markdown")
    )
    await _load_time_zone(site)
    now = datetime.now(UTC)
    post_id = new_id()

    def unit(connection: Connection) -> Post | Replay:
        if once is not None and (replay := once.replay(connection)) is not None:
            return replay
        blog = blog_rows.get(connection, site.blog_id)
        start = _blank(blog, post_id, given, now)
        changed, terms = _with_fields(connection, start, given, rendered, author)
        wanted = PostStatus(given.get("status", PostStatus.DRAFT))
        draft = replace(_scheduling(changed, given, wanted, now), version=1)
        if wanted is PostStatus.PUBLISHED:
            post = _published(connection, blog, replace(draft, version=0), now)
        else:
            post = draft
            _check_scheduled_path(connection, blog, post)
        post_rows.insert_post(connection, post, terms or Terms())
        _keep_revision(connection, site, post, author.id, now)
        if post.is_public:
            announce.post_created(connection, site, blog, post, now)
        elif post.status is PostStatus.SCHEDULED:
            record_changes(connection, Change("schedule"))
        if once is not None:
            once.keep(connection, post, now)
        return post

    return await site.store.write(unit)


async def revise(site: Site, author: Author, post_id: str, fields: PostFields) -> Post:
    """Change what *fields* name; a published post's followers get an Update, a draft may go out.

    Nothing changes, and nobody hears anything, when every field stands so already. Raises
    NotFoundError, InvalidFieldError, PostStateError, and ConflictError when the text was changed
    by someone else at the same moment.
    """
    given = post_fields.check(fields)
    seen = await site.store.read(_living, site, post_id)
    rendered = None
    if "content" in given or "content_format" in given:
        rendered = await to_thread(
            post_fields.render,
            given.get("content", seen.content_source),
            given.get("content_format", seen.content_format),
        )
    await _load_time_zone(site)
    now = datetime.now(UTC)

    def unit(connection: Connection) -> Post:
        post = _living(connection, site, post_id)
        if rendered is not None and post.version != seen.version:
            raise ConflictError("the post was changed by someone else at the same time")
        blog = blog_rows.get(connection, site.blog_id)
        changed, terms = _with_fields(connection, post, given, rendered, author)
        wanted = PostStatus(given.get("status", post.status))
        if post.is_public:
            return _revise_published(
                connection, site, blog, post, changed, terms, given, wanted, author, now
            )
        changed = _scheduling(changed, given, wanted, now)
        if wanted is PostStatus.PUBLISHED:
            changed = _published(connection, blog, changed, now)
        elif changed == post:
            return post
        else:
            _check_scheduled_path(connection, blog, changed)
            changed = changed.edited(now)
        post_rows.update_post(connection, changed, terms)
        _keep_revision(connection, site, changed, author.id, now)
        if changed.is_public:
            announce.post_created(connection, site, blog, changed, now)
        if PostStatus.SCHEDULED in (post.status, changed.status):
            record_changes(connection, Change("schedule"))
        return changed

    return await site.store.write(unit)


async def publish(site: Site, author: Author, post_id: str) -> Post:
    """Publish a draft or scheduled post now. Raises as `revise` does."""
    return await revise(site, author, post_id, {"status": "published"})


async def publish_due(site: Site, now: datetime | None = None) -> int:
    """Publish every scheduled post whose time has come; how many went out.

    Each is a unit of its own. One that cannot go out becomes a draft again, and the log says why.
    """
    number = 0
    moment = now or datetime.now(UTC)
    while due := await site.store.read(post_rows.due, site.blog_id, moment):
        await _load_time_zone(site)
        for post_id in due:
            number += await site.store.write(_publish_due, site, post_id, moment)
    return number


async def delete(site: Site, post_id: str) -> None:
    """Delete a post. Of one that was published other servers hear, as of the replies that authors
    wrote under it; its object is gone (410).

    Raises NotFoundError for a post that does not exist or is deleted already.
    """
    now = datetime.now(UTC)

    def unit(connection: Connection) -> None:
        post = _living(connection, site, post_id)
        gone = post.deleted(now)
        post_rows.update_post(connection, gone, None)
        idempotency.answer_gone(connection, post.id)
        idempotency.answers_below_gone(connection, post.id)
        if post.is_public:
            announce.post_deleted(connection, site, gone, now)
            taking_back.begin(connection, site, gone, now)
        elif post.status is PostStatus.SCHEDULED:
            record_changes(connection, Change("schedule"))

    await site.store.write(unit)


def _living(connection: Connection, site: Site, post_id: str) -> Post:
    post = post_rows.get(connection, site.blog_id, post_id)
    if post is None or post.status is PostStatus.DELETED:
        raise NotFoundError("there is no such post")
    return post


def _keep_revision(
    connection: Connection, site: Site, post: Post, author_id: str | None, now: datetime
) -> None:
    kept = site.settings.revisions_kept
    revisions.insert_revision(connection, post, author_id, now, kept=kept)


async def _load_time_zone(site: Site) -> None:
    """Read the blog's time zone from disk once: units may not wait for it."""
    blog = await site.store.read(blog_rows.get, site.blog_id)
    await to_thread(ZoneInfo, blog.time_zone)


def _blank(blog: Blog, post_id: str, given: PostFields, now: datetime) -> Post:
    return Post(
        id=post_id,
        blog_id=blog.id,
        version=1,
        status=PostStatus.DRAFT,
        title=given["title"],
        slug=slugify(given["title"]),
        path=None,
        content_source="",
        content_format="markdown",
        content_html="",
        summary=None,
        excerpt="",
        language=blog.language,
        voice="group",
        comments=CommentPolicy.OPEN,
        featured_media=None,
        tags=(),
        categories=(),
        bylines=(),
        created_at=now,
        updated_at=now,
    )


def _with_fields(
    connection: Connection,
    post: Post,
    given: PostFields,
    rendered: Rendered | None,
    author: Author,
) -> tuple[Post, Terms | None]:
    """*post* with what *given* says of it, states and times apart; terms None when untouched."""
    title = given.get("title", post.title)
    slug, asked = post.slug, post.asked_slug
    if wanted := given.get("slug"):
        slug, asked = as_asked(wanted) or slug, composed(wanted)
    elif asked is None and post.path is None:
        slug = slugify(title)  # it follows the title until publication
    changed = replace(
        post,
        title=title,
        slug=slug,
        asked_slug=asked,
        summary=given.get("summary", post.summary),
        language=given.get("language") or post.language,
        voice=given.get("voice", post.voice),
        comments=CommentPolicy(given.get("comments", post.comments)),
    )
    if rendered is not None:
        changed = replace(
            changed,
            content_source=rendered.source,
            content_format=rendered.format,
            content_html=rendered.html,
            excerpt=rendered.excerpt,
        )
    if "authors" in given:
        lines = post_fields.bylines(connection, post.blog_id, given["authors"])
        changed = replace(changed, bylines=lines)
    elif not post.bylines:
        lines = post_fields.bylines(connection, post.blog_id, [author.id])
        changed = replace(changed, bylines=lines)
    if "featured_media" in given:
        item = post_fields.picture(connection, post.blog_id, given["featured_media"])
        changed = replace(changed, featured_media=item)
    if "tags" not in given and "categories" not in given:
        return changed, None
    terms = Terms(
        post_fields.terms("tags", given.get("tags", post.tags)),
        post_fields.terms("categories", given.get("categories", post.categories)),
    )
    tags = tuple(term.name for term in terms.tags)
    categories = tuple(term.name for term in terms.categories)
    return replace(changed, tags=tags, categories=categories), terms


def _scheduling(post: Post, given: PostFields, wanted: PostStatus, now: datetime) -> Post:
    """An unpublished *post* with its state and time. Raises InvalidFieldError."""
    if wanted is not PostStatus.SCHEDULED:
        if given.get("publish_at") is not None:
            raise InvalidFieldError("publish_at", "goes with the status scheduled")
        status = PostStatus.DRAFT if wanted is PostStatus.PUBLISHED else wanted
        return replace(post, status=status, publish_at=None)
    moment = given.get("publish_at", post.publish_at)
    if moment is None:
        raise InvalidFieldError("publish_at", "is needed for the status scheduled")
    if moment <= now and ("publish_at" in given or post.status is not PostStatus.SCHEDULED):
        raise InvalidFieldError("publish_at", "must lie in the future")
    _check_complete(post)
    return replace(post, status=PostStatus.SCHEDULED, publish_at=moment)


def _check_complete(post: Post) -> None:
    if not post.content_html.strip():
        raise InvalidFieldError("content", "may not be empty in a post that goes out")


def _published(
    connection: Connection, blog: Blog, post: Post, now: datetime, *, is_due: bool = False
) -> Post:
    """*post* as published at *now*, under a path of its own.

    A slug that was asked for is taken or refused; of one whose time has come, which nobody waits
    for, the post tells that it became another. Raises InvalidFieldError, TakenError.
    """
    _check_complete(post)
    moment = now.replace(microsecond=0)
    if post.asked_slug is not None and not is_due:
        return post.published(now, _asked_path(connection, blog, post, moment))
    slug = post.slug if post.asked_slug is not None else slugify(post.title)
    slug, path = _free_path(connection, blog, post.id, slug, moment)
    return replace(post, slug=slug).published(now, path)


def _asked_path(connection: Connection, blog: Blog, post: Post, published_at: datetime) -> str:
    """The path of the slug that the author of *post* asked for. Raises TakenError."""
    path = post_path(published_at, post.slug, blog.time_zone)
    if permalinks.is_taken(connection, blog.id, path, except_post=post.id):
        raise TakenError("slug", f"another post stands, or stood, at {path}; take another one")
    return path


def _check_scheduled_path(connection: Connection, blog: Blog, post: Post) -> None:
    """Raise TakenError where the slug that was asked for is another's when *post* will go out."""
    if post.status is not PostStatus.SCHEDULED or post.asked_slug is None:
        return
    assert post.publish_at is not None
    path = _asked_path(connection, blog, post, post.publish_at)
    others = post_rows.scheduled_as(connection, blog.id, post.slug, except_post=post.id)
    if any(post_path(moment, post.slug, blog.time_zone) == path for moment in others):
        raise TakenError("slug", f"another post will stand at {path}; take another one")


def _free_path(
    connection: Connection, blog: Blog, post_id: str, slug: str, published_at: datetime
) -> tuple[str, str]:
    """*slug* (with -2, -3… where its path belongs to another post) and the path.

    A free number is found by halving, not one by one: of a hundred thousand posts with one title
    the next would look through all.
    """

    def numbered(number: int) -> tuple[str, str]:
        candidate = slug if number == 1 else f"{slug}-{number}"
        return candidate, post_path(published_at, candidate, blog.time_zone)

    def is_taken(number: int) -> bool:
        path = numbered(number)[1]
        return permalinks.is_taken(connection, blog.id, path, except_post=post_id)

    if not is_taken(1):
        return numbered(1)
    taken, free = 1, 2
    while is_taken(free):
        taken, free = free, free * 2
    while free - taken > 1:
        middle = (taken + free) // 2
        taken, free = (middle, free) if is_taken(middle) else (taken, middle)
    return numbered(free)


def _revise_published(
    connection: Connection,
    site: Site,
    blog: Blog,
    post: Post,
    changed: Post,
    terms: Terms | None,
    given: PostFields,
    wanted: PostStatus,
    author: Author,
    now: datetime,
) -> Post:
    if wanted is not PostStatus.PUBLISHED:
        raise PostStateError("a published post stays published; delete it to take it back")
    if given.get("publish_at") is not None:
        raise InvalidFieldError("publish_at", "goes with the status scheduled")
    _check_complete(changed)
    if changed.slug != post.slug and post.path is not None:
        path = _asked_path(connection, blog, changed, post.published_at or post.created_at)
        changed = replace(changed, path=path)
        if path != post.path:
            permalinks.add_former(connection, blog.id, post.path, post.id)
            permalinks.drop(connection, blog.id, path)
    if changed == post:
        return post
    if replace(changed, asked_slug=post.asked_slug) == post:  # nothing that anybody could see
        post_rows.update_post(connection, changed, None)
        return changed
    changed = changed.edited(now)
    post_rows.update_post(connection, changed, terms)
    _keep_revision(connection, site, changed, author.id, now)
    announce.post_edited(connection, site, blog, changed, now)
    return changed


def _publish_due(connection: Connection, site: Site, post_id: str, now: datetime) -> int:
    post = post_rows.get(connection, site.blog_id, post_id)
    if post is None or post.status is not PostStatus.SCHEDULED:
        return 0  # withdrawn, or another process was faster
    blog = blog_rows.get(connection, site.blog_id)
    record_changes(connection, Change("schedule"))
    try:
        published = _published(connection, blog, post, now, is_due=True)
    except DomainError as error:
        logger.error("the scheduled post %s is a draft again: %s", post_id, error)
        draft = replace(post, status=PostStatus.DRAFT, publish_at=None).edited(now)
        post_rows.update_post(connection, draft, None)
        return 0
    post_rows.update_post(connection, published, None)
    _keep_revision(connection, site, published, None, now)
    announce.post_created(connection, site, blog, published, now)
    return 1
