"""The texts of objects: to HTML from whatever they are written in, and the pictures within.

This is what costs time in reading, so `read_object` leaves it to who wants the text. Every scanner
here looks at each character a bounded number of times.
"""

import re
from html import escape, unescape
from itertools import islice

from fedblog.activitystreams import values
from fedblog.activitystreams.documents import Attachment, Object

_MARKDOWN = frozenset({"text/markdown", "text/x-markdown"})
_HTML = frozenset({"text/html", "text/xhtml"})
_MAX_MEDIA_TYPE = 100
_MAX_INLINE = 16
_MAX_PICTURES = 100
_MAX_TAG = 3000
_MAX_ATTRIBUTES = 30
_PICTURE = re.compile(r"<img(?=[\s/])", re.IGNORECASE)
# Possessive (++, *+): what a part of it has taken is never given back and looked at again.
_ATTRIBUTE = re.compile(
    r"\s*+([^\s\"'<>/=]++)(?:\s*+=\s*+(?:\"([^\"]*+)\"|'([^']*+)'|([^\s\"'=<>`]++)))?+|\s*+[\"'=/]"
)
_MEDIA_TYPES = {
    "avif": "image/avif",
    "gif": "image/gif",
    "jpeg": "image/jpeg",
    "jpg": "image/jpeg",
    "png": "image/png",
    "svg": "image/svg+xml",
    "tiff": "image/tiff",
    "webp": "image/webp",
}
"""Of pictures that come without one, by the end of their address."""


def html_of(content: str, media_type: str, *, markdown_characters: int) -> str:
    """*content*, a text of *media_type*, as HTML that is not sanitised.

    Markdown of more than *markdown_characters*, or that is too dear to read, and all other texts
    that are not HTML are taken as they are written.
    """
    kind = _kind(media_type)
    if is_markdown(media_type) and len(content) <= markdown_characters:
        # Heavy to import, and few peers need it.
        from fedblog.text.remote_markdown import TooDearError, render

        try:
            return render(content)
        except TooDearError:
            pass
    if kind.startswith("text/") and kind not in _HTML:
        paragraphs = (escape(part, quote=False) for part in re.split(r"\n{2,}", content.strip()))
        return "".join(f"<p>{part.replace(chr(10), '<br>')}</p>" for part in paragraphs)
    return content


def with_inline_pictures(item: Object, html: str) -> tuple[Attachment, ...]:
    """The attachments of *item* and the pictures in its text *html*, which is shown without them:
    at most 16 of them."""
    found = {entry.url: entry for entry in item.attachments}
    most = len(found) + _MAX_INLINE
    for begin in islice(_PICTURE.finditer(html), _MAX_PICTURES):
        end = html.find(">", begin.end(), begin.end() + _MAX_TAG)
        if end >= 0 and (picture := _picture(html[begin.end() : end])):
            found.setdefault(picture.url, picture)
            if len(found) >= most:
                break
    return tuple(found.values())


def media_type_of(address: str) -> str:
    """The media type that the end of *address* names, "" where that is no picture's."""
    path = address.partition("?")[0].partition("#")[0]
    return _MEDIA_TYPES.get(path.rpartition(".")[2].lower(), "")


def is_markdown(media_type: str) -> bool:
    """Whether a text of *media_type* is read as Markdown, which is dear."""
    return _kind(media_type) in _MARKDOWN


def _kind(media_type: str) -> str:
    return media_type[:_MAX_MEDIA_TYPE].partition(";")[0].strip().lower()


def _picture(attributes: str) -> Attachment | None:
    """The picture of an ``img`` element, None for one without an address and for an emoji, which
    has its shortcode as text."""
    named: dict[str, str] = {}
    at = 0
    for _ in range(_MAX_ATTRIBUTES):
        match = _ATTRIBUTE.match(attributes, at)
        if match is None:
            break
        at = match.end()
        if match[1]:
            named.setdefault(match[1].lower(), unescape(match[2] or match[3] or match[4] or ""))
    address = values.web_address(named.get("src"))
    if not address or "emoji" in named.get("class", ""):
        return None
    name = named.get("alt") or named.get("title", "")
    return Attachment("Image", address, media_type_of(address), name)
