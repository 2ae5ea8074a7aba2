"""What an object carries beside its text, as the JSON that is stored: bounded, nothing where
there is nothing."""

import re
from collections.abc import Iterable
from typing import Any

import orjson

from fedblog.activitystreams import values
from fedblog.activitystreams.documents import Attachment, Emoji, Object, Poll
from fedblog.text.sanitise import remote_lines, remote_text

MAX_ATTACHMENTS = 16
MAX_OPTIONS = 40
MAX_QUOTES = 4
MAX_EMOJIS = 64
_OPTION_LENGTH = 200
_ALT_LENGTH = 2000
_MOST_PIXELS = 100_000
"""The longest side of a picture that is believed."""
_SHORT_TEXT = 20_000
"""Characters of a text, other than the main one, in which custom emojis are looked for."""
_SHORTCODE = re.compile(r"[^\s:<>&\"']{1,64}")


def attachments(found: Iterable[Attachment]) -> str:
    """Pictures, files and links: a list of ``{type, url, mediaType, name}``, with ``width`` and
    ``height`` where both were said; "[]" for none."""
    return _text(
        [
            {
                "type": entry.type,
                "url": entry.url,
                "mediaType": entry.media_type,
                "name": remote_lines(entry.name, limit=_ALT_LENGTH),
                **_size(entry.width or 0, entry.height or 0),
            }
            for entry in tuple(found)[:MAX_ATTACHMENTS]
            if entry.url
        ]
    )


def _size(width: int, height: int) -> dict[str, int]:
    is_one = 0 < width <= _MOST_PIXELS and 0 < height <= _MOST_PIXELS
    return {"width": width, "height": height} if is_one else {}


def poll(found: Poll | None) -> str | None:
    """The answers with their votes: ``{options, multiple, ends_at, is_closed, voters}``."""
    if found is None or not found.options:
        return None
    return _text(
        {
            "options": [
                {"name": remote_text(option.name, limit=_OPTION_LENGTH), "votes": option.votes}
                for option in found.options[:MAX_OPTIONS]
            ],
            "multiple": found.multiple,
            "ends_at": found.ends_at.isoformat() if found.ends_at else None,
            "is_closed": found.is_closed,
            "voters": found.voters,
        }
    )


def quotes(found: Iterable[str]) -> str | None:
    """The ids of what is quoted, as far as they can be linked to."""
    linked = [uri for uri in found if values.web_address(uri)]
    return _text(linked[:MAX_QUOTES]) if linked else None


def emojis(found: Iterable[Emoji], *texts: str) -> str | None:
    """The custom emojis that stand somewhere in *texts*: a list of ``{shortcode, url}``."""
    # A shortcode has no colon: it stands in a text where it is what is between two of them.
    between = {part for text in texts if ":" in text for part in text.split(":")[1:-1]}
    used = {
        emoji.shortcode: emoji.url
        for emoji in found
        if emoji.shortcode in between and _SHORTCODE.fullmatch(emoji.shortcode)
    }
    if not used:
        return None
    return _text([{"shortcode": code, "url": url} for code, url in list(used.items())[:MAX_EMOJIS]])


def of_object(item: Object, html: str, pictures: tuple[Attachment, ...]) -> dict[str, Any]:
    """Everything that *item* carries, by the names of the columns it is kept in: *html* is its
    text, *pictures* are its attachments and what stands in that text."""
    found: dict[str, Any] = {
        "attachments": attachments(pictures) if pictures else "[]",
        "sensitive": item.sensitive,
        "poll": poll(item.poll) if item.poll is not None else None,
        "quotes": quotes(item.quotes) if item.quotes else None,
        "emojis": None,
    }
    if item.emojis:
        options = item.poll.options if item.poll is not None else ()
        texts = (item.summary, item.name, *(option.name for option in options[:MAX_OPTIONS]))
        found["emojis"] = emojis(item.emojis, html, *(text[:_SHORT_TEXT] for text in texts))
    return found


def _text(value: Any) -> str:
    return orjson.dumps(value).decode()
