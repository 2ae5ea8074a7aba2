"""Which hosts are silent and parked: as each process knows it."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from support.blog import remote_actor
from support.waiting import eventually

from fedblog.federation import silence
from fedblog.federation.silence import Silence
from fedblog.storage import hosts
from fedblog.storage.store import Store

pytestmark = pytest.mark.both_engines

DAY = timedelta(days=1)
NOW = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)


async def silent(store: Store, name: str, days: int) -> None:
    for number in range(days):
        await store.write(hosts.note_silence, [name], NOW + number * DAY)


async def test_host_is_parked_on_its_last_silent_day(store: Store) -> None:
    known = Silence(store, 3)
    for days in range(1, 5):
        await silent(store, "dead.example", days)
        await known.refresh()
        assert known.is_silent("dead.example")
        assert known.is_parked("dead.example") is (days >= 3)
    assert not known.is_parked("other.example")


async def test_days_are_counted_once_and_by_their_date(store: Store) -> None:
    known = Silence(store, 7)
    midnight = NOW.replace(hour=0, minute=0)
    for moment in (NOW, NOW, midnight, midnight + DAY, NOW + DAY, NOW + 40 * DAY):
        await store.write(hosts.note_silence, ["dead.example"], moment)
    found = (await store.read(hosts.find, ["dead.example"]))["dead.example"]
    assert found.failures == 3
    await known.refresh()
    assert known.is_counted("dead.example", NOW + 40 * DAY + timedelta(hours=3))
    assert not known.is_counted("dead.example", NOW + 41 * DAY)


async def test_what_one_process_hears_another_knows(
    store: Store, open_store: Callable[..., Awaitable[Store]]
) -> None:
    if store.dialect == "sqlite":
        return  # one process only
    here, there = Silence(store, 2), Silence(await open_store(), 2)
    for known in (here, there):
        await known.refresh()
    await silent(store, "dead.example", 2)
    await eventually_parked(there, True)
    await here.heard_from(remote_actor("ann", "dead.example"))
    await eventually_parked(there, False)
    await here.refresh()
    assert not here.is_silent("dead.example")


async def eventually_parked(known: Silence, is_parked: bool) -> None:
    async def is_known() -> bool:
        await known.refresh()
        return known.is_parked("dead.example") is is_parked

    await eventually(is_known)


@pytest.mark.parametrize("name", ["one.example", "in.example", "shared.example:8443"])
async def test_host_of_an_actor_or_of_its_inboxes_is_heard(store: Store, name: str) -> None:
    await silent(store, name, 7)
    actor = replace(
        remote_actor("ann", "one.example"),
        inbox="https://in.example/ann",
        shared_inbox="https://shared.example:8443/",
    )
    await Silence(store, 7).heard_from(actor)
    assert (await store.read(hosts.find, [name]))[name].failures == 0


async def test_other_ports_are_other_hosts(store: Store) -> None:
    await silent(store, "one.example:8443", 7)
    known = Silence(store, 7)
    await known.heard_from(remote_actor("ann", "one.example"))
    assert known.is_parked("one.example:8443")


async def test_silence_begins_anew_after_a_sign_of_life(store: Store) -> None:
    await silent(store, "dead.example", 6)
    await store.write(silence.end, ["dead.example", "never.example"], NOW + 6 * DAY, 7)
    await store.write(hosts.note_silence, ["dead.example"], NOW + 6 * DAY)
    found = await store.read(hosts.find, ["dead.example", "never.example"])
    assert {name: host.failures for name, host in found.items()} == {"dead.example": 1}
