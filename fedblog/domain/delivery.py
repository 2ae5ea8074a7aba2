"""What an inbox's answer means, when a delivery is tried again, and when it is given up."""

import random
from datetime import timedelta
from enum import StrEnum

_MINUTE = 60
_HOUR = 3600
RETRY_AFTER_SECONDS = (
    1 * _MINUTE,
    5 * _MINUTE,
    15 * _MINUTE,
    30 * _MINUTE,
    1 * _HOUR,
    2 * _HOUR,
    6 * _HOUR,
    12 * _HOUR,
    24 * _HOUR,
    24 * _HOUR,
)
"""Waits after each failed attempt: dense in the first hours, about three days in all.

Mastodon shows nothing in home feeds that is older than six hours.
"""
LONGEST_WAIT = timedelta(seconds=max(RETRY_AFTER_SECONDS) * 1.1)
"""No delivery waits for longer between two tries."""
TERM = timedelta(days=3)
"""How long something is worth delivering to a server that is silent."""


class DeliveryState(StrEnum):
    """The states of a delivery."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    FAILED = "failed"


class Answer(StrEnum):
    """What an answer of an inbox, or none, means; docs/operations.md has the table."""

    TAKEN = "taken"
    """The peer has it."""
    LATER = "later"
    """Tried again; it says nothing of the host."""
    SILENT = "silent"
    """Tried again; a day on which nothing else came counts as one of silence."""
    ELSEWHERE = "elsewhere"
    """The inbox is somewhere else: its people are asked where."""
    ABSENT = "absent"
    """There is no such inbox: its people are asked whether they still are."""
    REFUSED = "refused"
    """This delivery ends; it says nothing of the host."""


_MEANINGS = {
    **dict.fromkeys((301, 302, 303, 307, 308), Answer.ELSEWHERE),
    403: Answer.SILENT,
    **dict.fromkeys((404, 410), Answer.ABSENT),
    **dict.fromkeys((408, 425, 429), Answer.LATER),
}


def meaning(status: int | None) -> Answer:
    """What the *status* of an answer (None: no answer at all) means."""
    if status is None or status >= 500:
        return Answer.SILENT
    if 200 <= status < 300:
        return Answer.TAKEN
    return _MEANINGS.get(status, Answer.REFUSED)


def is_success(status: int) -> bool:
    """Whether the peer took the activity."""
    return meaning(status) is Answer.TAKEN


def is_retried(status: int | None) -> bool:
    """Whether an answer (None: no answer at all) is worth another attempt."""
    return meaning(status) not in (Answer.TAKEN, Answer.REFUSED)


MOST_ATTEMPTS = len(RETRY_AFTER_SECONDS) + 1
"""Attempts before a delivery is given up, unless the settings say otherwise."""


def longest(most: int) -> timedelta:
    """How long a delivery may be tried for: *most* attempts, each put off for as long as a peer may
    ask for."""
    return (most - 1) * LONGEST_WAIT


def next_wait(
    attempts: int, retry_after: float | None = None, *, most: int = MOST_ATTEMPTS
) -> timedelta | None:
    """How long to wait after *attempts* failed tries of *most*, or None when it is given up.

    *retry_after* (seconds, from a Retry-After header) lengthens the wait, up to a day. A jitter of
    up to a tenth keeps hosts from being asked in step.
    """
    if attempts >= most:
        return None
    seconds = float(RETRY_AFTER_SECONDS[min(attempts, len(RETRY_AFTER_SECONDS)) - 1])
    if retry_after is not None:
        seconds = max(seconds, min(retry_after, RETRY_AFTER_SECONDS[-1]))
    return timedelta(seconds=seconds * random.uniform(1.0, 1.1))  # noqa: S311
