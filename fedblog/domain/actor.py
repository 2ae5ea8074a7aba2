"""People and servers of the world, as far as this server knows them."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class RemoteActor:
    """A remote actor as last fetched. *host* is the id's host (and port where it is not the
    scheme's own); *handle* is preferredUsername, so that ``@handle@host`` can be shown;
    *emojis* the custom emojis in *name*, as JSON."""

    uri: str
    type: str
    handle: str
    host: str
    name: str
    url: str
    avatar_url: str
    summary: str
    inbox: str
    shared_inbox: str | None
    followers_uri: str | None
    moved_to: str | None
    also_known_as: tuple[str, ...]
    fetched_at: datetime
    deleted_at: datetime | None = None
    emojis: str | None = None


@dataclass(frozen=True, slots=True)
class ActorKey:
    """A public key that *actor_uri* lists as its own. *kind* is ``rsa`` or ``ed25519``;
    *public_pem* the key as SubjectPublicKeyInfo PEM."""

    key_id: str
    actor_uri: str
    kind: str
    public_pem: str
    fetched_at: datetime
