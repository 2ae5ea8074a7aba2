"""What an activity says in words, made fit to be stored: the dear part of taking it in.

Done once for each activity, after its sender is proven and before the unit that stores it, on a
thread. Everything is bounded: what is longer than a text may be is refused, never cut in silence.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fedblog.activitystreams import carried
from fedblog.activitystreams.reading import Activity, Object, is_public
from fedblog.activitystreams.reading_texts import html_of, is_markdown, with_inline_pictures
from fedblog.text.sanitise import (
    REMOTE_MAX_CHARACTERS,
    html_of_either,
    remote_html,
    remote_text,
    text_of_either,
)

if TYPE_CHECKING:  # this is imported where texts are read, which must be quick
    from fedblog.settings import Settings

_NAME_LENGTH = 300
_SUMMARY_LENGTH = 500
_SHORT_TEXT = 20_000
"""Characters that are looked at of a text of which only the beginning is kept."""
_SUMMARISED = frozenset({"Article", "Page", "Video", "Audio", "Image", "Event"})
"""Types whose summary tells what they are about; a Note's is a content warning."""
_WRITING = frozenset({"Create", "Update"})
_LIGHT_BYTES = 8192
_LIGHT_MARKS = 400
_MARKS = (b"<", b"&", b"\\u003", b"\\u002")
"""What tags and entities begin with, as they are and as JSON may write them: each costs more than
ten letters."""
_LIGHT_OBJECTS = 150


class TextTooLongError(Exception):
    """A text is longer than one may be."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Most *characters* of a text, and of one in Markdown that is read as such."""

    characters: int = REMOTE_MAX_CHARACTERS
    markdown_characters: int = 10_000

    @classmethod
    def of(cls, settings: "Settings") -> "Limits":
        """Those that are set."""
        return cls(settings.text_max_characters, settings.markdown_max_characters)

    @property
    def named(self) -> dict[str, int]:
        """The same by name."""
        return {"characters": self.characters, "markdown_characters": self.markdown_characters}


@dataclass(frozen=True, slots=True)
class Words:
    """*comment* has what a comment is made of, by the names of its fields, where the activity
    carries one; *report* is the text of a Flag."""

    comment: Mapping[str, Any] | None = None
    report: str = ""


def check_length(activity: Activity, limits: Limits) -> None:
    """Raise TextTooLongError where `of_activity` would."""
    item = _written(activity)
    if item is not None and len(item.content) > limits.characters:
        raise TextTooLongError(f"the text is longer than {limits.characters} characters")


def of_activity(activity: Activity, limits: Limits) -> Words:
    """The words of *activity*. Raises TextTooLongError."""
    if activity.type == "Flag":
        return Words(report=text_of_either(activity.content[:_SHORT_TEXT]))
    item = _written(activity)
    return Words() if item is None else Words(of_object(item, limits))


def has_any(activity: Activity) -> bool:
    """Whether there is anything to make the words of *activity* from."""
    return activity.type == "Flag" or _written(activity) is not None


def _written(activity: Activity) -> Object | None:
    """What *activity* carries that may become a comment."""
    item = activity.object if activity.type in _WRITING else activity.instrument
    return None if item is None or not item.in_reply_to or item.is_vote else item


def of_object(item: Object, limits: Limits) -> dict[str, Any]:
    """What a comment is made of that *item* becomes. Raises TextTooLongError."""
    content = item.content
    summary = item.summary[:_SHORT_TEXT]
    if len(content) > limits.characters:
        raise TextTooLongError(f"the text is longer than {limits.characters} characters")
    html = html_of(content, item.media_type, markdown_characters=limits.markdown_characters)
    shown = html
    if summary:
        if item.type in _SUMMARISED and not item.sensitive:
            shown, summary = html or html_of_either(summary), ""
        else:
            summary = text_of_either(summary)
    return {
        "url": item.url or item.id or "",
        "name": remote_text(item.name, limit=_NAME_LENGTH) if item.name else "",
        "source_html": html,
        "content_html": remote_html(shown, limit=limits.characters),
        "summary": remote_text(summary, limit=_SUMMARY_LENGTH) if summary else "",
        "language": item.language,
        "visibility": "public" if is_public(item) else "private",
        **carried.of_object(item, html, with_inline_pictures(item, html)),
    }


def is_light(body: bytes) -> bool:
    """Whether the activity in *body* can be read, and its words made where they are not in Markdown
    (`are_markdown`), among others without anyone noticing: what most people write is."""
    return (
        len(body) <= _LIGHT_BYTES
        and sum(map(body.count, _MARKS)) <= _LIGHT_MARKS
        and body.count(b"{") <= _LIGHT_OBJECTS
    )


def are_markdown(activity: Activity) -> bool:
    """Whether the words of *activity* are made from Markdown. Asked of what was read: the bytes may
    write the media type in capitals, or with escapes."""
    item = _written(activity)
    return item is not None and is_markdown(item.media_type)
