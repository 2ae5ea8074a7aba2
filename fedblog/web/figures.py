"""Pictures in the text of a post: sizes, captions and credits of uploaded ones; others as links.

Works on HTML that the sanitiser wrote, whose form is known: lower-case names, double quotes,
``&``, ``<`` and ``>`` escaped.
"""

import re
from collections.abc import Callable, Mapping
from html import unescape

from markupsafe import Markup, escape

from fedblog.domain.media import Media
from fedblog.web.rendering import host, web_url

_FIGURE = re.compile(r"<figure(?P<attributes>[^>]*)>(?P<inner>.*?)</figure>", re.DOTALL)
_ALONE = re.compile(r"<p>\s*(?P<image><img [^>]*>)\s*</p>")
_IMAGE = re.compile(r"<img (?P<attributes>[^>]*)>")
_ATTRIBUTE = re.compile(r'([a-z-]+)="([^"]*)"')
_MEDIA = re.compile(r"/media/([A-Za-z0-9_-]+\.[a-z0-9]+)")

Credit = Callable[[str], str]


def with_figures(html: str, pictures: Mapping[str, Media], base_url: str, credit: Credit) -> Markup:
    """The text of a post as its page shows it.

    *pictures* are the uploaded ones by file name; *credit* gives the words around a credit.
    """

    def image(match: re.Match[str]) -> str:
        return _image(match, pictures, base_url)

    def figure(match: re.Match[str]) -> str:
        inner = match["inner"]
        found = _IMAGE.search(inner)
        media = _media(found, pictures, base_url) if found else None
        caption = "" if media is None or "<figcaption" in inner else _caption(media, credit)
        return f"<figure{match['attributes']}>{inner}{caption}</figure>"

    def alone(match: re.Match[str]) -> str:
        found = _IMAGE.match(match["image"])
        media = _media(found, pictures, base_url) if found else None
        if media is None:
            return match[0]
        return f"<figure>{match['image']}{_caption(media, credit)}</figure>"

    html = _FIGURE.sub(figure, html)
    html = _ALONE.sub(alone, html)
    return Markup(_IMAGE.sub(image, html))  # noqa: S704


def _attributes(match: re.Match[str]) -> dict[str, str]:
    return {name: unescape(value) for name, value in _ATTRIBUTE.findall(match["attributes"])}


def _media(match: re.Match[str], pictures: Mapping[str, Media], base_url: str) -> Media | None:
    source = _attributes(match).get("src", "").removeprefix(base_url)
    found = _MEDIA.fullmatch(source)
    return pictures.get(found[1]) if found else None


def _image(match: re.Match[str], pictures: Mapping[str, Media], base_url: str) -> str:
    attributes = _attributes(match)
    source = attributes.get("src", "").removeprefix(base_url)
    media = _media(match, pictures, base_url)
    if media is not None:
        return Markup(
            '<img src="{}" alt="{}" width="{}" height="{}" loading="lazy" decoding="async">'
        ).format(
            f"/media/{media.file_name}",
            attributes.get("alt") or media.alt,
            media.width,
            media.height,
        )
    if source.startswith("/") and not source.startswith("//"):
        return match[0]
    alt = attributes.get("alt", "")
    if not web_url(source):
        return str(escape(alt))
    return Markup('<a class="elsewhere" href="{}" rel="noopener noreferrer">{}</a>').format(
        source, alt or host(source)
    )


def _caption(media: Media, credit: Credit) -> str:
    if not media.caption and not media.credit:
        return ""
    words = Markup('<span class="credit">{}</span>').format(credit(media.credit))
    return Markup("<figcaption>{}{}</figcaption>").format(
        media.caption, Markup(" ") + words if media.credit else ""
    )
