"""What list pages and feeds show: exactly that, in few bounded queries, apart from the write path.

Only what anyone may read leaves these functions: published posts, approved public comments.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, bindparam, func, select

from fedblog.domain.blog import Author, Blog
from fedblog.domain.media import Media
from fedblog.storage import blogs as blog_rows
from fedblog.storage import media as media_rows
from fedblog.storage import views_people
from fedblog.storage.lists import ListStatement
from fedblog.storage.tables import (
    comments,
    media,
    post_authors,
    post_terms,
    posts,
    reactions,
)
from fedblog.storage.views_people import PUBLIC_POST, Member, Person
from fedblog.storage.visibility import (
    counts_as_boost,
    counts_as_comment,
    counts_as_reaction,
    is_about_post,
)


@dataclass(frozen=True, slots=True)
class Term:
    """A tag or category of a post."""

    slug: str
    name: str


@dataclass(frozen=True, slots=True)
class Card:
    """A post in a list or a feed."""

    id: str
    path: str
    title: str
    summary: str | None
    excerpt: str
    language: str
    published_at: datetime
    edited_at: datetime | None
    content_html: str
    picture: Media | None
    bylines: tuple[Person, ...]
    tags: tuple[Term, ...] = ()
    categories: tuple[Term, ...] = ()
    comments: int = 0
    likes: int = 0
    shares: int = 0


@dataclass(frozen=True, slots=True)
class Listing:
    """One page of posts, newest first. *pages* is 1 where there is nothing at all."""

    posts: tuple[Card, ...]
    page: int
    pages: int
    total: int


@dataclass(frozen=True, slots=True)
class HomePage:
    """The front page."""

    blog: Blog
    listing: Listing


@dataclass(frozen=True, slots=True)
class AuthorPage:
    """An author's page."""

    blog: Blog
    author: Author
    person: Person
    listing: Listing


@dataclass(frozen=True, slots=True)
class GroupPage:
    """The page of the group: its members and all its posts."""

    blog: Blog
    members: tuple[Member, ...]
    listing: Listing


@dataclass(frozen=True, slots=True)
class TermPage:
    """The posts with a tag or in a category, under the name it was last written with."""

    blog: Blog
    kind: str
    term: Term
    listing: Listing


@dataclass(frozen=True, slots=True)
class FeedPage:
    """What a feed carries: the newest posts with their whole text."""

    blog: Blog
    posts: tuple[Card, ...]


_CARD_COLUMNS = (
    posts.c.id,
    posts.c.path,
    posts.c.title,
    posts.c.summary,
    posts.c.excerpt,
    posts.c.language,
    posts.c.published_at,
    posts.c.edited_at,
)
_NEWEST_FIRST = (posts.c.published_at.desc(), posts.c.id.desc())
_PICTURE = tuple(column.label(f"picture_{column.name}") for column in media_rows.COLUMNS)
_WITH_PICTURE = posts.outerjoin(media, media.c.id == posts.c.featured_media)
_CARDS = select(*_CARD_COLUMNS, *_PICTURE).select_from(_WITH_PICTURE)
_HAS_AUTHOR = posts.c.id.in_(
    select(post_authors.c.post_id).where(post_authors.c.author_id == bindparam("author_id"))
)
_HAS_TERM = posts.c.id.in_(
    select(post_terms.c.post_id).where(
        post_terms.c.kind == bindparam("kind"), post_terms.c.slug == bindparam("slug")
    )
)


def _page_and_count(*conditions: ColumnElement[bool]) -> tuple[Any, Any]:
    cards = (
        _CARDS.where(PUBLIC_POST, *conditions)
        .order_by(*_NEWEST_FIRST)
        .limit(bindparam("limit"))
        .offset(bindparam("offset"))
    )
    return cards, select(func.count()).select_from(posts).where(PUBLIC_POST, *conditions)


_ALL = _page_and_count()
_BY_AUTHOR = _page_and_count(_HAS_AUTHOR)
_BY_TERM = _page_and_count(_HAS_TERM)
_FEED = (
    select(*_CARD_COLUMNS, posts.c.content_html, *_PICTURE)
    .select_from(_WITH_PICTURE)
    .where(PUBLIC_POST)
    .order_by(*_NEWEST_FIRST)
    .limit(bindparam("limit"))
)
_TERMS = ListStatement(
    lambda listed: (
        select(post_terms.c.post_id, post_terms.c.kind, post_terms.c.slug, post_terms.c.name)
        .where(listed(post_terms.c.post_id))
        .order_by(post_terms.c.post_id, post_terms.c.kind, post_terms.c.position)
    )
)
_COMMENT_COUNTS = ListStatement(
    lambda listed: (
        select(comments.c.post_id, func.count())
        .where(listed(comments.c.post_id), counts_as_comment())
        .group_by(comments.c.post_id)
    )
)
_REACTION_COUNTS = ListStatement(
    lambda listed: (
        select(
            reactions.c.post_id,
            counts_as_boost().label("is_share"),
            func.count(func.distinct(reactions.c.actor_uri)),
        )
        .where(
            listed(reactions.c.post_id),
            is_about_post(),
            counts_as_reaction(),
        )
        .group_by(reactions.c.post_id, counts_as_boost())
    )
)
_TERM_NAME = (
    select(post_terms.c.name)
    .join_from(post_terms, posts, posts.c.id == post_terms.c.post_id)
    .where(
        PUBLIC_POST, post_terms.c.kind == bindparam("kind"), post_terms.c.slug == bindparam("slug")
    )
    .order_by(*_NEWEST_FIRST)
    .limit(1)
)


