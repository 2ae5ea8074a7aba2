"""Leave to interact: what others ask for, and the authorizations they get (FEP-044f, FEP-7aa9 and
GoToSocial's interaction controls)."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum


class Interaction(StrEnum):
    """What somebody wants to do with something of ours; the value begins the names of its request
    and its authorization (``QuoteRequest``, ``QuoteAuthorization``)."""

    QUOTE = "Quote"
    FEATURE = "Feature"
    REPLY = "Reply"
    LIKE = "Like"
    ANNOUNCE = "Announce"

    @property
    def request(self) -> str:
        """The type of the activity that asks for it."""
        return f"{self.value}Request"

    @property
    def authorization(self) -> str:
        """The type of the object that proves it was allowed."""
        return f"{self.value}Authorization"


class AuthorizationState(StrEnum):
    """How far a request has come."""

    WAITING = "waiting"
    """A moderator has to decide."""
    GRANTED = "granted"
    REVOKED = "revoked"
    """Taken back, or refused by a moderator; it is not granted again by itself."""


@dataclass(frozen=True, slots=True)
class Authorization:
    """The actor *actor_uri* may let *object_uri* (a quote, a reply, a like, a boost, a collection)
    interact with *target_uri*, which belongs to the local actor *owner*.

    *request_uri* is the id of the request; None where a moderator approved what came without one.
    *was_granted* stays on after a revocation: its address then says that it is gone.
    """

    id: str
    blog_id: int
    interaction: Interaction
    owner: str
    target_uri: str
    object_uri: str
    actor_uri: str
    request_uri: str | None
    post_id: str | None
    state: AuthorizationState
    was_granted: bool
    created_at: datetime
    decided_at: datetime | None = None

    @property
    def key(self) -> tuple[str, str, str, str]:
        """By what it is unique: who asks for what is asked once."""
        return (self.interaction.value, self.actor_uri, self.object_uri, self.target_uri)

    def granted(self, now: datetime) -> "Authorization":
        """The authorization as granted at *now*."""
        return replace(self, state=AuthorizationState.GRANTED, was_granted=True, decided_at=now)

    def revoked(self, now: datetime) -> "Authorization":
        """The authorization as taken back at *now*."""
        return replace(self, state=AuthorizationState.REVOKED, decided_at=now)
