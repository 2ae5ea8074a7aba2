"""Rows of posts with their bylines, tags, categories and featured pictures."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from fedblog.domain.post import Byline, CommentPolicy, Post, PostStatus
from fedblog.storage import counts as kept_counts
from fedblog.storage import media as media_rows
from fedblog.storage.changes import Change, record
from fedblog.storage.tables import authors, post_authors, post_terms, posts
from fedblog.storage.visibility import is_living_post


@dataclass(frozen=True, slots=True)
class Term:
    """A tag or category: *slug* in addresses, *name* as written."""

    slug: str
    name: str


@dataclass(frozen=True, slots=True)
class Terms:
    """A post's tags and categories in their order."""

    tags: tuple[Term, ...] = ()
    categories: tuple[Term, ...] = ()


@dataclass(frozen=True, slots=True)
class PostCounts:
    """What came of a post. *likes* counts people (a like and an emoji of one person are one);
    *followers_reached* the followers whose inbox took the post's Create."""

    comments: int = 0
    likes: int = 0
    shares: int = 0
    followers_reached: int = 0


def get(connection: Connection, blog_id: int, post_id: str) -> Post | None:
    """The post *post_id* in whatever state (deleted ones too), or None."""
    rows = connection.execute(
        select(posts).where(posts.c.blog_id == blog_id, posts.c.id == post_id)
    ).all()
    loaded = _load(connection, rows)
    return loaded[0] if loaded else None


def named(connection: Connection, blog_id: int, name: str, path: str) -> Post | None:
    """The post with the id *name* or at *path*, else the newest living one with the slug *name*."""
    by_slug = (posts.c.slug == name) & is_living_post()
    for wanted in (posts.c.id == name, posts.c.path == path, by_slug):
        query = select(posts).where(posts.c.blog_id == blog_id, wanted)
        row = connection.execute(query.order_by(posts.c.id.desc()).limit(1)).first()
        if row is not None:
            return _load(connection, [row])[0]
    return None


def list_page(
    connection: Connection,
    blog_id: int,
    *,
    status: PostStatus | None,
    before: str | None,
    limit: int,
) -> list[Post]:
    """Posts that are not deleted, newest id first, beginning below the id *before*."""
    query = select(posts).where(posts.c.blog_id == blog_id)
    if status is None:
        query = query.where(is_living_post())
    else:
        query = query.where(posts.c.status == status.value)
    if before is not None:
        query = query.where(posts.c.id < before)
    rows = connection.execute(query.order_by(posts.c.id.desc()).limit(limit)).all()
    return _load(connection, rows)


def scheduled_as(
    connection: Connection, blog_id: int, slug: str, *, except_post: str
) -> list[datetime]:
    """When other scheduled posts go out whose authors asked for *slug*; the first hundred."""
    return list(
        connection.execute(
            select(posts.c.publish_at)
            .where(
                posts.c.blog_id == blog_id,
                posts.c.status == PostStatus.SCHEDULED.value,
                posts.c.slug == slug,
                posts.c.asked_slug.is_not(None),
                posts.c.id != except_post,
            )
            .order_by(posts.c.publish_at)
            .limit(100)
        ).scalars()
    )


def due(connection: Connection, blog_id: int, now: datetime, limit: int = 20) -> list[str]:
    """The ids of scheduled posts whose time has come, earliest first."""
    return list(
        connection.execute(
            select(posts.c.id)
            .where(
                posts.c.blog_id == blog_id,
                posts.c.status == PostStatus.SCHEDULED.value,
                posts.c.publish_at <= now,
            )
            .order_by(posts.c.publish_at, posts.c.id)
            .limit(limit)
        ).scalars()
    )


def next_due(connection: Connection, blog_id: int) -> datetime | None:
    """When the next scheduled post goes out, or None."""
    return connection.execute(
        select(func.min(posts.c.publish_at)).where(
            posts.c.blog_id == blog_id, posts.c.status == PostStatus.SCHEDULED.value
        )
    ).scalar()


def insert_post(connection: Connection, post: Post, terms: Terms) -> None:
    """Store a new post."""
    connection.execute(
        insert(posts).values(
            id=post.id, blog_id=post.blog_id, created_at=post.created_at, **_values(post)
        )
    )
    _insert_bylines(connection, post)
    _insert_terms(connection, post.id, terms)
    _note_pictures(connection, post)
    record(connection, Change("post", post.id))


def update_post(connection: Connection, post: Post, terms: Terms | None) -> None:
    """Store *post* over its row; *terms* None leaves tags and categories as they are."""
    connection.execute(update(posts).where(posts.c.id == post.id).values(**_values(post)))
    connection.execute(delete(post_authors).where(post_authors.c.post_id == post.id))
    _insert_bylines(connection, post)
    if terms is not None:
        connection.execute(delete(post_terms).where(post_terms.c.post_id == post.id))
        _insert_terms(connection, post.id, terms)
    _note_pictures(connection, post)
    record(connection, Change("post", post.id))


