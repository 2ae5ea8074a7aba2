"""Why a request to an inbox is refused; each is one HTTP status."""

from fedblog.remote.errors import RemoteError, ShortError, UnreachableError

_ASK_AGAIN = 60.0
"""Seconds after which a document that could not be had is asked for again (remote/actors.py); its
server may be left alone for longer (remote/askings.py)."""


class ReceivingError(Exception):
    """The request is refused and nothing was stored."""

    status = 400

    def __init__(self, detail: str, *, retry_after: float | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.retry_after = retry_after


class MalformedError(ReceivingError):
    """Not JSON, or not an activity."""

    status = 400


class UnverifiedError(ReceivingError):
    """The signature is missing, cannot be checked or does not hold (Mastodon tries its other
    scheme after a 401)."""

    status = 401


class BlockedError(ReceivingError):
    """The sender is blocked."""

    status = 403


class TooSlowError(ReceivingError):
    """The body did not arrive in time."""

    status = 408


class TooLargeError(ReceivingError):
    """Body, JSON depth or an array is over its bound."""

    status = 413


class MediaTypeError(ReceivingError):
    """The body is of a type that carries no activity."""

    status = 415


class RateLimitedError(ReceivingError):
    """The sender sends too much."""

    status = 429


class OverloadedError(ReceivingError):
    """We are what is short, or a server that must be asked does not answer: the peer may try again.
    Nothing is said of the signature."""

    status = 503


class ProcessingError(ReceivingError):
    """An error of ours: the peer may try again."""

    status = 500


def not_now(error: RemoteError) -> ReceivingError:
    """How a sender is told that what another server has to say could not be found out now."""
    if not isinstance(error, ShortError):
        rest = error.retry_after if isinstance(error, UnreachableError) else None
        return OverloadedError(str(error), retry_after=max(_ASK_AGAIN, rest or 0.0))
    kind = RateLimitedError if error.is_askers else OverloadedError
    return kind(str(error), retry_after=error.retry_after)
