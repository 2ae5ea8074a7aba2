"""Dear work that is taken off the event loop: on one thread, bounded in how much of it waits.

One thread, because such work holds the interpreter: more of them would only take turns, and leave
the loop fewer. Who waits is served in turn by name, so that one sender's load delays that sender.
"""

import asyncio
import contextlib
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

T = TypeVar("T")
_Waiting = tuple[asyncio.Future[Any], int, Callable[[], Any]]


class LaneFullError(Exception):
    """More work waits already than may, of all names or of this one."""


class _Line:
    """What waits, by name. At most *most*, *most_each* of one name, *most_bytes* in all."""

    def __init__(self, most: int, most_each: int, most_bytes: int) -> None:
        self._most = most
        self._most_each = most_each
        self._most_bytes = most_bytes
        self._queues: OrderedDict[Hashable, deque[_Waiting]] = OrderedDict()
        self._count = 0
        self._bytes = 0

    def add(self, who: Hashable, waiting: _Waiting) -> None:
        """Raises LaneFullError."""
        queue, size = self._queues.get(who), waiting[1]
        if (
            self._count >= self._most
            or (self._most_bytes and self._count and self._bytes + size > self._most_bytes)
            or (queue is not None and len(queue) >= self._most_each)
        ):
            raise LaneFullError("too much of this work waits")
        if queue is None:
            queue = self._queues[who] = deque()
        queue.append(waiting)
        self._count += 1
        self._bytes += size

    def next(self) -> _Waiting | None:
        """Whose turn it is."""
        if not self._queues:
            return None
        who, queue = self._queues.popitem(last=False)
        waiting = queue.popleft()
        self._count -= 1
        self._bytes -= waiting[1]
        if queue:
            self._queues[who] = queue  # behind all others
        return waiting


class Lane:
    """Runs functions one after the other on a thread called *name*. At most *waiting* wait,
    *waiting_each* of one name, and together they hold *waiting_bytes* (one alone may be larger,
    and 0 is no bound). What is to be done first has as much room again."""

    def __init__(
        self, name: str, *, waiting: int, waiting_each: int, waiting_bytes: int = 0
    ) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)
        self._lines = [_Line(waiting, waiting_each, waiting_bytes) for _ in range(2)]
        self._is_busy = False

    async def run(
        self,
        who: Hashable,
        work: Callable[..., T],
        *arguments: Any,
        size: int = 0,
        is_first: bool = False,
    ) -> T:
        """What ``work(*arguments)`` gives or raises, once it is the turn of *who*. *size* is what
        it holds, in bytes; *is_first* goes before all that is not.

        Raises LaneFullError where too much waits. A caller that is cancelled drops what was not
        begun.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        line = self._lines[0 if is_first else 1]
        line.add(who, (future, size, partial(work, *arguments)))
        if not self._is_busy:
            self._begin_next(loop)
        return await future

    def close(self) -> None:
        """Have the thread end after what it is at; what waits is dropped."""
        while (waiting := self._next()) is not None:
            waiting[0].cancel()
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _next(self) -> _Waiting | None:
        return self._lines[0].next() or self._lines[1].next()

    def _begin_next(self, loop: asyncio.AbstractEventLoop) -> None:
        self._is_busy = False
        while (waiting := self._next()) is not None:
            future, _, work = waiting
            if future.done():
                continue
            self._is_busy = True
            running = self._thread.submit(work)
            running.add_done_callback(partial(self._ended, loop, future))
            return

    def _ended(
        self, loop: asyncio.AbstractEventLoop, future: asyncio.Future[Any], done: Future[Any]
    ) -> None:
        """On the thread: tell the loop."""
        with contextlib.suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(self._tell, loop, future, done)

    def _tell(
        self, loop: asyncio.AbstractEventLoop, future: asyncio.Future[Any], done: Future[Any]
    ) -> None:
        if not future.done() and not done.cancelled():
            if (error := done.exception()) is not None:
                future.set_exception(error)
            else:
                future.set_result(done.result())
        self._begin_next(loop)
