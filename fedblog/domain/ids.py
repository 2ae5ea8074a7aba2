"""Permanent opaque identifiers (ULIDs): sortable by time, never derived from a title or a slug."""

import re

from ulid import ULID

_ULID = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}")


def new_id() -> str:
    """A new ULID as its 26-character canonical text."""
    return str(ULID())


def is_id(text: str) -> bool:
    """Whether *text* has the canonical (upper-case) form of a ULID."""
    return _ULID.fullmatch(text) is not None
