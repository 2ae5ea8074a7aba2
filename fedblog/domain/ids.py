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
_ULID = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}")


class _Last:
    """The newest id of this process: its milliseconds, and what followed them."""

    lock = threading.Lock()
    milliseconds = -1
    rest = 0


def new_id() -> str:
    """A new ULID as its 26-character canonical text: 48 bits of milliseconds, 80 at random; within
    one millisecond each of a process is one more than the one before, so that they sort as they
    were made.

    Written here because it is wanted for each reply: the library's takes four times as long.
    """
    now = int(time.time() * 1000)
    with _Last.lock:
        if now == _Last.milliseconds:
            _Last.rest += 1
        else:
            _Last.milliseconds = now
            # The highest bit is left out: there is always one more.
            _Last.rest = int.from_bytes(os.urandom(10)) >> 1
        rest = _Last.rest
    return _digits_of_time(now) + _digits(rest, 8)


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
