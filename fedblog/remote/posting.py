"""One POST straight through aiohttp: half of what it costs by way of httpx.

The session's connector is the guarded one, as for everything else (connections.py).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import aiohttp
from yarl import URL

from fedblog.remote.failures import translated

_ANSWER_BYTES = 16 * 1024
"""What is read of the answer to a POST: enough to keep the connection usable."""
_EXCERPT_BYTES = 500
_LOCATION_LENGTH = 2048


@dataclass(frozen=True, slots=True)
class Answer:
    """What a peer answered to a POST. *retry_after* is in seconds, *location* where it redirects
    to, "" where it does not."""

    status: int
    retry_after: float | None
    body_excerpt: str
    location: str = ""


async def post(
    session: aiohttp.ClientSession, target: URL, headers: Mapping[str, str], body: bytes
) -> Answer:
    """POST *body* to *target* once, following no redirect. Raises RemoteError, TimeoutError."""
    try:
        async with session.post(
            target, headers=headers, data=body, allow_redirects=False
        ) as response:
            excerpt = await _excerpt(response.content)
            status = response.status
            after = _retry_after(response.headers.get("Retry-After")) if status >= 400 else None
            is_led = 300 <= status < 400
            location = response.headers.get("Location", "")[:_LOCATION_LENGTH] if is_led else ""
            return Answer(status, after, excerpt, location)
    except TimeoutError:
        raise  # the timeout around the whole answers for it
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise translated(error, target) from error


async def _excerpt(content: aiohttp.StreamReader) -> str:
    """The beginning of the body; an answer that breaks off later is still the answer."""
    if content.at_eof():
        return ""
    taken = bytearray()
    size = 0
    try:
        while size <= _ANSWER_BYTES and (chunk := await content.readany()):
            size += len(chunk)
            if len(taken) < _EXCERPT_BYTES:
                taken += chunk[: _EXCERPT_BYTES - len(taken)]
    except TimeoutError:
        raise
    except (aiohttp.ClientError, OSError):
        pass
    return taken.decode("utf-8", "replace")


def _retry_after(value: str | None) -> float | None:
    """Seconds to wait (RFC 9110, section 10.2.3: a number of seconds or a date)."""
    if not value:
        return None
    if value.isascii() and value.isdigit():
        return float(value[:9])
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())
