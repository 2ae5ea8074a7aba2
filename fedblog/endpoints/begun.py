"""A coroutine run up to where it first has to wait, if it has to at all."""

from collections.abc import Coroutine, Generator
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Begun(Generic[T]):
    """*coroutine*, begun in the present task. Where it ended at once (*is_done*) its *result* is
    there; otherwise it is awaited, and goes on from where it stands.

    So that what is only needed while waiting, such as a timer, is made only then. Making one raises
    what the coroutine raises at once.
    """

    def __init__(self, coroutine: Coroutine[Any, Any, T]) -> None:
        self._coroutine = coroutine
        self.is_done = False
        self.result: T
        try:
            self._awaited = coroutine.send(None)
        except StopIteration as end:
            self.is_done = True
            self.result = end.value

    def __await__(self) -> Generator[Any, Any, T]:
        awaited = self._awaited
        try:
            while True:
                try:
                    sent = yield awaited
                except BaseException as error:  # a cancelled task, the end of a time
                    awaited = self._coroutine.throw(error)
                else:
                    awaited = self._coroutine.send(sent)
        except StopIteration as end:
            result: T = end.value
            return result
