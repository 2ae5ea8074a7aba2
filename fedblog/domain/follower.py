"""Who follows the blog or one of its authors."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Follower:
    """*actor_uri* follows the local actor *owner*; *activity_uri* is the id of its Follow.

    Deliveries go to the inbox row *inbox_id* (the actor's shared inbox where it has one).
    """

    blog_id: int
    owner: str
    actor_uri: str
    activity_uri: str | None
    inbox_id: int
    created_at: datetime
