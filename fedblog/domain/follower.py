"""Who follows the blog or one of its authors."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Follower:
    """*actor_uri* follows the local actor *owner*; *activity_uri* is the id of its Follow.

    *inbox* is where deliveries go: the actor's shared inbox where it has one.
    """

    blog_id: int
    owner: str
    actor_uri: str
    activity_uri: str | None
    inbox: str
    created_at: datetime
