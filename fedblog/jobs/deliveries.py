"""The delivery loop: claims what waits, signs it in batches, sends it, and writes what came of it.

claimer → queues by host → signers (threads) → bounded queue → senders → settler. A delivery is in
the database until it is settled; what is only in memory here is under a lease and is never lost.
"""

import asyncio
import logging
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection

from fedblog.domain.delivery import TERM, DeliveryState
from fedblog.domain.ids import first_id_at
from fedblog.domain.threads import begun_pool
from fedblog.federation import deliver
from fedblog.federation.blocklist import Blocklist
from fedblog.federation.deliver import Outcome, Parcel, SignedRequest
from fedblog.federation.silence import PARKED, Silence
from fedblog.jobs.completing import GRACE_SECONDS, completed
from fedblog.jobs.host_queues import HostQueues
from fedblog.jobs.host_schemes import HostSchemes
from fedblog.jobs.host_words import HostWords, Said
from fedblog.jobs.pace import Pace
from fedblog.jobs.presence import Presence
from fedblog.jobs.trying import Trying, kind_of_key
from fedblog.publishing.keyring import UnknownKeyError
from fedblog.publishing.site import Site
from fedblog.remote.errors import RemoteError
from fedblog.signatures.keys import SigningKey
from fedblog.storage import activities, dispatch
from fedblog.storage.activities import StoredActivity
from fedblog.storage.changes import Change
from fedblog.storage.cutting_off import BLOCKED
from fedblog.storage.dispatch import ClaimedDelivery, Key, SettledDelivery
from fedblog.storage.errors import StorageError, StoreClosedError

logger = logging.getLogger(__name__)

LEASE = timedelta(minutes=5)
CLAIM_SIZE = 256
LOW_WATER = 64
"""More is claimed when fewer hosts than these could be sent to at once."""
CROWDED = 256
"""A host for which so many wait in memory gets no more for now."""
MOST_RETRIES = 512
MOST_WAITING = 20_000
PER_HOST = 8
SIGN_SIZE = 32
SIGN_THREADS = 2
SETTLE_SECONDS = 0.05
CLAIM_SECONDS = 0.05
"""Between two claims where the first found few: what comes one by one is claimed together."""
FEW = 32
LONGEST_SLEEP = 60.0
"""Leases of a process that died are looked for at least this often."""
AFTER_ERROR = 1.0
MOST_PARCELS = 64
PARKED_SECONDS = 86400.0
BEGUN_IN_A_TURN = 2
"""How many requests are begun in one turn of the event loop: a millisecond's work."""


@dataclass(frozen=True, slots=True)
class _Signed:
    """A delivery with its signed request and what it is made of, or with the outcome that took
    its place."""

    delivery: ClaimedDelivery
    prepared: tuple[SignedRequest, Parcel] | None
    outcome: Outcome | None = None


