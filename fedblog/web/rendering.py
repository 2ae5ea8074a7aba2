"""Templates: loaded and compiled once when this module is imported, filled for each page.

Every value is escaped by Jinja; only what the sanitiser made harmless before it was stored is
given as Markup (`prose`, text/figures.py).
"""

import asyncio
import hashlib
import json
import re
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup

from fedblog.domain.addresses import BLOG, Addresses, comment_path, percent_encoded
from fedblog.domain.blog import Blog
from fedblog.storage.views import Card
from fedblog.storage.views_people import Person
from fedblog.text.names import is_blank
from fedblog.web.directions import direction, html_direction, line_direction
from fedblog.web.emoji import (
    emoji_html,
    emoji_name,
    emoji_text,
    enclosure_src,
    picture_version,
    plain_name,
    reaction,
)
from fedblog.web.languages import Language, language
from fedblog.web.prose import prose

FOLDER = Path(__file__).parent
STATIC = FOLDER / "static"
_LANGUAGE_TAG = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,4}")


def _static_files() -> dict[str, tuple[str, bytes]]:
    """Files of ``static/`` by the name they are served under, which carries their digest."""
    types = {
        ".css": "text/css; charset=utf-8",
        ".js": "text/javascript; charset=utf-8",
        ".svg": "image/svg+xml",
        ".ico": "image/x-icon",
        ".png": "image/png",
    }
    files = {}
    for path in sorted(STATIC.iterdir()):
        body = path.read_bytes()
        digest = hashlib.blake2b(body, digest_size=6).hexdigest()
        files[f"{path.stem}.{digest}{path.suffix}"] = (types[path.suffix], body)
    return files


STATIC_FILES = _static_files()


def static_path(name: str) -> str:
    """The address of a static file."""
    stem, _, suffix = name.rpartition(".")
    return next(
        f"/static/{served}"
        for served in STATIC_FILES
        if served.startswith(f"{stem}.") and served.endswith(f".{suffix}")
    )


def web_url(text: str) -> str:
    """*text* where it is an http(s) address, else nothing."""
    try:
        parts = urlsplit(text)
    except ValueError:
        return ""
    return text if parts.scheme in ("http", "https") and parts.netloc else ""


def host(url: str) -> str:
    """The host of an address, as readers see it."""
    try:
        return urlsplit(url).netloc.rpartition("@")[2].removeprefix("www.")
    except ValueError:
        return ""


def author_path(handle: str) -> str:
    """The path of an author's or the group's page."""
    return f"/authors/{quote(handle)}/"


def term_path(kind: str, slug: str) -> str:
    """The path of a tag's or category's page; *kind* as it stands in the path."""
    return f"/{kind}/{quote(slug)}/"


def before(path: str, id_: str | None) -> str:
    """The page of the list at *path* that begins after the post *id_*, or the first one."""
    return f"{percent_encoded(path)}?before={id_}" if id_ else percent_encoded(path)


def after(path: str, id_: str | None) -> str:
    """The page of comments at *path* that begins after the comment *id_*, or the first one."""
    return f"{percent_encoded(path)}?after={id_}" if id_ else percent_encoded(path)


def person_path(person: Person) -> str:
    """Where a name leads: the author's page here, or the person's own page."""
    if person.author_id is not None:
        return author_path(person.handle)
    return web_url(person.url) or web_url(person.actor_uri or "")


def person_name(person: Person) -> str:
    """What a person is called, somehow; shortcodes of custom emoji and all."""
    name = "" if is_blank(person.name) else person.name.strip()
    return name or person.handle or host(person.url) or "?"


def avatar_src(person: Person) -> str:
    """The picture of a person, always on this server; nothing where there is none."""
    if person.avatar_file:
        return f"/media/{person.avatar_file}"
    if person.actor_uri and web_url(person.avatar_url):
        who = urlsafe_b64encode(person.actor_uri.encode()).rstrip(b"=").decode()
        return f"/proxy/avatars/{who}/{picture_version(person.avatar_url)}"
    return ""


def initials(named: Person | str, most: int = 2) -> str:
    """The first letters of a name, to stand where a picture would."""
    name = named if isinstance(named, str) else plain_name(person_name(named), named)
    words = [word for word in name.split() if word[0].isalnum()] or [name or "?"]
    picked = words[:1] if len(words) == 1 else [words[0], words[-1]]
    return "".join(word[0] for word in picked[:most]).upper()


def headline(post: Card) -> str:
    """A post's title, or the beginning of its text where it has none."""
    return post.title or post.excerpt or post.path


def dek(post: Card) -> str:
    """What stands below a title in a list."""
    return post.summary or (post.excerpt if post.title else "")


