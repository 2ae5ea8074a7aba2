"""Site: what every use-case, endpoint and page is given. Wired once, in app.py."""

from dataclasses import dataclass, field

from fedblog.aside.room import Room
from fedblog.domain.addresses import Addresses
from fedblog.publishing.keyring import KeyRing
from fedblog.publishing.pictures.darkroom import Darkroom
from fedblog.remote.actors import ActorDirectory
from fedblog.remote.client import RemoteClient
from fedblog.settings import Settings
from fedblog.storage.store import Store


@dataclass(frozen=True, slots=True)
class Site:
    """One running blog server: its settings, its store, its addresses and its ways out."""

    settings: Settings
    store: Store
    addresses: Addresses
    blog_id: int
    client: RemoteClient
    actors: ActorDirectory
    keys: KeyRing
    darkroom: Darkroom = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "darkroom", Darkroom(self.settings))

    @property
    def texts(self) -> Room:
        """Where is read what is dear of what others sent."""
        return self.client.texts
