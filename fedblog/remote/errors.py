"""What can go wrong when another server is asked for something."""

from typing import Self

_LATER = frozenset({408, 425, 429})
"""Statuses below 500 that say "not now" (RFC 9110, RFC 8470, RFC 6585)."""


class RemoteError(Exception):
    """A request to another server did not give what was asked for. *is_passing*: it was not found
    out, and may be later; else it is what that server has to say."""

    is_passing = False

    def bare(self) -> Self:
        """The same error without where it was raised: that holds all that was at work there, a
        fetched document among it. For what is kept."""
        made = type(self).__new__(type(self), *self.args)
        made.__dict__.update(self.__dict__)
        return made


class BlockedAddressError(RemoteError):
    """The URL, or the address its host stands for, is not one that may be asked."""


class UnreachableError(RemoteError):
    """No answer: no connection, a broken one, a bad certificate, or out of time. In *retry_after*
    seconds the host is asked again, where that is known."""

    is_passing = True
    retry_after: float | None = None


class ShortError(RemoteError):
    """Nothing was asked, because we have no place or do not ask so often: in *retry_after* seconds
    we may. *is_askers* says whether it is the asker who had us ask too much."""

    is_passing = True

    def __init__(self, text: str, *, retry_after: float, is_askers: bool = False) -> None:
        super().__init__(text)
        self.retry_after = retry_after
        self.is_askers = is_askers


class SlowHostError(ShortError):
    """The host, or the name server that knows it, took longer than others could be let wait."""


class TooLargeError(RemoteError):
    """The answer passes its bound in bytes, packed or unpacked, or in JSON depth or items."""


class WrongMediaTypeError(RemoteError):
    """The answer has a media type or content encoding that was not asked for."""


class RedirectError(RemoteError):
    """Too many redirects, one that names no usable target, or one from https to http."""


class RemoteStatusError(RemoteError):
    """The answer's *status* is not a success."""

    def __init__(self, status: int, url: str) -> None:
        super().__init__(f"{url} answered {status}")
        self.status = status
        self.is_passing = status >= 500 or status in _LATER


class WrongDocumentError(RemoteError):
    """The document is not what its address promises: malformed, or another one's (S1)."""


class ActorGoneError(RemoteError):
    """The actor's own server says that it does not exist (any more): *status* 404 or 410."""

    def __init__(self, text: str, status: int = 410) -> None:
        super().__init__(text)
        self.status = status


class KeyNotFoundError(RemoteError):
    """No actor lists the key as its own (S4), or it cannot be asked for again yet (S35)."""
