"""The feed of changes: a unit that changes something visible says so in its own transaction.

After the commit the Store tells listeners in this process at once; other processes see it within
a second. Page cache, live streams, loops and cached settings hang on this one mechanism.
"""

from collections.abc import Iterable
from typing import NamedTuple

from sqlalchemy import Connection

PENDING = "fedblog.changes"
"""Where a connection's info keeps the changes of the transaction under way."""


class Change(NamedTuple):
    """*kind* names what changed, *key* which one.

    Kinds: ``post`` (key: post id; its text, state or place in lists), ``comments`` (post id),
    ``reactions`` (post id), ``news`` (post id; comments, likes or boosts came or are others now,
    and nothing that was shown has to go: in a flood pages may say so a little later),
    ``followers`` (owner), ``blog`` (""; title, settings), ``author`` (id),
    ``actor`` (URI; a remote actor's name, face, keys or inbox), ``blocks`` (""), ``hosts`` (name;
    silent for another day, or no longer), ``deliveries`` ("" ; some
    wait), ``jobs`` (""; some wait), ``schedule`` (""; a post waits for its time), ``tokens`` (""),
    ``keys`` (""), ``authorization`` (id; granted or revoked), and ``everything`` (""; changes may
    have been missed: drop what you hold).
    """

    kind: str
    key: str = ""


EVERYTHING = Change("everything")
NEWS = "news"
"""The kind of change to what ``comments`` and ``reactions`` stand for that can wait a moment."""


def record(connection: Connection, *items: Change) -> None:
    """Say in the current unit that *items* changed. Repeats within a transaction are dropped.

    The Store writes them to the table as the last statement before the COMMIT, for all units of
    the transaction together.
    """
    pending: dict[Change, None] = connection.info.setdefault(PENDING, {})
    pending.update(dict.fromkeys(items))


def pending(connection: Connection) -> Iterable[Change]:
    """The changes said on *connection* since the transaction began."""
    return tuple(connection.info.get(PENDING, ()))
