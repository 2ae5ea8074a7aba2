"""What is answered where the database or the disk fails, the same at every address.

503 with Retry-After, or 507 where there is no room: never 404, which peers take for a deletion, and
never 500, after which many do not come back.
"""

import logging
import time
from dataclasses import dataclass

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fedblog.endpoints.negotiation import json_error
from fedblog.storage.errors import (
    DatabaseBusyError,
    StorageError,
    StorageFullError,
    StoreClosedError,
)

log = logging.getLogger(__name__)

LOG_EVERY = 10.0
_last_logged = {"at": -LOG_EVERY, "left_out": 0.0}


@dataclass(frozen=True, slots=True)
class Trouble:
    """A status, what it says, and after how many seconds to ask again."""

    status: int
    detail: str
    retry_after: int


def trouble_of(error: StorageError) -> Trouble:
    """What a client is told of *error*: nothing of what the database said."""
    match error:
        case StorageFullError():
            return Trouble(507, "there is no room left on the server", 300)
        case DatabaseBusyError():
            return Trouble(503, "the database is busy", 5)
        case StoreClosedError():
            return Trouble(503, "the server is being stopped", 5)
        case _:
            return Trouble(503, "the database is in trouble", 60)


def note(where: str, error: StorageError) -> None:
    """Write *error* into the log; of very many, one every ten seconds with the number of others: a
    full disk would be none the emptier for it."""
    now = time.monotonic()
    if now - _last_logged["at"] < LOG_EVERY:
        _last_logged["left_out"] += 1
        return
    others = int(_last_logged["left_out"])
    _last_logged.update(at=now, left_out=0)
    more = f" (and {others} others since the last one that was written down)" if others else ""
    log.error("the database failed at %s%s", where, more, exc_info=error)


class Troubled:
    """The ASGI layer around all others, for what fails before routing or beside it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        has_begun = False

        async def noticing(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        try:
            await self._app(scope, receive, noticing)
        except StorageError as error:
            note(scope["path"], error)
            if has_begun:
                raise
            trouble = trouble_of(error)
            response = json_error(trouble.status, trouble.detail)
            response.headers["retry-after"] = str(trouble.retry_after)
            await response(scope, receive, send)
