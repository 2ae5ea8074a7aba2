"""Turns signed GETs of blocked servers away before the page cache: no verification is needed to
refuse (security case S32)."""

import re
from collections.abc import Awaitable, Callable
from itertools import islice

from fedblog.federation.blocklist import Blocklist

_MOST_KEYS = 8
"""A signature names one; each that is looked up costs as much as a small page."""
_KEY_ID = re.compile(rb'key[Ii]d\s*=\s*"([^"]{1,2000})"')


def refuse_blocked(blocklist: Blocklist) -> Callable[[bytes], Awaitable[bool]]:
    """What the page cache asks of the Signature headers (draft-cavage or RFC 9421)."""

    async def refuses(signature: bytes) -> bool:
        if blocklist.is_stale:
            await blocklist.refresh()
        try:
            return any(
                blocklist.holds_for(match[1].decode("latin-1"))
                for match in islice(_KEY_ID.finditer(signature), _MOST_KEYS)
            )
        except ValueError:  # no address at all
            return False

    return refuses
