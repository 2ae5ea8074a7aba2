"""Waiting for what must come, however slow the machine is."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

PATIENCE = 120.0
"""Seconds that no machine needs: a bound only so that a broken test fails and does not hang."""


async def eventually(check: Callable[[], Any], pause: float = 0.01) -> Any:
    """What *check* (plain or async) gives once it is truthy; AssertionError if it never is."""
    try:
        async with asyncio.timeout(PATIENCE):
            while True:
                found = check()
                if isinstance(found, Awaitable):
                    found = await found
                if found:
                    return found
                await asyncio.sleep(pause)
    except TimeoutError:
        raise AssertionError(f"not within {PATIENCE:.0f} s") from None
