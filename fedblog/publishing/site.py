"""Site: what every use-case, endpoint and page is given. Wired once, in app.py."""

from dataclasses import dataclass

from fedblog.domain.addresses import Addresses
from fedblog.publishing.keyring import KeyRing
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
