"""What the libraries below raise, as errors of our own."""

import aiohttp

from fedblog.remote import guard
from fedblog.remote.errors import (
    BlockedAddressError,
    RemoteError,
    ShortError,
    SlowHostError,
    UnreachableError,
)
from fedblog.remote.resolver import NoAnswerError, NoNameServerError

_CLOSED_CONNECTION = (aiohttp.ServerDisconnectedError, ConnectionResetError, BrokenPipeError)
_NAMES_AGAIN = 30.0


class ClosedConnectionError(UnreachableError):
    """The peer closed the connection before it answered."""


def translated(error: BaseException, url: object) -> RemoteError:
    """The RemoteError that *error* amounts to, met on the way to *url*."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, guard.ClosedAddressError):
            return BlockedAddressError(f"{url}: {cause}")
        if isinstance(cause, NoAnswerError):
            return SlowHostError(f"{cause}", retry_after=_NAMES_AGAIN)
        if isinstance(cause, NoNameServerError):
            return ShortError(f"{cause}", retry_after=_NAMES_AGAIN)
        if isinstance(cause, _CLOSED_CONNECTION):
            return ClosedConnectionError(f"{url} closed the connection")
        cause = cause.__cause__
    text = str(error) or type(error).__name__
    return UnreachableError(f"{url} cannot be reached: {text[:200]}")