def counts(connection: Connection, post_ids: Sequence[str]) -> dict[str, PostCounts]:
    """The counts of each of *post_ids*, in one statement."""
    kept = kept_counts.of(connection, post_ids)
    found = {}
    for post_id in post_ids:
        numbers = kept.get(post_id, kept_counts.NONE)
        found[post_id] = PostCounts(
            numbers.get("comments", 0),
            numbers.get("likes", 0),
            numbers.get("shares", 0),
            numbers.get("reached", 0),
        )
    return found


def _values(post: Post) -> dict[str, Any]:
    return {
        "version": post.version,
        "status": post.status.value,
        "title": post.title,
        "slug": post.slug,
        "asked_slug": post.asked_slug,
        "path": post.path,
        "content_source": post.content_source,
        "content_format": post.content_format,
        "content_html": post.content_html,
        "summary": post.summary,
        "excerpt": post.excerpt,
        "language": post.language,
        "voice": post.voice,
        "comments": post.comments.value,
        "featured_media": post.featured_media.id if post.featured_media else None,
        "updated_at": post.updated_at,
        "publish_at": post.publish_at,
        "published_at": post.published_at,
        "edited_at": post.edited_at,
        "deleted_at": post.deleted_at,
    }


def _note_pictures(connection: Connection, post: Post) -> None:
    featured = post.featured_media.id if post.featured_media else None
    media_rows.note_uses(connection, post.blog_id, post.id, [post.content_html], featured)


def _insert_bylines(connection: Connection, post: Post) -> None:
    if not post.bylines:
        return
    connection.execute(
        insert(post_authors),
        [
            {
                "post_id": post.id,
                "position": position,
                "author_id": byline.author_id,
                "guest_name": None if byline.author_id else byline.name,
                "guest_url": None if byline.author_id else byline.url,
            }
            for position, byline in enumerate(post.bylines)
        ],
    )


def _insert_terms(connection: Connection, post_id: str, terms: Terms) -> None:
    rows = [
        {
            "post_id": post_id,
            "kind": kind,
            "slug": term.slug,
            "name": term.name,
            "position": position,
        }
        for kind, items in (("tag", terms.tags), ("category", terms.categories))
        for position, term in enumerate(items)
    ]
    if rows:
        connection.execute(insert(post_terms), rows)


def _load(connection: Connection, rows: Sequence[Row[Any]]) -> list[Post]:
    if not rows:
        return []
    ids = [row.id for row in rows]
    pictures = media_rows.find(
        connection, rows[0].blog_id, {row.featured_media for row in rows if row.featured_media}
    )
    bylines: dict[str, list[Byline]] = {}
    for row in connection.execute(
        select(
            post_authors.c.post_id,
            post_authors.c.guest_name,
            post_authors.c.guest_url,
            authors.c.id,
            authors.c.name,
            authors.c.handle,
            authors.c.url,
            authors.c.fediverse,
        )
        .join_from(post_authors, authors, authors.c.id == post_authors.c.author_id, isouter=True)
        .where(post_authors.c.post_id.in_(ids))
        .order_by(post_authors.c.post_id, post_authors.c.position)
    ):
        byline = (
            Byline(row.name, row.id, row.handle, row.url, row.fediverse)
            if row.id
            else Byline(row.guest_name or "", url=row.guest_url or "")
        )
        bylines.setdefault(row.post_id, []).append(byline)
    terms: dict[tuple[str, str], list[str]] = {}
    for post_id, kind, name in connection.execute(
        select(post_terms.c.post_id, post_terms.c.kind, post_terms.c.name)
        .where(post_terms.c.post_id.in_(ids))
        .order_by(post_terms.c.post_id, post_terms.c.kind, post_terms.c.position)
    ):
        terms.setdefault((post_id, kind), []).append(name)
    return [
        Post(
            id=row.id,
            blog_id=row.blog_id,
            version=row.version,
            status=PostStatus(row.status),
            title=row.title,
            slug=row.slug,
            path=row.path,
            content_source=row.content_source,
            content_format=row.content_format,
            content_html=row.content_html,
            summary=row.summary,
            excerpt=row.excerpt,
            language=row.language,
            voice=row.voice,
            comments=CommentPolicy(row.comments),
            featured_media=pictures.get(row.featured_media),
            tags=tuple(terms.get((row.id, "tag"), ())),
            categories=tuple(terms.get((row.id, "category"), ())),
            bylines=tuple(bylines.get(row.id, ())),
            created_at=row.created_at,
            updated_at=row.updated_at,
            publish_at=row.publish_at,
            published_at=row.published_at,
            edited_at=row.edited_at,
            deleted_at=row.deleted_at,
            asked_slug=row.asked_slug,
        )
        for row in rows
    ]
