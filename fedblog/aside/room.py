"""Who waits for a process: one thing at a time, each in turn, and an end when it is idle."""

import asyncio
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import IO, Any, TypeVar

from fedblog.aside.errors import BusyError, EndedError
from fedblog.aside.process import Process
from fedblog.domain.lane import Lane, LaneFullError
from fedblog.domain.rates import TokenBuckets

T = TypeVar("T")

_WAIT_SECONDS = 30.0
_IDLE_SECONDS = 5.0


class Room:
    """Has *process* work for who asks, in turn by name, as a `Lane` with the bounds *bounds* does,
    and ends it after some seconds without work.

    *budget* bounds the milliseconds of processor time that one name gets.
    """

    def __init__(
        self,
        name: str,
        process: Process,
        *,
        budget: TokenBuckets | None = None,
        **bounds: int,
    ) -> None:
        self._lane = Lane(name, **bounds)
        self._process = process
        self._budget = budget
        self._under_way = 0
        self._idle: asyncio.TimerHandle | None = None
        self._resting: asyncio.Task[None] | None = None

    async def ask(
        self,
        who: Hashable,
        head: dict[str, Any],
        content: bytes | IO[bytes],
        *,
        read: Callable[[dict[str, Any], bytes], T],
        size: int = 0,
        is_first: bool = False,
    ) -> T:
        """What *read* makes (on the thread) of the answer to *head* and *content*, once it is the
        turn of *who*. *size* counts as waiting bytes; *is_first* goes before all that is not.

        Raises BusyError where too much waits or *who* had more than their share of time,
        EndedError, and what *read* raises.
        """
        if self._budget is not None and (wait := self._budget.wait(who)):
            raise BusyError("too much time was spent on what they sent", retry_after=wait)
        self._under_way += 1
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None
        try:
            done: tuple[float, T | _Failure] = await self._lane.run(
                who, self._work, head, content, read, size=size, is_first=is_first
            )
        except LaneFullError:
            raise BusyError("too much of this work waits", retry_after=_WAIT_SECONDS) from None
        finally:
            self._under_way -= 1
            if not self._under_way:
                loop = asyncio.get_running_loop()
                self._idle = loop.call_later(_IDLE_SECONDS, self._rest, loop)
        milliseconds, answer = done
        if self._budget is not None:
            self._budget.spend(who, milliseconds)
        if isinstance(answer, _Failure):
            raise answer.error
        return answer

    async def close(self) -> None:
        """End the process; what waits is dropped."""
        if self._idle is not None:
            self._idle.cancel()
        self._lane.close()
        await asyncio.to_thread(self._process.kill)

    @property
    def pid(self) -> int | None:
        """The id of the process, or None while there is none."""
        return self._process.pid

    def _work(
        self,
        head: dict[str, Any],
        content: bytes | IO[bytes],
        read: Callable[[dict[str, Any], bytes], T],
    ) -> "tuple[float, T | _Failure]":
        """On the thread: how many milliseconds it took, and what came of it."""
        begun = time.monotonic()
        try:
            told, answer = self._process.ask(head, content)
        except EndedError as error:
            return 1000 * (time.monotonic() - begun), _Failure(error)
        milliseconds = 1000 * float(told.pop("cpu"))
        try:
            return milliseconds, read(told, answer)
        except Exception as error:
            return milliseconds, _Failure(error)

    def _rest(self, loop: asyncio.AbstractEventLoop) -> None:
        self._idle = None
        self._resting = loop.create_task(self._lane.run("", self._process.kill))


@dataclass(frozen=True, slots=True)
class _Failure:
    error: Exception
