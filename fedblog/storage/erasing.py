"""What the end of an actor means for what it wrote here, as long work in slices: its comments lose
their words and keep their places, its reactions go."""

from datetime import datetime

from sqlalchemy import Connection

from fedblog.storage import reactions, threads, unforwarded
from fedblog.storage.slices import State, Step

ERASE_ACTOR = "erase_actor"
"""The kind of job; its key is the actor's id."""
ROW_WEIGHT = 4
"""As in cutting_off.py."""
_MOST_ROWS = 1000


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