def home(connection: Connection, blog_id: int, page: int, size: int) -> HomePage | None:
    """The front page's *page* (from 1), or None past the last one."""
    listing = _listing(connection, _ALL, page, size, blog_id=blog_id)
    if listing is None:
        return None
    return HomePage(blog_rows.get(connection, blog_id), listing)


def author(
    connection: Connection, blog_id: int, handle: str, page: int, size: int
) -> AuthorPage | None:
    """The page of the author with *handle*, or None."""
    member = views_people.author(connection, blog_id, handle)
    if member is None:
        return None
    author_id = member.author.id
    listing = _listing(connection, _BY_AUTHOR, page, size, blog_id=blog_id, author_id=author_id)
    if listing is None:
        return None
    return AuthorPage(blog_rows.get(connection, blog_id), member.author, member.person, listing)


def group(connection: Connection, blog_id: int, page: int, size: int) -> GroupPage | None:
    """The page of the group, or None past its last page."""
    listing = _listing(connection, _ALL, page, size, blog_id=blog_id)
    if listing is None:
        return None
    return GroupPage(
        blog_rows.get(connection, blog_id), views_people.members(connection, blog_id), listing
    )


def term(
    connection: Connection, blog_id: int, kind: str, slug: str, page: int, size: int
) -> TermPage | None:
    """The posts with the tag (or in the category) *slug*; None where no public post has it."""
    wanted = {"blog_id": blog_id, "kind": kind, "slug": slug}
    name = connection.execute(_TERM_NAME, wanted).scalar()
    if name is None:
        return None
    listing = _listing(connection, _BY_TERM, page, size, **wanted)
    if listing is None:
        return None
    return TermPage(blog_rows.get(connection, blog_id), kind, Term(slug, name), listing)


def feed(connection: Connection, blog_id: int, limit: int) -> FeedPage:
    """The newest posts with their whole text."""
    rows = connection.execute(_FEED, {"blog_id": blog_id, "limit": limit}).all()
    return FeedPage(blog_rows.get(connection, blog_id), cards(connection, rows, with_counts=False))


def newest(connection: Connection, blog_id: int, limit: int) -> tuple[Card, ...]:
    """The newest posts, for pages that have nothing of their own to show."""
    rows = connection.execute(_ALL[0], {"blog_id": blog_id, "limit": limit, "offset": 0}).all()
    return cards(connection, rows, with_counts=False)


def blog(connection: Connection, blog_id: int) -> Blog:
    """The blog itself."""
    return blog_rows.get(connection, blog_id)


def counts(connection: Connection, post_ids: Collection[str]) -> dict[str, tuple[int, int, int]]:
    """Comments, likes (people) and shares of each of *post_ids*."""
    rows: Sequence[Any] = _COMMENT_COUNTS.run(connection, post_ids)
    thoughts: dict[str, int] = {row[0]: row[1] for row in rows}
    reacted: Sequence[Any] = _REACTION_COUNTS.run(connection, post_ids)
    others = {(row[0], bool(row[1])): row[2] for row in reacted}
    return {
        post_id: (
            thoughts.get(post_id, 0),
            others.get((post_id, False), 0),
            others.get((post_id, True), 0),
        )
        for post_id in post_ids
    }


def terms(connection: Connection, post_ids: Collection[str]) -> dict[tuple[str, str], list[Term]]:
    """Tags and categories by post and kind, in their order."""
    found: dict[tuple[str, str], list[Term]] = {}
    for row in _TERMS.run(connection, post_ids):
        found.setdefault((row.post_id, row.kind), []).append(Term(row.slug, row.name))
    return found


def picture(row: Any) -> Media | None:
    """The featured picture in a row that was selected with its columns."""
    if row.picture_id is None:
        return None
    return Media(*(getattr(row, column.name) for column in _PICTURE))


def cards(connection: Connection, rows: Sequence[Any], *, with_counts: bool) -> tuple[Card, ...]:
    """Rows of posts with everything that a list shows of them."""
    ids = [row.id for row in rows]
    people = views_people.bylines(connection, ids)
    words = terms(connection, ids)
    numbers = counts(connection, ids) if with_counts else {}
    return tuple(
        Card(
            id=row.id,
            path=row.path,
            title=row.title,
            summary=row.summary,
            excerpt=row.excerpt,
            language=row.language,
            published_at=row.published_at,
            edited_at=row.edited_at,
            content_html=getattr(row, "content_html", ""),
            picture=picture(row),
            bylines=tuple(people.get(row.id, ())),
            tags=tuple(words.get((row.id, "tag"), ())),
            categories=tuple(words.get((row.id, "category"), ())),
            comments=numbers[row.id][0] if numbers else 0,
            likes=numbers[row.id][1] if numbers else 0,
            shares=numbers[row.id][2] if numbers else 0,
        )
        for row in rows
    )


def _listing(
    connection: Connection, statements: tuple[Any, Any], page: int, size: int, **wanted: Any
) -> Listing | None:
    page_of, count_of = statements
    total = connection.execute(count_of, wanted).scalar_one()
    pages = max(1, -(-total // size))
    if not 1 <= page <= pages:
        return None
    rows = connection.execute(page_of, {**wanted, "limit": size, "offset": (page - 1) * size}).all()
    return Listing(cards(connection, rows, with_counts=True), page, pages, total)
