"""HTML entities in addresses: some servers write the ``&`` of a query as ``&#038;`` or ``&amp;``.

What is asked or shown would stop at the ``#``, or name parameters ``amp;…``.
"""

import html
import re

_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#x[0-9a-f]{1,6}|amp|quot|apos|lt|gt);", re.IGNORECASE)
_MOST_ROUNDS = 3


def decoded(address: str) -> str:
    """*address* without HTML entities: numeric ones and the five of XML, all with their semicolon
    (``&copy=1`` is a parameter). What was encoded twice is decoded twice, so that decoding again
    changes nothing."""
    if "&" not in address:
        return address
    for _ in range(_MOST_ROUNDS):
        plain = _ENTITY.sub(lambda entity: html.unescape(entity[0]), address)
        if plain == address:
            break
        address = plain
    return address
