"""The private keys of this server's actors, held in memory for signing."""

import asyncio
from collections.abc import Callable, Sequence

from fedblog.domain.addresses import Addresses
from fedblog.signatures.keys import RSA, PrivateKey, SigningKey, load_private
from fedblog.storage import keys as key_rows
from fedblog.storage.changes import Change
from fedblog.storage.keys import StoredKey
from fedblog.storage.store import Store


class UnknownKeyError(Exception):
    """No such local actor has a key in the ring."""


class KeyRing:
    """The keys that sign, by owner (``blog``, ``readers``, ``instance``, an author's id) and kind.

    It hears of new keys through the feed of changes and is read again on the next `fresh()`;
    whoever adds keys in this process calls `reload()` itself.
    """

    def __init__(self, store: Store, addresses: Addresses, blog_id: int) -> None:
        self._store = store
        self._addresses = addresses
        self._blog_id = blog_id
        self._stored: dict[tuple[str, str], StoredKey] = {}
        self._loaded: dict[tuple[str, str], PrivateKey] = {}
        self._watchers: list[Callable[[KeyRing], None]] = []
        self._is_stale = asyncio.Event()
        self._stop_listening = store.listen(self._heard)

    @classmethod
    async def load(cls, store: Store, addresses: Addresses, blog_id: int) -> "KeyRing":
        """A ring filled from the keys table."""
        ring = cls(store, addresses, blog_id)
        await ring.reload()
        return ring

    def signing_key(self, owner: str, kind: str = RSA) -> SigningKey:
        """The newest key of *owner* with the id peers know it by. Raises UnknownKeyError."""
        stored = self._find(owner, kind)
        name = (owner, stored.fragment)
        if (private := self._loaded.get(name)) is None:
            private = self._loaded[name] = load_private(stored.private_pem)
        return SigningKey(self._addresses.key(owner, stored.fragment), private)

    def public_pem(self, owner: str, kind: str = RSA) -> str:
        """The public half as SubjectPublicKeyInfo PEM. Raises UnknownKeyError."""
        return self._find(owner, kind).public_pem

    async def reload(self) -> None:
        """Read the keys table again."""
        self._is_stale.clear()  # before: what changes while it is read is heard of
        try:
            rows = await self._store.read(key_rows.active, self._blog_id)
        except BaseException:
            self._is_stale.set()
            raise
        # Oldest first, so that the newest stays.
        self._stored = {(row.owner, row.kind): row for row in reversed(rows)}
        held = {(row.owner, row.fragment) for row in rows}
        self._loaded = {name: key for name, key in self._loaded.items() if name in held}
        for watcher in self._watchers:
            watcher(self)

    def watch(self, watcher: Callable[["KeyRing"], None]) -> None:
        """Call *watcher* now and whenever the keys have been read again."""
        self._watchers.append(watcher)
        watcher(self)

    async def fresh(self, owner: str | None = None) -> "KeyRing":
        """The ring itself, read again first where another process has changed the keys, or where
        *owner* is not known yet (word of a new author takes up to a second)."""
        if self._is_stale.is_set() or (owner and (owner, RSA) not in self._stored):
            await self.reload()
        return self

    async def run(self) -> None:
        """Follow the changes until cancelled (a job: the app's lifespan starts it)."""
        while True:
            await self._is_stale.wait()
            await self.reload()

    def close(self) -> None:
        """Hear no more of changes."""
        self._stop_listening()

    def _find(self, owner: str, kind: str) -> StoredKey:
        try:
            return self._stored[owner, kind]
        except KeyError:
            raise UnknownKeyError(f"the local actor {owner} has no {kind} key") from None

    def _heard(self, changes: Sequence[Change]) -> None:
        if any(change.kind in ("keys", "everything") for change in changes):
            self._is_stale.set()
