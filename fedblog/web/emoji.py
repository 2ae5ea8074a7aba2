"""Custom emoji in texts and names: ``:shortcode:`` becomes a small picture from our own proxy."""

import hashlib
import re
from base64 import urlsafe_b64encode
from collections.abc import Callable

from markupsafe import Markup, escape

from fedblog.storage.views_carried import Attachment, Emojis
from fedblog.storage.views_comments import CommentView
from fedblog.storage.views_people import Person

MOST = 64
"""Pictures in one text; what comes after them stays text."""
MOST_IN_ONE = 16
"""Characters that one emoji is made of, signs of skin, hair and joining among them."""
# What the sanitiser writes: in text every < is escaped, in values every quotation mark.
_TAG = re.compile(r"(<(?:\"[^\"]*\"|[^\">])*>)")
_VERBATIM = ("<code", "<pre")
_END_VERBATIM = ("</code", "</pre")


def picture_version(url: str) -> str:
    """A short digest that changes with the address of a picture."""
    return hashlib.blake2b(url.encode(), digest_size=6).hexdigest()


def emoji_html(html: str, comment: CommentView) -> Markup:
    """The sanitised text of *comment* with its custom emoji."""
    if not comment.emojis or ":" not in html:
        return Markup(html)  # noqa: S704
    shortcode, replace = _replacer(comment.emojis, f"/proxy/comments/{comment.id}/emojis")
    parts = _TAG.split(html)
    verbatim = 0
    for place, part in enumerate(parts):
        if part.startswith("<"):
            if part.startswith(_VERBATIM):
                verbatim += 1
            elif part.startswith(_END_VERBATIM):
                verbatim -= 1
        elif not verbatim and ":" in part:
            parts[place] = shortcode.sub(replace, part)
    return Markup("".join(parts))  # noqa: S704


def emoji_text(text: str, comment: CommentView) -> Markup:
    """A line of *comment* (a warning, a title, an answer of a poll) with its custom emoji."""
    return _in_text(text, comment.emojis, f"/proxy/comments/{comment.id}/emojis")


def emoji_name(name: str, person: Person) -> Markup:
    """What *person* is called, with the custom emoji in the name."""
    if not person.emojis or person.actor_uri is None:
        return escape(name)
    who = urlsafe_b64encode(person.actor_uri.encode()).rstrip(b"=").decode()
    return _in_text(name, person.emojis, f"/proxy/names/{who}/emojis")


def reaction(person: Person) -> str:
    """The emoji that *person* sent instead of a like; empty where it is none, or a custom one."""
    sent = person.reaction
    is_emoji = (
        0 < len(sent) <= MOST_IN_ONE and not sent.isascii() and not any(map(str.isalpha, sent))
    )
    return sent if is_emoji else ""


def plain_name(name: str, person: Person) -> str:
    """*name* without its custom emoji, where they cannot be shown."""
    for code, _ in person.emojis:
        name = name.replace(f":{code}:", "")
    return name


def enclosure_src(item: Attachment, comment: CommentView) -> str:
    """Where a picture of *comment* lies on this server."""
    return f"/proxy/comments/{comment.id}/pictures/{item.number}/{picture_version(item.url)}"


def _in_text(text: str, emojis: Emojis, base: str) -> Markup:
    escaped = escape(text)
    if not emojis or ":" not in text:
        return escaped
    shortcode, replace = _replacer(emojis, base)
    return Markup(shortcode.sub(replace, str(escaped)))  # noqa: S704


def _replacer(emojis: Emojis, base: str) -> tuple[re.Pattern[str], Callable[[re.Match[str]], str]]:
    """What finds the shortcodes, and what puts an emoji in the place of one, MOST times."""
    known = {code: (number, url) for number, (code, url) in enumerate(emojis)}
    pattern = re.compile(f":({'|'.join(map(re.escape, known))}):")
    left = MOST
    made: dict[str, str] = {}

    def replace(match: re.Match[str]) -> str:
        nonlocal left
        if left <= 0:
            return match[0]
        left -= 1
        picture = made.get(match[0])
        if picture is None:
            number, url = known[match[1]]
            picture = made[match[0]] = str(
                Markup(
                    '<img class="emoji" src="{}/{}/{}" alt="{}" title="{}" height="20"'
                    ' loading="lazy" decoding="async">'
                ).format(base, number, picture_version(url), match[0], match[0])
            )
        return picture

    return pattern, replace
