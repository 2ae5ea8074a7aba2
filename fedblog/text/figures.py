"""The text of a post as its three readers get it, its page, its Article and the feeds: uploaded
pictures with their sizes, alt texts, captions and credits; addresses made full.

Works on HTML that the sanitiser wrote, whose form is known: lower-case names, double quotes,
``&``, ``<`` and ``>`` escaped.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from html import unescape
from urllib.parse import urlsplit

from markupsafe import Markup, escape

from fedblog.domain.media import Media
from fedblog.text.catalogues import sentence
from fedblog.text.full_addresses import full_address, with_full_addresses

_PICTURE = r"(?:<img [^>]*+>|<a(?: [^>]*+)?+>\s*+<img [^>]*+>\s*+</a>)"
# One look for both, so that what stands in a figure is not set in a second one.
_SET_APART = re.compile(
    r"<figure(?P<attributes>[^>]*+)>(?P<inner>.*?)</figure>"
    r"|<(?P<block>p|div|li|td|dd|section)(?P<of_block>(?: [^>]*+)?+)>"
    rf"(?P<pictures>(?:\s*+{_PICTURE}(?:\s*+<br>)?+)++)\s*+</(?P=block)>",
    re.DOTALL,
)
_LINKED_IMAGE = re.compile(_PICTURE)
_IMAGE_OR_LINK = re.compile(r"<img (?P<attributes>[^>]*)>|<(?P<end>/?)a(?: [^>]*+)?+>")
_IMAGE = re.compile(r"<img (?P<attributes>[^>]*)>")
_ATTRIBUTE = re.compile(r'([a-z-]+)="([^"]*)"')
_MEDIA = re.compile(r"/media/([A-Za-z0-9_-]+\.[a-z0-9]+)(?:[?#].*)?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Setting:
    """Where a text stands: its *page* (the full address) on the server *base_url*, its *language*,
    and its uploaded *pictures* by file name."""

    page: str
    base_url: str
    language: str
    pictures: Mapping[str, Media]


def on_page(html: str, setting: Setting) -> Markup:
    """*html* for its own page: pictures of other servers become links, which ask nobody before
    they are followed. Links may stay relative there."""

    def image(match: re.Match[str], media: Media | None, is_linked: bool) -> str:
        attributes = _attributes(match)
        if media is not None:
            words = attributes.get("alt") or media.alt
            return _sized(
                f"/media/{media.file_name}", words, media, ' loading="lazy" decoding="async"'
            )
        full = full_address(attributes.get("src", ""), setting.page)
        source = full.removeprefix(setting.base_url)
        alt = attributes.get("alt", "")
        if source.startswith("/") and not source.startswith("//"):
            return Markup('<img src="{}" alt="{}"{}>').format(source, alt, _sizes(attributes))
        host = _host(full)
        if not host:
            return str(escape(alt))
        if is_linked:  # no link can stand in a link
            return str(escape(alt or host))
        return Markup('<a class="elsewhere" href="{}" rel="noopener noreferrer">{}</a>').format(
            full, alt or host
        )

    return Markup(_rendered(html, setting, image))  # noqa: S704


def elsewhere(html: str, setting: Setting) -> str:
    """*html* for who reads it on other servers or in a feed: every address is in full."""

    def image(match: re.Match[str], media: Media | None, _is_linked: bool) -> str:
        if media is None:
            return match[0]
        words = _attributes(match).get("alt") or media.alt
        return _sized(f"{setting.base_url}/media/{media.file_name}", words, media)

    return _rendered(with_full_addresses(html, setting.page), setting, image)


def featured(media: Media, base_url: str, language: str) -> str:
    """The picture above a text, where it is read in a feed."""
    image = _sized(f"{base_url}/media/{media.file_name}", media.alt, media)
    return f"<figure>{image}{_caption([media], language)}</figure>"


def _rendered(
    html: str, setting: Setting, shown: Callable[[re.Match[str], Media | None, bool], str]
) -> str:
    """*html* with a figure around each uploaded picture that stands in a paragraph or another block
    with nothing but pictures (which may be links), and what *shown* makes of each
    picture (it is told whether that stands in a link)."""
    is_linked = False

    def media_of(text: str) -> Media | None:
        match = _IMAGE.search(text)
        return None if match is None else _media(match, setting)

    def set_apart(match: re.Match[str]) -> str:
        if match["pictures"] is None:
            return figure(match["attributes"], match["inner"])
        pictures = _LINKED_IMAGE.findall(match["pictures"])
        if all(media_of(picture) is None for picture in pictures):
            return match[0]
        block, of_block = match["block"], match["of_block"]
        is_paragraph = block == "p"  # in which no figure can stand
        apart = "\n".join(
            f"<p>{picture}</p>"
            if media_of(picture) is None
            else figure(of_block if is_paragraph else "", picture)
            for picture in pictures
        )
        return apart if is_paragraph else f"<{block}{of_block}>{apart}</{block}>"

    def figure(attributes: str, inner: str) -> str:
        caption = ""
        if "<figcaption" not in inner:
            found = (_media(image, setting) for image in _IMAGE.finditer(inner))
            shown_media = {media.id: media for media in found if media is not None}
            caption = _caption(shown_media.values(), setting.language)
        return f"<figure{attributes}>{inner}{caption}</figure>"

    def image(match: re.Match[str]) -> str:
        nonlocal is_linked
        if match["attributes"] is None:
            is_linked = not match["end"]
            return match[0]
        attributes = _attributes(match)
        if "src" not in attributes:  # the sanitiser dropped it: "" would name the page
            return str(escape(attributes.get("alt", "")))
        return shown(match, _media(match, setting), is_linked)

    return _IMAGE_OR_LINK.sub(image, _SET_APART.sub(set_apart, html))


def _attributes(match: re.Match[str]) -> dict[str, str]:
    return {name: unescape(value) for name, value in _ATTRIBUTE.findall(match["attributes"])}


def _media(match: re.Match[str], setting: Setting) -> Media | None:
    source = full_address(_attributes(match).get("src", ""), setting.page)
    found = _MEDIA.fullmatch(source.removeprefix(setting.base_url))
    return setting.pictures.get(found[1]) if found else None


def _sized(source: str, alt: str, media: Media, more: str = "") -> str:
    return Markup('<img src="{}" alt="{}" width="{}" height="{}"{}>').format(
        source,
        alt,
        media.width,
        media.height,
        Markup(more),  # noqa: S704
    )


def _sizes(attributes: Mapping[str, str]) -> Markup:
    return Markup("").join(
        Markup(' {}="{}"').format(name, attributes[name])
        for name in ("width", "height", "title", "loading")
        if name in attributes
    )


def _host(url: str) -> str:
    """The host of a web address, "" for what is none."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    if parts.scheme not in ("http", "https"):
        return ""
    return parts.netloc.rpartition("@")[2].removeprefix("www.")


def credits_of(media: Media, language: str) -> str:
    """Caption and credit of a picture as HTML without a block around it, or ""."""
    caption = Markup("{}").format(media.caption)
    if media.credit:
        words = sentence(language, "Credit: %(credit)s", "%(credit)s", credit=media.credit)
        blank = " " if media.caption else ""
        caption += Markup('{}<span class="credit">{}</span>').format(blank, words)
    return caption


def _caption(pictures: Iterable[Media], language: str) -> str:
    lines = [line for media in pictures if (line := credits_of(media, language))]
    return f"<figcaption>{'<br>'.join(lines)}</figcaption>" if lines else ""
