"""Permanent opaque identifiers (ULIDs): sortable by time, never derived from a title or a slug."""

import os
import re
import threading
import time
from datetime import datetime
from functools import lru_cache

_DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32: the order of the letters is that of the numbers."""
_PAIRS = tuple(first + second for first in _DIGITS for second in _DIGITS)
_lock = threading.Lock()
_last = (0, 0)
_FARTHEST = 3 * 86_400_000
"""Milliseconds: ids go on from those of a clock that was ahead, but not from another age."""
_ULID = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}")


def new_id() -> str:
    """A new ULID as its 26-character canonical text: 48 bits of milliseconds, 80 at random.

    Each is greater than the one before (within a millisecond by 32 random bits), so that what is
    said first is also first by id, even where the clock was up to three days ahead and is right
    again. Written here because it is wanted for each reply: the library's takes four times as long.
    """
    global _last
    milliseconds = int(time.time() * 1000)
    with _lock:
        before, chance = _last
        if milliseconds <= before <= milliseconds + _FARTHEST:
            milliseconds = before
            chance = (chance + 1 + int.from_bytes(os.urandom(4))) % (1 << 80)
        else:
            chance = int.from_bytes(os.urandom(10))
        _last = (milliseconds, chance)
    return _digits_of_time(milliseconds) + _digits(chance, 8)


def last_of_now(moment: datetime) -> str:
    """The id below which those lie that `go_on_after` takes at *moment*."""
    return _digits(int(moment.timestamp() * 1000) + _FARTHEST, 5) + "0" * 16


def go_on_after(id_: str) -> None:
    """Let the next ids be greater than *id_*, which an earlier process made by a clock that may
    have been ahead (up to three days; more is passed over)."""
    global _last
    number = 0
    for letter in id_:
        number = number << 5 | _DIGITS.index(letter)
    with _lock:
        _last = max(_last, (number >> 80, number & (1 << 80) - 1))


def first_id_at(moment: datetime) -> str:
    """The lowest ULID of *moment*: those made since are not lower."""
    return _digits(int(moment.timestamp() * 1000), 5) + "0" * 16


def is_id(text: str) -> bool:
    """Whether *text* has the canonical (upper-case) form of a ULID."""
    return _ULID.fullmatch(text) is not None


@lru_cache(maxsize=2)  # many are made within a millisecond
def _digits_of_time(milliseconds: int) -> str:
    return _digits(milliseconds, 5)


def _digits(number: int, pairs: int) -> str:
    """*number* in base 32, with so many pairs of digits."""
    found = []
    for _ in range(pairs):
        found.append(_PAIRS[number & 1023])
        number >>= 10
    found.reverse()
    return "".join(found)
