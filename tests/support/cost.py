"""What work costs in processor time, against a piece of work of this machine: a test that asks so
does not depend on how fast the machine is, or on what else runs on it.

One `UNIT` is some 10 ms of a usual core. Bounds are ten times what was measured, or more.
"""

import contextlib
import time
from collections.abc import Awaitable, Callable
from typing import Any

_ROUNDS = 3


def _unit() -> float:
    begun = time.process_time()
    counts: dict[int, int] = {}
    for number in range(100_000):
        counts[number & 1023] = counts.get(number & 1023, 0) + number
    return time.process_time() - begun


UNIT = min(_unit() for _ in range(5))


def units_of(work: Callable[..., Any], *arguments: Any) -> float:
    """The processor time of ``work(*arguments)`` in units, the least of three runs. What it raises
    is no matter."""
    return min(_once(work, *arguments) for _ in range(_ROUNDS))


def _once(work: Callable[..., Any], *arguments: Any) -> float:
    begun = time.process_time()
    with contextlib.suppress(Exception):  # a refusal has its price as well
        work(*arguments)
    return (time.process_time() - begun) / UNIT


async def least_units_of_loop(work: Callable[[], Awaitable[Any]]) -> float:
    """`units_of_loop`, the least of three runs: the loop may have had something else to do."""
    return min([await units_of_loop(work) for _ in range(_ROUNDS)])


async def units_of_loop(work: Callable[[], Awaitable[Any]]) -> float:
    """The processor time that the event loop's own thread spends while *work* is awaited."""
    begun = time.thread_time()
    await work()
    return (time.thread_time() - begun) / UNIT
