"""The loop of what looks for work that is due: round after round, and at once where some comes."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

from fedblog.storage.changes import EVERYTHING, Change
from fedblog.storage.errors import StorageError, StoreClosedError
from fedblog.storage.store import Store

logger = logging.getLogger(__name__)

_AFTER_ERROR = 5.0


class Rounds:
    """Calls *once* until cancelled: it gives the seconds until the next call (None: no time). A
    change of *kind* in *store* ends the wait, and so does `wake`. What the database refuses is
    logged with *trouble*, and tried again. Rounds are *apart* by so many seconds at least, so that
    what comes one by one is seen to together."""

    def __init__(
        self,
        store: Store,
        kind: str,
        once: Callable[[], Awaitable[float | None]],
        *,
        trouble: str,
        apart: float = 0.0,
    ) -> None:
        self._store = store
        self._kind = kind
        self._once = once
        self._trouble = trouble
        self._apart = apart
        self._changed = asyncio.Event()

    def wake(self) -> None:
        """Begin the next round now."""
        self._changed.set()

    async def run(self) -> None:
        """Go round until cancelled."""
        stop_listening = self._store.listen(self._heard)
        try:
            while True:
                self._changed.clear()
                try:
                    wait = await self._once()
                except StoreClosedError:
                    raise
                except StorageError:
                    logger.exception("%s; trying again", self._trouble)
                    wait = _AFTER_ERROR
                await asyncio.sleep(self._apart)
                try:
                    async with asyncio.timeout(wait):
                        await self._changed.wait()
                except TimeoutError:
                    continue
        finally:
            stop_listening()

    def _heard(self, changes: Sequence[Change]) -> None:
        if any(change.kind == self._kind or change == EVERYTHING for change in changes):
            self.wake()
