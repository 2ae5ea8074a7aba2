"""An Article taken apart as peers read it, and what is left of it on one of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any

from fedblog.activitystreams import values
from fedblog.text.first_line import names_of
from fedblog.text.sanitise import plain_text

PARTS = ("title", "excerpt", "body", "image", "byline", "link", "language", "tags")
"""What a post may consist of. The excerpt is one that the author wrote."""


@dataclass(frozen=True, slots=True)
class Article:
    """The parts of an Article by the names of `PARTS`; empty where it has none.

    *text* is all of the content as plain text, *heading* its first line, *body* the rest.
    *author_type* is the type of the actor in ``attributedTo``, which peers fetch. *names_author* is
    whether that actor stands in ``to``, ``cc`` or ``audience``, *is_shut* whether in the last, and
    lets only moderators post.
    """

    id: str
    url: str
    name: str
    summary: str
    preview: str
    heading: str
    byline: str
    body: str
    links: frozenset[str]
    image: str
    image_text: str
    attachments: tuple[Mapping[str, Any], ...]
    language: str
    tags: tuple[str, ...]
    author_type: str
    names_author: bool
    is_shut: bool

    @property
    def text(self) -> str:
        """Heading and body."""
        return "\n\n".join(part for part in (self.heading, self.body) if part)

    @property
    def content_link(self) -> str:
        """The page's address where the content leads to it, or nothing."""
        return self.url if self.url in self.links else ""

    @property
    def attached_image(self) -> str:
        """The address of the first picture in ``attachment``, or nothing."""
        for entry in self.attachments:
            if entry.get("type") in ("Image", "Document") and _is_picture(entry):
                return str(entry.get("url", ""))
        return ""

    @property
    def attached_link(self) -> str:
        """The address of the first Link in ``attachment``, or nothing."""
        links = (entry for entry in self.attachments if entry.get("type") == "Link")
        return next((str(entry.get("href", "")) for entry in links), "")


@dataclass(frozen=True, slots=True)
class Seen:
    """What a rule says that a reader sees; *refused* says why the peer does not show it at all,
    *place* where it stands if that is not where one would look for it."""

    title: str = ""
    text: str = ""
    link: str = ""
    image: str = ""
    warning: str = ""
    language: str = ""
    tags: bool = False
    refused: str = ""
    place: str = ""


@dataclass(frozen=True, slots=True)
class Rendering:
    """A post on one peer.

    *title* is the heading, *text* what stands below it, *warning* a text that hides it until it
    is opened, *link* where a reader gets to the page. *kept* and *lost* name the parts of the post
    (`PARTS`) that can be seen there and those that cannot. Where *refused* is not empty the peer
    does not show the post, and the rest says what it would show. *place* says where it stands if
    that is not where one would look for it.
    """

    peer: str
    title: str
    text: str
    link: str
    image: str
    warning: str
    byline: str
    language: str
    kept: tuple[str, ...]
    lost: tuple[str, ...]
    refused: str = ""
    place: str = ""


def take_apart(item: Mapping[str, Any], author_type: str, *, restricted: bool = False) -> Article:
    """The Article *item* (as `fedblog.activitystreams.writing.article` makes it) in its parts;
    *restricted* is ``postingRestrictedToMods`` of its author."""
    content = str(item.get("content", ""))
    name = str(item.get("name", ""))
    first, end, rest = content.partition("</p>")
    heading = plain_text(first + end)
    language = next(iter(item.get("contentMap") or {}), "")
    image = item.get("image") or {}
    author = values.uri(item.get("attributedTo"))
    named = {field: author in values.uris(item.get(field)) for field in ("to", "cc", "audience")}
    return Article(
        id=str(item["id"]),
        url=str(item.get("url", "")),
        name=name,
        summary=str(item.get("summary", "")),
        preview=plain_text(str((item.get("preview") or {}).get("content", ""))),
        heading=heading,
        byline=names_of(heading, name, language),
        body=plain_text(rest),
        links=_links(content),
        image=str(image.get("url", "")),
        image_text=str(image.get("name", "")),
        attachments=tuple(item.get("attachment") or ()),
        language=language,
        tags=tuple(tag["name"] for tag in item.get("tag") or () if tag["type"] == "Hashtag"),
        author_type=author_type,
        names_author=any(named.values()),
        is_shut=restricted and named["audience"],
    )


def judge(peer: str, article: Article, seen: Seen) -> Rendering:
    """What of *article* is still there in *seen*."""
    visible = _spaced(" ".join((seen.title, seen.warning, seen.text)))
    there = {
        "title": (article.name, _spaced(article.name) in visible),
        "excerpt": (article.summary, _spaced(article.summary) in visible),
        "body": (article.body, _spaced(article.body) in visible),
        "image": (article.image, bool(seen.image)),
        "byline": (article.byline, _spaced(article.byline) in visible),
        "link": (article.url, bool(seen.link)),
        "language": (article.language, bool(seen.language)),
        "tags": (" ".join(article.tags), seen.tags),
    }
    parts = [(part, is_kept) for part in PARTS for has, is_kept in [there[part]] if has]
    return Rendering(
        peer=peer,
        title=seen.title,
        text=seen.text,
        link=seen.link,
        image=seen.image,
        warning=seen.warning,
        byline=article.byline if ("byline", True) in parts else "",
        language=seen.language,
        kept=tuple(part for part, is_kept in parts if is_kept),
        lost=tuple(part for part, is_kept in parts if not is_kept),
        refused=seen.refused,
        place=seen.place,
    )


def _is_picture(entry: Mapping[str, Any]) -> bool:
    return entry.get("type") == "Image" or str(entry.get("mediaType", "")).startswith("image/")


def _spaced(text: str) -> str:
    return " ".join(text.split())


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.found.update(value for name, value in attrs if name == "href" and value)


def _links(html: str) -> frozenset[str]:
    parser = _Links()
    parser.feed(html)
    parser.close()
    return frozenset(parser.found)
