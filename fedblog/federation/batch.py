"""Verified activities that arrive together are loaded, decided and written together.

The batcher is one of the three places that start tasks. While one batch is being written the next
one gathers, so its size follows the load.
"""

import asyncio
import logging
from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import Connection

from fedblog.domain.addresses import Addresses
from fedblog.federation import facts as fact_rows
from fedblog.federation import forwarding
from fedblog.federation.facts import Facts, Incoming, Outcome
from fedblog.federation.handlers import HANDLERS
from fedblog.storage.errors import (
    DatabaseBusyError,
    SchemaError,
    StorageFullError,
    StoreClosedError,
)
from fedblog.storage.received import Receipt
from fedblog.storage.store import Store

log = logging.getLogger(__name__)

MOST_IN_A_BATCH = 256
_OF_NO_ONE = (DatabaseBusyError, StorageFullError, StoreClosedError, SchemaError)
"""Failures that no activity of a batch can be blamed for: running each alone would only repeat
them, one waiting time after the other."""
DUPLICATE = Outcome("duplicate", "received before")


class Batcher:
    """Gathers incoming activities and runs them through *store* in batches."""

    def __init__(
        self, store: Store, addresses: Addresses, blog_id: int, *, forward_replies: bool = True
    ) -> None:
        self._forward_replies = forward_replies
        self._store = store
        self._addresses = addresses
        self._blog_id = blog_id
        self._waiting: list[tuple[Incoming, asyncio.Future[Outcome]]] = []
        self._arrived = asyncio.Event()

    async def submit(self, incoming: Incoming) -> Outcome:
        """What became of *incoming*, told after the COMMIT that holds it."""
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._waiting.append((incoming, future))
        self._arrived.set()
        return await future

    async def run(self) -> None:
        """Write batches until cancelled."""
        batch: list[tuple[Incoming, asyncio.Future[Outcome]]] = []
        try:
            while True:
                await self._arrived.wait()
                batch = self._waiting[:MOST_IN_A_BATCH]
                del self._waiting[:MOST_IN_A_BATCH]
                if not self._waiting:
                    self._arrived.clear()
                batch = [entry for entry in batch if not entry[1].done()]
                if batch:
                    await self._write(batch)
        finally:
            for _, future in (*batch, *self._waiting):
                future.cancel()

    async def _write(self, batch: list[tuple[Incoming, asyncio.Future[Outcome]]]) -> None:
        try:
            outcomes = await self._store.write(
                process,
                self._addresses,
                self._blog_id,
                [incoming for incoming, _ in batch],
                self._forward_replies,
            )
        except Exception as error:
            if len(batch) == 1 or isinstance(error, _OF_NO_ONE):
                for _, future in batch:
                    if not future.done():
                        future.set_exception(error)
                return
            # Something in the batch cannot be stored: each runs alone, so that it fails alone.
            log.warning("a batch of %d failed, running each alone: %r", len(batch), error)
            for entry in batch:
                await self._write([entry])
            return
        for (_, future), outcome in zip(batch, outcomes, strict=True):
            if not future.done():
                future.set_result(outcome)


def process(
    connection: Connection,
    addresses: Addresses,
    blog_id: int,
    batch: Sequence[Incoming],
    forward_replies: bool = True,
) -> list[Outcome]:
    """Load facts for *batch*, decide each in order, write what changed. One unit."""
    now = datetime.now(UTC)
    facts = fact_rows.load(connection, addresses, blog_id, batch, now)
    outcomes: list[Outcome] = []
    receipts: list[Receipt] = []
    forwards: list[forwarding.Forward] = []
    for incoming in batch:
        pair = (incoming.receipt_key, incoming.actor.uri)
        if incoming.receipt_key and pair in facts.receipts:
            outcomes.append(DUPLICATE)
            continue
        outcome = decide(incoming, facts)
        outcomes.append(outcome)
        if forward := forwarding.wanted(incoming, outcome, facts):
            forwards.append(forward)
        if incoming.receipt_key and outcome.result != "failed":
            facts.receipts.add(pair)
            receipts.append(
                Receipt(
                    incoming.receipt_key,
                    incoming.actor.uri,
                    incoming.activity.type,
                    outcome.result,
                    outcome.reason,
                    incoming.received_at,
                )
            )
    fact_rows.save(connection, facts, receipts)
    forwarding.record(connection, facts, forwards, is_on=forward_replies)
    return outcomes


def decide(incoming: Incoming, facts: Facts) -> Outcome:
    """Run the handler of one activity; what a failing one did is taken back, alone."""
    handler = HANDLERS.get(incoming.activity.type)
    if handler is None:
        return Outcome("ignored", f"{incoming.activity.type} does nothing here")
    facts.asker = incoming.asker or incoming.actor.host
    try:
        outcome = handler(incoming, facts)
    except Exception:
        log.exception("the handler of %s failed", incoming.activity.type)
        facts.undo()
        return Outcome("failed", "an error of ours")
    facts.commit()
    return outcome
