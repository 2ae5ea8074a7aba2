"""Lists in pages: ``{"items": […], "next": cursor}``, and the next page under ``?cursor=…``.

A cursor is opaque to clients: the place where the last page ended.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

import orjson

from fedblog.api.endpoint import Call
from fedblog.api.problems import invalid
from fedblog.domain.ids import is_id

DEFAULT_LIMIT = 20
MAX_LIMIT = 100
CURSOR_LENGTH = 4096

T = TypeVar("T")


def limit(call: Call) -> int:
    """How many items a page has. Raises Problem 422."""
    text = call.query("limit")
    if text is None:
        return DEFAULT_LIMIT
    if not (text.isascii() and text.isdigit() and len(text) < 6 and 1 <= int(text) <= MAX_LIMIT):
        raise invalid("limit", f"takes a number from 1 to {MAX_LIMIT}")
    return int(text)


def cursor(call: Call, size: int) -> list[str] | None:
    """The *size* texts in the cursor, or None on the first page. Raises Problem 422."""
    text = call.query("cursor")
    if text is None:
        return None
    try:
        if len(text) > CURSOR_LENGTH:
            raise ValueError("too long")
        parts = orjson.loads(urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4)))
    except (ValueError, Base64Error):
        parts = None
    if (
        not isinstance(parts, list)
        or len(parts) != size
        or not all(isinstance(part, str) and "\0" not in part for part in parts)
    ):
        raise invalid("cursor", "is none that was given out here")
    return parts


def id_cursor(call: Call) -> str | None:
    """The id in a cursor over ids, or None on the first page. Raises Problem 422."""
    parts = cursor(call, 1)
    if parts is None:
        return None
    if not is_id(parts[0]):
        raise invalid("cursor", "is none that was given out here")
    return parts[0]


def moment_of(text: str) -> datetime:
    """The moment in a cursor. Raises Problem 422."""
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            raise ValueError("naive")
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):  # the first and the last day there is, in other zones
        raise invalid("cursor", "is none that was given out here") from None


def encoded(parts: Sequence[str]) -> str:
    """The cursor that says *parts*."""
    return urlsafe_b64encode(orjson.dumps(list(parts))).decode().rstrip("=")


def page(
    items: Sequence[T],
    size: int,
    place: Callable[[T], Sequence[str]],
    show: Callable[[T], Any],
    most_bytes: int,
) -> dict[str, Any]:
    """The page of *items*, of which there is one more than *size* when another page follows. It
    ends before *size* where its items would be more than *most_bytes*; one is always there."""
    shown: list[orjson.Fragment] = []
    total = 0
    for item in items[:size]:
        body = orjson.dumps(show(item))
        total += len(body)
        if shown and total > most_bytes:
            break
        shown.append(orjson.Fragment(body))
    following = None
    if len(items) > len(shown):
        following = encoded(place(items[len(shown) - 1]))
    return {"items": shown, "next": following}
