"""Work that must come to its end although the loop that began it is being cancelled."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

GRACE_SECONDS = 5.0


async def completed(work: Coroutine[Any, Any, T]) -> T:
    """What *work* gives. Where the caller is cancelled, *work* goes on to its end (for a few
    seconds) before the caller is: a claim that nobody hears of would keep its lease for nothing.
    """
    task = asyncio.create_task(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        done, _ = await asyncio.wait([task], timeout=GRACE_SECONDS)
        if not done:
            task.cancel()
        elif not task.cancelled():
            task.exception()  # seen; there is nobody to tell
        raise
