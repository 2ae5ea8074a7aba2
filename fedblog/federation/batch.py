"""Verified activities that arrive together are loaded, decided and written together.

The batcher is one of the three places that start tasks. While one batch is being written the next
one gathers, so its size follows the load.
"""

import asyncio
import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from sqlalchemy import Connection

from fedblog.domain.addresses import Addresses
from fedblog.federation import facts as fact_rows
from fedblog.federation import forwarding, words
from fedblog.federation.bounds import DEFAULTS, Bounds
from fedblog.federation.facts import Facts, Incoming, Outcome
from fedblog.federation.handlers import HANDLERS
from fedblog.federation.words import Limits, Words
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
_FEW = 16
"""Fewer than these in a batch came one by one: what comes while one rests as long as that took is
written together, and the interpreter is the readers' meanwhile."""
_LONGEST_REST = 0.02
DUPLICATE = Outcome("duplicate", "received before")


_Entry = tuple[Incoming, asyncio.Future[Outcome]]


class Batcher:
    """Gathers incoming activities and runs them through *store* in batches."""

    def __init__(
        self,
        store: Store,
        addresses: Addresses,
        blog_id: int,
        *,
        forward_replies: bool = True,
        limits: Limits | None = None,
        bounds: Bounds = DEFAULTS,
    ) -> None:
        self._limits = limits or Limits()
        self._forward_replies = forward_replies
        self._bounds = bounds
        self._store = store
        self._addresses = addresses
        self._blog_id = blog_id
        self._waiting: list[_Entry] = []
        self._arrived = asyncio.Event()

    async def submit(self, incoming: Incoming) -> Outcome:
        """What became of *incoming*, told after the COMMIT that holds it."""
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._waiting.append((incoming, future))
        self._arrived.set()
        return await future

    async def run(self) -> None:
        """Write batches until cancelled."""
        batch: list[_Entry] = []
        thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="batch")
        loop = asyncio.get_running_loop()
        try:
            while True:
                await self._arrived.wait()
                batch = self._waiting[:MOST_IN_A_BATCH]
                del self._waiting[:MOST_IN_A_BATCH]
                if not self._waiting:
                    self._arrived.clear()
                batch = [entry for entry in batch if not entry[1].done()]
                if any(incoming.words is None for incoming, _ in batch):
                    if any(words.has_any(incoming.activity) for incoming, _ in batch):
                        batch = await loop.run_in_executor(thread, self._worded, batch)
                    else:
                        batch = self._worded(batch)
                if batch:
                    began = loop.time()
                    await self._write(batch)
                    if len(batch) < _FEW:
                        await asyncio.sleep(min(loop.time() - began, _LONGEST_REST))
        finally:
            thread.shutdown(wait=False, cancel_futures=True)
            for _, future in (*batch, *self._waiting):
                future.cancel()

    def _worded(self, batch: list[_Entry]) -> list[_Entry]:
        """*batch* with the words of each activity; on a thread, one hand-over for all of them."""
        return [(worded(incoming, self._limits), future) for incoming, future in batch]

    async def _write(self, batch: list[_Entry]) -> None:
        try:
            outcomes = await self._store.write(
                process,
                self._addresses,
                self._blog_id,
                [incoming for incoming, _ in batch],
                self._forward_replies,
                self._bounds,
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


def worded(incoming: Incoming, limits: Limits) -> Incoming:
    """*incoming* with its words, where they were not made yet. Where they cannot be made it fails
    alone, in its handler."""
    if incoming.words is not None:
        return incoming
    try:
        return incoming.worded(words.of_activity(incoming.activity, limits))
    except Exception:
        log.exception("the words of %s cannot be made", incoming.activity.id)
        return incoming.worded(Words())


def process(
    connection: Connection,
    addresses: Addresses,
    blog_id: int,
    batch: Sequence[Incoming],
    forward_replies: bool = True,
    bounds: Bounds = DEFAULTS,
) -> list[Outcome]:
    """Load facts for *batch*, whose words are made, decide each in order, write what changed. One
    unit."""
    now = datetime.now(UTC)
    facts = fact_rows.load(connection, addresses, blog_id, batch, now, bounds)
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
    fact_rows.bound(connection, facts)
    return outcomes


def decide(incoming: Incoming, facts: Facts) -> Outcome:
    """Run the handler of one activity; what a failing one did is taken back, alone."""
    if incoming.actor.uri in facts.blocked:  # since it was let in, or while it was fetched
        return Outcome("ignored", "blocked")
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
