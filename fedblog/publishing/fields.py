"""The fields of a post as an author's tool gives them, checked and brought into their own form."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypedDict

from sqlalchemy import Connection

from fedblog.domain.errors import InvalidFieldError
from fedblog.domain.media import Media
from fedblog.domain.post import Byline
from fedblog.publishing.identity import check_language
from fedblog.publishing.particulars import web_address
from fedblog.storage import authors as author_rows
from fedblog.storage import media as media_rows
from fedblog.storage.posts import Term
from fedblog.text import excerpt, hashtags, letters, markdown, names, sanitise, slugs
from fedblog.text.hashtags import tag_slug

TITLE_LENGTH = 300
SUMMARY_LENGTH = 1000
TERM_LENGTH = 100
MAX_TERMS = 50
MAX_AUTHORS = 20


@dataclass(frozen=True, slots=True)
class Guest:
    """Someone without an account here whose name stands over a post."""

    name: str
    url: str = ""


class PostFields(TypedDict, total=False):
    """What may be said of a post; what is left out stays as it is (or at its default)."""

    title: str
    content: str
    content_format: str
    summary: str | None
    language: str | None
    status: str
    publish_at: datetime | None
    slug: str | None
    tags: Sequence[str]
    categories: Sequence[str]
    authors: Sequence[str | Guest]
    featured_media: str | None
    voice: str
    comments: str


@dataclass(frozen=True, slots=True)
class Rendered:
    """A text as written, as HTML for readers, and its first words."""

    source: str
    format: str
    html: str
    excerpt: str


def render(source: str, content_format: str) -> Rendered:
    """*source* as sanitised HTML. Takes its time with long texts: call it on a thread."""
    html = sanitise.author_html(markdown.render(source) if content_format == "markdown" else source)
    return Rendered(source, content_format, html, excerpt.excerpt(html))


def check(fields: PostFields) -> PostFields:
    """The given fields in their own form. Raises InvalidFieldError, naming the field."""
    checked = fields.copy()
    if "title" in fields:
        checked["title"] = one_line("title", fields["title"], TITLE_LENGTH)
    if "summary" in fields:
        checked["summary"] = plain("summary", fields["summary"] or "", SUMMARY_LENGTH) or None
    if language := fields.get("language"):
        checked["language"] = check_language(language)
    if (slug := fields.get("slug")) is not None:
        if slugs.as_asked(slug) is None:
            raise InvalidFieldError(
                "slug",
                "takes letters and digits of any script, - and _; at most "
                f"{slugs.MAX_BYTES} bytes in UTF-8 (letters beyond a to z have two to four)",
            )
        checked["slug"] = letters.composed(slug)
    if fields.get("voice", "group") != "group":
        raise InvalidFieldError("voice", "member voice is not available yet; leave it at group")
    if (moment := fields.get("publish_at")) is not None:
        checked["publish_at"] = aware("publish_at", moment)
    return checked


def aware(field: str, moment: datetime) -> datetime:
    """*moment* in UTC. Raises InvalidFieldError for a naive time or one outside the calendar."""
    if moment.tzinfo is None:
        raise InvalidFieldError(field, "needs a time zone, such as 2026-01-31T09:00:00Z")
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise InvalidFieldError(field, "lies outside the calendar") from None


def one_line(field: str, text: str, limit: int) -> str:
    """*text* as one line without control characters, of which something is seen, at most *limit*
    long."""
    line = sanitise.remote_text(text, limit=limit + 1)
    if names.is_blank(line):
        raise InvalidFieldError(field, "may not be empty")
    if len(line) > limit:
        raise InvalidFieldError(field, f"takes at most {limit} characters")
    return line


def plain(field: str, text: str, limit: int) -> str:
    """*text* as the plain text it is, at most *limit* long, perhaps empty."""
    cleaned = sanitise.own_lines(text)
    if len(cleaned) > limit:
        raise InvalidFieldError(field, f"takes at most {limit} characters")
    return cleaned


def terms(field: str, names: Sequence[str]) -> tuple[Term, ...]:
    """Tags or categories, once each by their slug (`same_terms` are those left out). Raises
    InvalidFieldError."""
    if len(names) > MAX_TERMS:
        raise InvalidFieldError(field, f"takes at most {MAX_TERMS}")
    found: dict[str, Term] = {}
    for name in names:
        line = _term_name(field, name)
        slug = tag_slug(line)
        if not slug:
            raise InvalidFieldError(field, f"{line!r} has no letter or digit in it")
        if len(slug) >= hashtags.MAX_CHARACTERS and not line.isascii():
            raise InvalidFieldError(field, f"{line!r} is too long once its ligatures are parted")
        found.setdefault(slug, Term(slug, line))
    return tuple(found.values())


def same_terms(field: str, names: Sequence[str]) -> list[tuple[str, str]]:
    """Of *names*, which `terms` took, those left out because another is the same tag or category,
    each with that other."""
    kept = {term.slug: term.name for term in terms(field, names)}
    lines = dict.fromkeys(_term_name(field, name) for name in names)
    return [(line, other) for line in lines if (other := kept[tag_slug(line)]) != line]


def _term_name(field: str, name: str) -> str:
    return letters.composed(one_line(field, name.strip().lstrip("#"), TERM_LENGTH))


def bylines(
    connection: Connection, blog_id: int, named: Sequence[str | Guest]
) -> tuple[Byline, ...]:
    """The names over a post, from handles and ids of authors and from guests.

    Raises InvalidFieldError for someone unknown, and for nobody at all.
    """
    if not named:
        raise InvalidFieldError("authors", "a post needs at least one author")
    if len(named) > MAX_AUTHORS:
        raise InvalidFieldError("authors", f"takes at most {MAX_AUTHORS}")
    lines: dict[str, Byline] = {}
    for who in named:
        if isinstance(who, Guest):
            try:
                url = web_address("authors", who.url)
            except InvalidFieldError as error:
                raise InvalidFieldError("authors", f"a guest's url {error.message}") from None
            line = Byline(one_line("authors", who.name, 200), url=url)
            lines.setdefault(f"{line.name} {line.url}", line)
            continue
        found = author_rows.named(connection, blog_id, who.strip())
        if len(found) != 1 or who.strip() in ("", "@"):
            raise InvalidFieldError("authors", f"there is no author {who[:80]!r}")
        author = found[0]
        line = Byline(author.name, author.id, author.handle, author.url, author.fediverse)
        lines.setdefault(author.id, line)
    return tuple(lines.values())


def picture(connection: Connection, blog_id: int, media_id: str | None) -> Media | None:
    """The uploaded picture *media_id*. Raises InvalidFieldError for an unknown one."""
    if media_id is None:
        return None
    found: dict[str, Any] = dict(media_rows.find(connection, blog_id, [media_id]))
    if media_id not in found:
        raise InvalidFieldError("featured_media", "there is no such picture")
    item: Media = found[media_id]
    return item
