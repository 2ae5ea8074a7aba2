"""Single properties as peers really write them, turned into one form. Nothing here raises."""

import re
from datetime import UTC, datetime
from typing import Any

from fedblog.activitystreams.vocabulary import PUBLIC, PUBLIC_FORMS
from fedblog.domain.entities import decoded

MAX_URI = 2048
"""Longest address that a link may lead to."""
MAX_ID = 1024
"""Longest id, in bytes: two of them must fit into an index entry of PostgreSQL (2,704 bytes)."""
_LONGEST_READ = 8 * MAX_URI
"""Longest address in which entities are looked for."""
_MAX_NAME = 200
"""Longest type, language and the like that is looked at."""
_MOST_TYPES = 10
_EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST = datetime(2100, 1, 1, tzinfo=UTC)
_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8}){0,4}")
_UNDETERMINED = frozenset({"und", "zxx", "mul", "mis"})

Document = dict[str, Any]


def listed(value: Any) -> list[Any]:
    """*value* as a list: a bare value is a list of one, null an empty one."""
    if type(value) is list:
        return value
    return [] if value is None else [value]


def type_of(document: Document) -> str:
    """The type's plain name, "" where there is none. Of several the first well-known one."""
    value = document.get("type")
    if type(value) is str and len(value) <= _MAX_NAME and value.isalnum():
        return value
    return _uncommon_type(value if value is not None else document.get("@type"))


def _uncommon_type(value: Any) -> str:
    names = [
        _local_name(item)
        for item in listed(value)[:_MOST_TYPES]
        if type(item) is str and 0 < len(item) <= _MAX_NAME
    ]
    for name in names:
        if name[:1].isupper():
            return name
    return names[0] if names else ""


def _local_name(name: str) -> str:
    """``as:Note`` and ``https://www.w3.org/ns/activitystreams#Note`` are Note."""
    return re.split(r"[:#/]", name)[-1] or name


def uri(value: Any) -> str | None:
    """The id that *value* gives: itself, its ``id``, its ``href``, or that of its first entry;
    without HTML entities."""
    if value is None:
        return None
    kind = type(value)
    if kind is str:
        return _id(value)
    if kind is dict:
        for name in ("id", "@id", "href"):
            inner = value.get(name)
            if type(inner) is str and (found := _id(inner)) is not None:
                return found
        return None
    if kind is list:
        for item in value:
            if type(item) is not list and (found := uri(item)) is not None:
                return found
    return None


def _id(text: str) -> str | None:
    if "&" in text and len(text) <= _LONGEST_READ:
        text = decoded(text)
    is_id = (
        0 < len(text) <= MAX_ID
        and text.isprintable()
        and " " not in text
        and (text.isascii() or len(text.encode()) <= MAX_ID)
    )
    return text if is_id else None


def _is_uri(text: str) -> bool:
    return 0 < len(text) <= MAX_URI and text.isprintable() and " " not in text


def uris(value: Any) -> tuple[str, ...]:
    """Every id in *value* (one, or a list of them), without repeats."""
    if value is None:
        return ()
    if type(value) is list:
        found = [_id(item) if type(item) is str else _nested(item) for item in value]
        return tuple(dict.fromkeys(item for item in found if item is not None))
    single = uri(value)
    return () if single is None else (single,)


def _nested(item: Any) -> str | None:
    return uri(item) if type(item) is dict else None


def audience(value: Any) -> tuple[str, ...]:
    """The ids in *value*, the public collection always in its full form."""
    found = uris(value)
    for item in found:
        if item in PUBLIC_FORMS and item != PUBLIC:
            named = [PUBLIC if item in PUBLIC_FORMS else item for item in found]
            return tuple(dict.fromkeys(named))
    return found


def web_address(value: Any) -> str:
    """*value* without HTML entities where it is an http or https address without a user part that
    may stand in a link, else ""."""
    if type(value) is not str:
        return ""
    if "&" in value and len(value) <= _LONGEST_READ:
        value = decoded(value)
    if not value[:8].lower().startswith(("https://", "http://")):
        return ""
    if not _is_uri(value):
        return ""
    authority = value.split("/", 3)[2]
    return value if authority and "@" not in authority and "\\" not in authority else ""


def text(document: Document, name: str) -> str:
    """The text of property *name*, or the one its ``Map`` form has, or ""."""
    value = document.get(name)
    if type(value) is str and value:
        return value
    return _uncommon_text(document, name, value)


def _uncommon_text(document: Document, name: str, value: Any) -> str:
    by_language = document.get(name + "Map")
    if type(by_language) is dict:
        for item in by_language.values():
            if type(item) is str and item:
                return item
    for item in listed(value):
        if type(item) is str:
            return item
        if type(item) is dict and type(item.get("@value")) is str:
            return item["@value"]  # type: ignore[no-any-return]
    return ""


def language(document: Document, content: str) -> str | None:
    """The language of *content*: the key of ``contentMap`` that has it, else ``language``, else
    that of the context. A BCP 47 tag or None."""
    by_language = document.get("contentMap")
    if type(by_language) is dict:
        for tag, item in by_language.items():
            if (item == content or len(by_language) == 1) and (found := _language_tag(tag)):
                return found
    value = document.get("language")
    if type(value) is dict:
        value = value.get("identifier")
    if value is None:
        context = document.get("@context")
        if type(context) is list:
            for item in context:
                if type(item) is dict and "@language" in item:
                    value = item["@language"]
    return _language_tag(value)


def _language_tag(value: Any) -> str | None:
    if type(value) is not str or len(value) > _MAX_NAME or value in _UNDETERMINED:
        return None
    value = value.replace("_", "-")
    return value if _LANGUAGE.fullmatch(value) else None


def moment(value: Any) -> datetime | None:
    """The time that *value* writes, in UTC, or None where it is unreadable or absurd.

    Takes ISO 8601 in the forms peers write: fractions of any length, any offset with or without
    colon, none at all (then UTC), a blank for the T. Times before 1970 or from 2100 on are none.
    """
    if type(value) is not str or not 8 <= len(value) <= 40:
        return None
    try:
        parsed = datetime.fromisoformat(value)
        if parsed.tzinfo is None:
            parsed = parsed.replace(tzinfo=UTC)
        elif parsed.tzinfo is not UTC:
            parsed = parsed.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return parsed if _EARLIEST <= parsed < _LATEST else None


def count(value: Any) -> int | None:
    """A number of things: a non-negative integer of sensible size, or None."""
    return value if type(value) is int and 0 <= value < 1 << 53 else None


def stamp(moment: datetime) -> str:
    """*moment* in UTC and whole seconds, the form that every peer reads."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
