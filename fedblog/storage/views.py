"""What list pages and feeds show: exactly that, in few bounded queries, apart from the write path.

Only what anyone may read leaves these functions: published posts, approved public comments.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, select

from fedblog.domain.blog import Author, Blog
from fedblog.domain.media import Media
from fedblog.storage import blogs as blog_rows
from fedblog.storage import counts as kept_counts
from fedblog.storage import media as media_rows
from fedblog.storage import pages_of_posts, views_people
from fedblog.storage.lists import ListStatement
from fedblog.storage.pages_of_posts import ALL, BY_AUTHOR, BY_TERM, Place
from fedblog.storage.tables import former_terms, media, post_terms, posts
from fedblog.storage.views_people import PUBLIC_POST, Member, Person
from fedblog.storage.visibility import is_public_post


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
    """One page of posts, newest first, and how many there are on all pages. *before* is the post
    after which it begins, *newer* and *older* are those of the pages beside it (Place)."""

    posts: tuple[Card, ...]
    total: int
    before: str | None = None
    newer: str | None = None
    older: str | None = None


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
    """What a feed carries: the newest posts with their whole text, and the uploaded pictures in it
    by file name."""

    blog: Blog
    posts: tuple[Card, ...]
    pictures: dict[str, Media]


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
_NEWEST = _CARDS.where(PUBLIC_POST).order_by(*_NEWEST_FIRST).limit(bindparam("limit"))
# Its blog is compared, not looked up: the index by blog, status and time would serve it too, and
# SQLite went through all posts of the blog for the ten that are listed.
_BY_ID = ListStatement(
    lambda listed: _CARDS.where(
        listed(posts.c.id), is_public_post(), posts.c.blog_id + 0 == bindparam("blog_id")
    )
)
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
_TERM_NAME = (
    select(post_terms.c.name)
    .where(
        post_terms.c.kind == bindparam("kind"),
        post_terms.c.slug == bindparam("slug"),
        post_terms.c.listed_at.is_not(None),
    )
    .order_by(post_terms.c.listed_at.desc(), post_terms.c.post_id.desc())
    .limit(1)
)


def home(connection: Connection, blog_id: int, before: str | None, size: int) -> HomePage | None:
    """The page of *size* posts after the post *before* (None: the front page), or None."""
    listing = _all(connection, blog_id, before, size)
    if listing is None:
        return None
    return HomePage(blog_rows.get(connection, blog_id), listing)


def author(
    connection: Connection, blog_id: int, handle: str, before: str | None, size: int
) -> AuthorPage | None:
    """The page of the author with *handle*, or None."""
    member = views_people.author(connection, blog_id, handle)
    if member is None:
        return None
    author_id = member.author.id
    place = pages_of_posts.page(
        connection, BY_AUTHOR, before, size, blog_id=blog_id, author_id=author_id
    )
    listing = _listing(connection, blog_id, place, before, author_id)
    if listing is None:
        return None
    return AuthorPage(blog_rows.get(connection, blog_id), member.author, member.person, listing)


def group(connection: Connection, blog_id: int, before: str | None, size: int) -> GroupPage | None:
    """The page of the group, or None past its last page."""
    listing = _all(connection, blog_id, before, size)
    if listing is None:
        return None
    return GroupPage(
        blog_rows.get(connection, blog_id), views_people.members(connection, blog_id), listing
    )


def term(
    connection: Connection, blog_id: int, kind: str, slug: str, before: str | None, size: int
) -> TermPage | None:
    """The posts with the tag (or in the category) *slug*; None where no public post has it."""
    wanted = {"kind": kind, "slug": slug}
    name = connection.execute(_TERM_NAME, wanted).scalar()
    if name is None:
        return None
    place = pages_of_posts.page(connection, BY_TERM, before, size, blog_id=blog_id, **wanted)
    key = kept_counts.term_key(blog_id, kind, slug)
    listing = _listing(connection, blog_id, place, before, key)
    if listing is None:
        return None
    return TermPage(blog_rows.get(connection, blog_id), kind, Term(slug, name), listing)


def present_term(connection: Connection, blog_id: int, kind: str, *slugs: str) -> str | None:
    """The slug of the tag (or category) that public posts have, of those asked for as *slugs* or
    formerly called so; None where there is none."""
    former = select(former_terms.c.present).where(
        former_terms.c.blog_id == blog_id,
        former_terms.c.kind == kind,
        former_terms.c.slug.in_(slugs),
    )
    candidates: list[str] = [*slugs, *connection.execute(former).scalars()]
    for slug in candidates:
        if connection.execute(_TERM_NAME, {"kind": kind, "slug": slug}).first() is not None:
            return slug
    return None


def before_page(
    connection: Connection, /, blog_id: int, number: int, size: int, **wanted: str
) -> str | None:
    """The post after which page *number* (from 2) of a list begins now: of all posts, or of those
    by the author with a *handle*, or with a *kind* and *slug* of term. None where it has none."""
    if "slug" in wanted:
        order = BY_TERM
    elif "handle" in wanted:
        order = BY_AUTHOR
        member = views_people.author(connection, blog_id, wanted["handle"])
        if member is None:
            return None
        wanted = {"author_id": member.author.id}
    else:
        order = ALL
    return pages_of_posts.before_page(connection, order, number, size, blog_id=blog_id, **wanted)


def feed(connection: Connection, blog_id: int, limit: int) -> FeedPage:
    """The newest posts with their whole text."""
    rows = connection.execute(_FEED, {"blog_id": blog_id, "limit": limit}).all()
    return FeedPage(
        blog_rows.get(connection, blog_id),
        cards(connection, rows, with_counts=False),
        media_rows.in_texts(connection, blog_id, [row.content_html for row in rows]),
    )


def newest(connection: Connection, blog_id: int, limit: int) -> tuple[Card, ...]:
    """The newest posts, for pages that have nothing of their own to show."""
    rows = connection.execute(_NEWEST, {"blog_id": blog_id, "limit": limit}).all()
    return cards(connection, rows, with_counts=False)


def blog(connection: Connection, blog_id: int) -> Blog:
    """The blog itself."""
    return blog_rows.get(connection, blog_id)


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
    numbers = kept_counts.of(connection, ids) if with_counts else {}
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
            **_shown_counts(numbers.get(row.id, kept_counts.NONE)),
        )
        for row in rows
    )


def _shown_counts(numbers: dict[str, int]) -> dict[str, int]:
    return {name: numbers.get(name, 0) for name in ("comments", "likes", "shares")}


def _all(connection: Connection, blog_id: int, before: str | None, size: int) -> Listing | None:
    place = pages_of_posts.page(connection, ALL, before, size, blog_id=blog_id)
    return _listing(connection, blog_id, place, before, kept_counts.blog_key(blog_id))


def _listing(
    connection: Connection, blog_id: int, place: Place | None, before: str | None, counted: str
) -> Listing | None:
    if place is None:
        return None
    found = {row.id: row for row in _BY_ID.run(connection, place.ids, blog_id=blog_id)}
    rows: Sequence[Any] = [found[id_] for id_ in place.ids if id_ in found]
    total = kept_counts.one(connection, "posts", counted)
    shown = cards(connection, rows, with_counts=True)
    return Listing(shown, total, before, place.newer, place.older)
