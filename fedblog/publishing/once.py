"""Idempotency-Key: a request repeated under its key gets its first answer and changes nothing."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, Protocol, TypeVar

from sqlalchemy import Connection

from fedblog.domain.errors import ConflictError, GoneError
from fedblog.storage import idempotency
from fedblog.storage.idempotency import KeptAnswer


class Made(Protocol):
    """What requests make."""

    @property
    def id(self) -> str:
        """Its id."""
        ...


T = TypeVar("T", bound=Made)


@dataclass(frozen=True, slots=True)
class Replay:
    """The answer that the first request under the key got."""

    status: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Once(Generic[T]):
    """What makes a unit happen once: *key* of the author *author_id*, *request_hash* telling the
    request from another under the same key, *answer* giving status and body for a result."""

    author_id: str
    key: str
    request_hash: str
    answer: Callable[[Connection, T], tuple[int, bytes]]

    def replay(self, connection: Connection) -> Replay | None:
        """The kept answer, or None for a new key.

        Raises ConflictError when the key was used with another request, GoneError where what it
        made was deleted since.
        """
        kept = idempotency.find(connection, self.author_id, self.key)
        if kept is None:
            return None
        if kept.request_hash != self.request_hash:
            raise ConflictError("the Idempotency-Key was used with another request")
        if kept.status == idempotency.GONE:
            raise GoneError("what this request made was deleted")
        return Replay(kept.status, kept.body)

    def keep(self, connection: Connection, result: T, now: datetime) -> None:
        """Keep the answer for *result*, in the unit that made it."""
        status, body = self.answer(connection, result)
        kept = KeptAnswer(self.request_hash, status, body)
        idempotency.keep(connection, self.author_id, self.key, kept, result.id, now)
