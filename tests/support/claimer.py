"""A process that shares a PostgreSQL database, claims all that waits, and then hangs:
``python claimer.py DATABASE_URL SECONDS`` (between signs of life). Prints what it claimed."""

import asyncio
import sys
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from fedblog.jobs.deliveries import LEASE
from fedblog.jobs.presence import Presence
from fedblog.storage import dispatch, jobs
from fedblog.storage.store import Store


async def main(url: str, seconds: float) -> None:
    """Claim, then only give signs of life."""
    store = await Store.open(url)
    site: Any = SimpleNamespace(store=store, settings=SimpleNamespace(presence_seconds=seconds))
    presence = Presence(site)
    task = asyncio.create_task(presence.run())
    while presence.number is None:
        await asyncio.sleep(0.01)
    now, by = datetime.now(UTC), presence.number
    claimed = await store.write(dispatch.claim, 100, now, LEASE, leased_by=by)
    held = await store.write(jobs.claim, ["fetch"], 100, now, LEASE, leased_by=by)
    print(len(claimed), len(held), flush=True)
    await task


asyncio.run(main(sys.argv[1], float(sys.argv[2])))
