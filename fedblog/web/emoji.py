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
_EDGE = "\0"
"""Stands in no text (activitystreams/json.py)."""
_VERBATIM = ("<code", "<pre")
_END_VERBATIM = ("</code", "</pre")


def picture_version(url: str) -> str:
    """A short digest that changes with the address of a picture."""
    return hashlib.blake2b(url.encode(), digest_size=6).hexdigest()


def emoji_html(html: str, comment: CommentView) -> Markup:
    """The sanitised text of *comment* with its custom emoji."""
    if not comment.emojis or ":" not in html:
        return Markup(html)  # noqa: S704
    filled = filler(comment.emojis, f"/proxy/comments/{comment.id}/emojis")
    parts = _TAG.split(html)
    verbatim = 0
    for place, part in enumerate(parts):
        if part.startswith("<"):
            if part.startswith(_VERBATIM):
                verbatim += 1
            elif part.startswith(_END_VERBATIM):
                verbatim -= 1
        elif not verbatim and ":" in part:
            parts[place] = filled(part)
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
    return Markup(filler(emojis, base)(str(escaped)))  # noqa: S704


def filler(emojis: Emojis, base: str) -> Callable[[str], str]:
    """What puts emoji in the places of the shortcodes in a text, MOST times over all of them. It
    looks at what stands between colons, so that what it takes grows with the text alone."""
    known = {code: (number, url) for number, (code, url) in enumerate(emojis)}
    left = MOST
    made: dict[str, str] = {}

    def picture(code: str) -> str:
        if code not in made:
            number, url = known[code]
            name = f":{code}:"
            made[code] = str(
                Markup(
                    '<img class="emoji" src="{}/{}/{}" alt="{}" title="{}" height="20"'
                    ' loading="lazy" decoding="async">'
                ).format(base, number, picture_version(url), name, name)
            )
        return made[code]

    def filled(text: str) -> str:
        nonlocal left
        parts = text.split(":")
        if left <= 0 or known.keys().isdisjoint(parts):
            return text
        free = 1  # a colon belongs to one shortcode only
        for place in range(1, len(parts) - 1):
            if place >= free and parts[place] in known:
                parts[place] = f"{_EDGE}{picture(parts[place])}{_EDGE}"
                free = place + 2
                left -= 1
                if left <= 0:
                    break
        return ":".join(parts).replace(f":{_EDGE}", "").replace(f"{_EDGE}:", "")

    return filled