class DeliveryLoop:
    """Sends what waits in the deliveries table, until cancelled.

    Cancelling lets posts that are under way end (for a few seconds), writes their results and
    gives everything else back untried.
    """

    def __init__(self, site: Site, presence: Presence | None = None) -> None:
        self._site = site
        self._presence = presence or Presence(site)
        self._blocklist = Blocklist(site.store, site.blog_id)
        self._silence = Silence(site.store, site.settings.silent_days)
        self._senders = site.settings.delivery_concurrency
        self._schemes = site.client.schemes
        self._trying = Trying(site, self._blocklist)
        self._begin()

    def _begin(self) -> None:
        """Hold nothing: what an earlier run held is in the database, and comes back from there."""
        self._queues = HostQueues(per_host=PER_HOST, troubled_limit=max(1, self._senders // 2))
        self._signed: asyncio.Queue[_Signed | None] = asyncio.Queue(maxsize=self._senders)
        self._pace = Pace(BEGUN_IN_A_TURN)
        self._results: list[SettledDelivery] = []
        self._words = HostWords(self._silence, self._site.settings.silent_days)
        self._held: dict[Key, ClaimedDelivery] = {}
        self._parcels: dict[str, Parcel] = {}
        self._wanted = asyncio.Event()  # there may be something to claim, and room for it
        self._has_ready = asyncio.Event()
        self._has_results = asyncio.Event()
        self._all_claimed = True
        self._found_few = False
        self._left_out: Sequence[str] = ()
        self._is_ending = False

    async def run(self) -> None:
        """Deliver until cancelled."""
        self._begin()
        store = self._site.store
        if store.dialect == "sqlite":
            await store.write(dispatch.release_leases)
        host_schemes = HostSchemes(self._site)
        await host_schemes.load()
        pool = await asyncio.to_thread(begun_pool, "fedblog-sign", SIGN_THREADS)
        stop_listening = store.listen(self._heard)
        feeders = [asyncio.create_task(self._claim())]
        feeders += [asyncio.create_task(self._sign(pool)) for _ in range(SIGN_THREADS)]
        senders = [asyncio.create_task(self._send()) for _ in range(self._senders)]
        settler = asyncio.create_task(self._settle())
        keeper = asyncio.create_task(host_schemes.run())
        try:
            await _first_failure([*feeders, *senders, settler, keeper])
        finally:
            stop_listening()
            await _cancel(feeders)
            await self._finish(senders)
            await self._end_settling(settler)
            await _cancel([keeper])
            pool.shutdown(wait=False, cancel_futures=True)
            await self._hand_back()
            await host_schemes.save()

    def _heard(self, changes: Sequence[Change]) -> None:
        if any(change.kind in ("deliveries", "everything") for change in changes):
            self._wanted.set()

    # --- claiming ------------------------------------------------------------------------------

    async def _claim(self) -> None:
        while True:
            self._wanted.clear()
            if self._is_supplied:
                await self._wanted.wait()
                continue
            try:
                wait = await self._claim_some()
            except StoreClosedError:
                raise
            except StorageError:
                logger.exception("deliveries cannot be claimed; trying again")
                wait = AFTER_ERROR
            if wait > 0:
                if self._found_few:
                    await asyncio.sleep(CLAIM_SECONDS)
                await _wait(self._wanted, wait)

    @property
    def _is_supplied(self) -> bool:
        return self._queues.ready_hosts >= LOW_WATER or len(self._queues) >= MOST_WAITING

    async def _claim_some(self) -> float:
        """Claim once; gives the seconds until there may be more to claim."""
        self._left_out = self._queues.crowded(CROWDED)
        only_fresh = self._queues.retries >= MOST_RETRIES
        count = await completed(self._take_some(only_fresh))
        self._all_claimed = count < CLAIM_SIZE
        self._found_few = 0 < count < FEW
        if not self._all_claimed:
            return 0.0
        due = await self._site.store.read(dispatch.next_due)
        if due is None:
            return LONGEST_SLEEP
        # What was left out is due already: there is no use in looking for it at once.
        shortest = AFTER_ERROR if self._left_out or only_fresh else 0.01
        seconds = (due - datetime.now(UTC)).total_seconds()
        return min(max(seconds, shortest), LONGEST_SLEEP)

    async def _take_some(self, only_fresh: bool) -> int:
        """Claim what is due and let it wait for its turn; gives how many."""
        claimed, loaded = await self._site.store.write(
            _claim_with_activities,
            datetime.now(UTC),
            self._left_out,
            only_fresh,
            frozenset(self._parcels),
            self._presence.number,
        )
        self._held.update(((item.activity_id, item.inbox_id), item) for item in claimed)
        await self._blocklist.refresh()
        await self._silence.refresh()
        if loaded:
            await self._site.keys.fresh()
        for activity in loaded:
            self._parcels[activity.id] = Parcel.of(activity.owner, activity.body)
        self._queues.add(claimed)
        self._forget_parcels()
        if self._queues.has_ready:
            self._has_ready.set()
        return len(claimed)

    def _forget_parcels(self) -> None:
        """Keep the bytes of what is held and of a few more, no others."""
        if len(self._parcels) <= MOST_PARCELS:
            return
        needed = {activity_id for activity_id, _ in self._held}
        for activity_id in [name for name in self._parcels if name not in needed]:
            del self._parcels[activity_id]

    # --- signing -------------------------------------------------------------------------------

    async def _sign(self, pool: ThreadPoolExecutor) -> None:
        loop = asyncio.get_running_loop()
        while True:
            batch = self._queues.take(SIGN_SIZE)
            if self._is_more_wanted():
                self._wanted.set()
            if not batch:
                self._has_ready.clear()
                await self._has_ready.wait()
                continue
            signed = await loop.run_in_executor(pool, self._sign_batch, batch, datetime.now(UTC))
            for item in signed:
                await self._signed.put(item)

    def _is_more_wanted(self) -> bool:
        if self._is_supplied:
            return False
        return not self._all_claimed or any(
            self._queues.waiting_for(host) < CROWDED // 2 for host in self._left_out
        )

    def _sign_batch(self, batch: list[ClaimedDelivery], now: datetime) -> list[_Signed]:
        """Sign *batch*; runs on a thread of the pool (RSA leaves the interpreter's lock)."""
        date = deliver.http_date(now)
        # A request whose lease ends before its answer comes could go out twice.
        latest = now + timedelta(seconds=self._site.settings.delivery_timeout + GRACE_SECONDS)
        keys: dict[tuple[str, str], SigningKey] = {}
        signed: list[_Signed] = []
        for delivery in batch:
            if delivery.lease_until < latest:
                signed.append(_Signed(delivery, None))
                continue
            if self._blocklist.forbids(delivery.url):
                signed.append(_Signed(delivery, None, Outcome(None, BLOCKED, is_final=True)))
                continue
            parcel = self._parcels[delivery.activity_id]
            try:
                host = deliver.host_of(delivery.url)
                if self._silence.is_parked(host):
                    signed.append(_Signed(delivery, None, _parked(delivery, now)))
                    continue
                scheme = self._schemes.of(host)
                name = (parcel.owner, kind_of_key(scheme))
                if (key := keys.get(name)) is None:
                    key = keys[name] = self._site.keys.signing_key(*name)
                request = deliver.sign(delivery.url, parcel, key, date, scheme)
            except (RemoteError, UnknownKeyError, ValueError) as error:
                outcome = Outcome(None, str(error), is_final=True)
                signed.append(_Signed(delivery, None, outcome))
            else:
                signed.append(_Signed(delivery, (request, parcel)))
        return signed

    # --- sending -------------------------------------------------------------------------------

    async def _send(self) -> None:
        while (item := await self._signed.get()) is not None:
            delivery, outcome = item.delivery, item.outcome
            if item.prepared is not None:
                await self._pace.turn()
                outcome = await self._trying.post(*item.prepared)
                self._queues.done(delivery, answered=outcome.status is not None)
            else:
                self._queues.drop(delivery)
            if outcome is None:  # left to whoever claims it when its lease has ended
                self._held.pop((delivery.activity_id, delivery.inbox_id), None)
            else:
                self._results.append(
                    deliver.settled(
                        delivery,
                        outcome,
                        datetime.now(UTC),
                        most_attempts=self._site.settings.delivery_attempts,
                    )
                )
                if item.prepared is not None:
                    host = item.prepared[0].host
                    self._words.note(host, delivery, outcome, datetime.now(UTC))
                self._has_results.set()
            if self._queues.has_ready:
                self._has_ready.set()

    # --- settling ------------------------------------------------------------------------------

    async def _settle(self) -> None:
        while not self._is_ending:
            await self._has_results.wait()
            await asyncio.sleep(SETTLE_SECONDS)
            self._has_results.clear()
            try:
                await self._write_results()
            except StoreClosedError:
                raise
            except StorageError:
                logger.exception("results of deliveries cannot be written; trying again")
                self._has_results.set()
                await asyncio.sleep(AFTER_ERROR)

    async def _write_results(self) -> None:
        results = self._results[:]
        if not results:
            return
        said = self._words.said()
        is_more_due = await self._site.store.write(
            _settle, results, self._words, said, datetime.now(UTC)
        )
        del self._results[: len(results)]
        self._words.forget(said)
        for result in results:
            self._held.pop((result.activity_id, result.inbox_id), None)
            is_more_due = is_more_due or result.state is DeliveryState.WAITING
        if is_more_due:
            self._wanted.set()  # the time of the next claim may have come nearer

    # --- ending --------------------------------------------------------------------------------

    async def _finish(self, senders: Collection["asyncio.Task[None]"]) -> None:
        """Let posts under way come to their end, for a while; begin no more."""
        while not self._signed.empty():
            self._signed.get_nowait()
        running = [task for task in senders if not task.done()]
        for _ in running:
            # A put never waits here: the queue has as many places as there are senders.
            self._signed.put_nowait(None)
        if running:
            await asyncio.wait(running, timeout=GRACE_SECONDS)
        await _cancel(senders)

    async def _end_settling(self, settler: "asyncio.Task[None]") -> None:
        """Let a write under way be answered, so that its results are not written again."""
        self._is_ending = True
        self._has_results.set()
        await asyncio.wait([settler], timeout=GRACE_SECONDS)
        await _cancel([settler])

    async def _hand_back(self) -> None:
        try:
            await self._write_results()
            await self._site.store.write(dispatch.release, list(self._held))
        except StorageError:
            logger.exception("deliveries keep their leases: the database took nothing more")


def _settle(
    connection: Connection,
    results: Sequence[SettledDelivery],
    words: HostWords,
    said: Said,
    now: datetime,
) -> bool:
    is_more_due = dispatch.settle(connection, results, now)
    words.write(connection, said, now)
    return is_more_due


def _parked(delivery: ClaimedDelivery, now: datetime) -> Outcome:
    """What becomes of a delivery to a parked host: as long as it is worth anything it waits for a
    sign of life."""
    is_over = delivery.activity_id < first_id_at(now - TERM)
    return Outcome(None, PARKED, PARKED_SECONDS, is_final=is_over, is_ours=True)


def _claim_with_activities(
    connection: Connection,
    now: datetime,
    left_out: Collection[str],
    only_fresh: bool,
    known: Collection[str],
    leased_by: int | None,
) -> tuple[list[ClaimedDelivery], list[StoredActivity]]:
    claimed = dispatch.claim(
        connection,
        CLAIM_SIZE,
        now,
        LEASE,
        except_hosts=left_out,
        only_fresh=only_fresh,
        leased_by=leased_by,
    )
    missing = {item.activity_id for item in claimed}.difference(known)
    return claimed, activities.find_all(connection, missing)


async def _wait(event: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return


async def _first_failure(tasks: Collection["asyncio.Task[None]"]) -> None:
    """Wait until one of *tasks* ends, which none of them does but by an error; raise it."""
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in done:
        task.result()


async def _cancel(tasks: Collection["asyncio.Task[None]"]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
