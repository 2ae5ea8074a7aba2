"""What the end of an actor means here: it follows nobody any more, and as long work in slices its
comments lose their words and keep their places, its reactions go."""

from datetime import datetime

from sqlalchemy import Connection

from fedblog.storage import actors, followers, reactions, slices, threads, unforwarded
from fedblog.storage.changes import Change, record
from fedblog.storage.slices import Allowance, State, Step

ERASE_ACTOR = "erase_actor"
"""The kind of job; its key is the actor's id."""
ROW_WEIGHT = 4
"""As in cutting_off.py."""
_MOST_ROWS = 1000


def remove_actor(
    connection: Connection,
    actor_uri: str,
    now: datetime,
    at_once: Allowance,
    *,
    keeps_words: bool = False,
) -> None:
    """The actor is gone: its places among the followers, its name, face and keys go at once, what
    it wrote as *at_once* allows and in slices; with *keeps_words* that stays."""
    if not keeps_words:
        begun = start(actor_uri, now)
        slices.begin(
            connection, ERASE_ACTOR, actor_uri, erase_actor, begun, now, at_once, weight=ROW_WEIGHT
        )
    for owner in followers.delete_of_actor(connection, actor_uri):
        record(connection, Change("followers", owner))
    actors.mark_deleted(connection, [actor_uri], now)


def start(actor_uri: str, now: datetime) -> State:
    """Where the work for the actor that was deleted at *now* begins."""
    return {"actor": actor_uri, "comment": "", "at": now.isoformat()}


def erase_actor(connection: Connection, state: State, limit: int) -> Step:
    """One step for a deleted actor (`slices.Work`)."""
    limit, actor_uri = min(limit, _MOST_ROWS), state["actor"]
    at = datetime.fromisoformat(state["at"])
    erased = threads.erase_of_actor(connection, actor_uri, state["comment"], limit, at)
    unforwarded.drop(connection, erased)
    if len(erased) == limit:
        return Step(limit, {**state, "comment": erased[-1]})
    reacted = reactions.of_actors(connection, [actor_uri], limit)
    reactions.drop(connection, reacted)
    rows = len(erased) + len(reacted)
    return Step(rows, state if len(reacted) == limit else None)
