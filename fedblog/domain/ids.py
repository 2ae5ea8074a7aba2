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
_ULID = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}")


def new_id() -> str:
    """A new ULID as its 26-character canonical text: 48 bits of milliseconds, 80 at random.

    Within a millisecond each is greater than the one before (by 32 random bits), so that what one
    unit says first is also first by id. Written here because it is wanted for each reply: the
    library's takes four times as long.
    """
    global _last
    milliseconds = int(time.time() * 1000)
    with _lock:
        before, chance = _last
        if milliseconds == before:
            chance = (chance + 1 + int.from_bytes(os.urandom(4))) % (1 << 80)
        else:
            chance = int.from_bytes(os.urandom(10))
        _last = (milliseconds, chance)
    return _digits_of_time(milliseconds) + _digits(chance, 8)


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