def paragraphs(text: str, language: str) -> Markup:
    """Plain text in *language* as paragraphs, each in its direction."""
    parts = [part.strip() for part in re.split(r"\n\s*\n", text) if part.strip()]
    return Markup("").join(
        Markup('<p dir="{}">{}</p>').format(line_direction(part, language), part) for part in parts
    )


def acct(name: str) -> Markup:
    """``name@host`` with the server a shade stronger, breaking only before the second @; the signs
    in this order also where text runs from right to left."""
    user, _, server = name.removeprefix("@").rpartition("@")
    return Markup('<bdi dir="ltr">@<bdi>{}</bdi><wbr>@<b>{}</b></bdi>').format(user, server)


def apart(text: str) -> Markup:
    """*text* of others within a sentence of ours: neither changes the other's direction."""
    return Markup("<bdi>{}</bdi>").format(text)


def line(text: str, language: str) -> Markup:
    """A line of *text* in *language* with its direction, to stand within a text in another."""
    return Markup('<bdi lang="{}" dir="{}">{}</bdi>').format(
        language, line_direction(text, language), text
    )


def by_month(posts: Iterable[Card], words: Language, zone: str) -> list[tuple[str, list[Card]]]:
    """Posts in their order, grouped by month."""
    grouped = groupby(posts, key=lambda post: words.month(post.published_at, zone))
    return [(month, list(group)) for month, group in grouped]


def iso(moment: datetime) -> str:
    """A moment for machines (RFC 3339)."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def lang_tag(tag: str | None) -> str:
    """*tag* where it looks like a language tag (BCP 47), else nothing."""
    return tag if tag and _LANGUAGE_TAG.fullmatch(tag) else ""


def data_block(document: dict[str, Any]) -> Markup:
    """JSON that may stand inside a script element, whatever is in it."""
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)  # noqa: S704


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        auto_reload=False,
        cache_size=-1,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    filters = (
        acct,
        after,
        comment_path,
        apart,
        author_path,
        avatar_src,
        before,
        by_month,
        dek,
        direction,
        emoji_html,
        emoji_name,
        emoji_text,
        enclosure_src,
        headline,
        host,
        html_direction,
        initials,
        iso,
        lang_tag,
        line,
        paragraphs,
        percent_encoded,
        person_name,
        person_path,
        reaction,
        term_path,
        web_url,
    )
    environment.filters |= {function.__name__: function for function in filters}
    environment.globals |= {
        "style_path": static_path("site.css"),
        "icon_path": static_path("icon.svg"),
        "script_path": static_path("handle.js"),
        "comment_script_path": static_path("comment.js"),
    }
    return environment


_ENVIRONMENT = _environment()
_TEMPLATES: dict[str, Template] = {
    name: _ENVIRONMENT.get_template(name) for name in _ENVIRONMENT.list_templates()
}


async def render(
    name: str, blog: Blog, addresses: Addresses, *, is_long: bool = False, **values: Any
) -> str:
    """Fill the template *name* for a page of *blog*, in the blog's language.

    A page that *is_long* is filled on a thread, so that others need not wait for it.
    """
    words = await language(blog.language, blog.time_zone)
    zone = blog.time_zone
    given = {
        "blog": blog,
        "base": addresses.base_url,
        "blog_uri": addresses.actor(BLOG),
        "blog_acct": addresses.acct(blog.handle),
        "handle_host": addresses.handle_host,
        "language": words,
        "_": words.text,
        "ngettext": words.count,
        "number": words.number,
        "prose": lambda html, above: prose(html, words, above),
        "percent": words.percent,
        "date": lambda moment: words.date(moment, zone),
        "time": lambda moment: words.time(moment, zone),
        "here": "",
        **values,
    }
    if is_long:
        return await asyncio.to_thread(_TEMPLATES[name].render, given)
    return _TEMPLATES[name].render(given)


def render_alone(name: str, **values: Any) -> str:
    """Fill a template that needs nothing of a blog."""
    return _TEMPLATES[name].render(**values)


_END_ITEM = Markup("</li>")
_END_LEVEL = Markup("</ol></li>")


def nested(levels: Sequence[int]) -> tuple[list[Markup], Markup]:
    """What opens each item of a nested list, given the levels in reading order, and what ends it.

    Levels begin at 0 and grow by at most one from an item to the next.
    """
    openings: list[Markup] = []
    last = -1
    for level in levels:
        if level > last:
            openings.append(Markup('<ol class="thread"><li>') if last < 0 else Markup("<ol><li>"))
        else:
            openings.append(_END_ITEM + _END_LEVEL * (last - level) + Markup("<li>"))
        last = level
    return openings, (_END_ITEM + Markup("</ol>") if last >= 0 else Markup("")) + (
        Markup("</li></ol>") * max(last, 0)
    )
