"""Turns signed GETs of blocked servers away before the page cache: no verification is needed to
refuse (security case S32)."""

import re
from collections.abc import Awaitable, Callable

from fedblog.federation.blocklist import Blocklist

_KEY_ID = re.compile(rb'key[Ii]d\s*=\s*"([^"]{1,2000})"')


def refuse_blocked(blocklist: Blocklist) -> Callable[[bytes], Awaitable[bool]]:
    """What the page cache asks of the Signature headers (draft-cavage or RFC 9421)."""

    async def refuses(signature: bytes) -> bool:
        if blocklist.is_stale:
            await blocklist.refresh()
        try:
            return any(
                blocklist.holds_for(key_id.decode("latin-1"))
                for key_id in _KEY_ID.findall(signature)
            )
        except ValueError:  # no address at all
            return False

    return refuses
