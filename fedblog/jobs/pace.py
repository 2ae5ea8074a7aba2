"""Work in small portions: between two of them the event loop turns to everything else.

Sixty-four answers that arrive together would otherwise be handled, and as many requests begun, in
one turn of the loop, while readers wait.
"""

import asyncio
from collections import deque


class Pace:
    """Lets *portion* of what asks for its `turn` go on in each turn of the event loop (now and
    then twice that: it counts anew in the midst of one)."""

    def __init__(self, portion: int) -> None:
        self._portion = portion
        self._left = portion
        self._released = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._is_counting = False

    async def turn(self) -> None:
        """Wait for one's turn: none while few ask, else first come, first served."""
        if not self._is_counting:
            self._is_counting = True
            asyncio.get_running_loop().call_soon(self._begin_turn)
        if self._left > 0 and not self._waiting:
            self._left -= 1
            return
        future = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        await future

    def _begin_turn(self) -> None:
        """Count anew, and let the next ones go on: they do so in the loop's next turn."""
        was_asked = self._left < self._portion
        self._left = self._portion - self._released
        self._released = 0
        while self._waiting and self._released < self._portion:
            future = self._waiting.popleft()
            if not future.done():  # nobody was cancelled meanwhile
                future.set_result(None)
                self._released += 1
        self._is_counting = was_asked or self._released > 0
        if self._is_counting:
            asyncio.get_running_loop().call_soon(self._begin_turn)
