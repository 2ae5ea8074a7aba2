"""Functions of ours, called in a process of its own.

A function is named by its module and takes bytes and keywords that JSON can carry. What it gives
comes back pickled, and only values come out of that: our own dataclasses, times, and what Python
builds in (decision 0020). So does an error, as one of those that its caller expects.
"""

import io
import pickle
import sys
from collections.abc import Callable, Hashable, Mapping
from dataclasses import is_dataclass
from typing import Any, TypeVar

from fedblog.aside.room import Room

T = TypeVar("T")

MODULE = "fedblog.aside.called"
"""What the process runs (see `Process`)."""
_TIMES = frozenset({"datetime", "timedelta", "timezone"})


class FailedError(Exception):
    """The function raised what nobody expected; the process has logged it."""


async def call(
    room: Room,
    who: Hashable,
    function: Callable[..., T],
    content: bytes,
    keywords: Mapping[str, Any] | None = None,
    *,
    raises: tuple[type[Exception], ...] = (),
    is_first: bool = False,
) -> T:
    """What ``function(content, **keywords)`` gives in the process of *room*, in turn of *who*.

    Raises those of *raises*, with the message of what the function raised, FailedError for all
    else, and what `Room.ask` raises.
    """

    def read(told: dict[str, Any], answer: bytes) -> T:
        if "error" not in told:
            value: T = _Values(io.BytesIO(answer)).load()
            return value
        for kind in raises:
            if kind.__name__ == told["error"]:
                raise kind(told["detail"])
        raise FailedError(told["detail"])

    head = {
        "function": [function.__module__, function.__qualname__],
        "keywords": dict(keywords or {}),
        "raises": [kind.__name__ for kind in raises],
    }
    return await room.ask(who, head, content, read=read, size=len(content), is_first=is_first)


class _Values(pickle.Unpickler):
    """Loads values, and calls nothing but what makes them."""

    def find_class(self, module: str, name: str) -> Any:
        if module == "datetime" and name in _TIMES:
            return super().find_class(module, name)
        if module.startswith("fedblog.") and module in sys.modules:
            found = getattr(sys.modules[module], name, None)
            if isinstance(found, type) and is_dataclass(found):
                return found
        raise pickle.UnpicklingError(f"{module}.{name} is no value")
