"""Dear work off the loop: one at a time, in turn by name, bounded in what waits."""

import asyncio
import threading
from collections.abc import AsyncIterator

import pytest

from fedblog.domain.lane import Lane, LaneFullError


@pytest.fixture
async def lane() -> AsyncIterator[Lane]:
    opened = Lane("test", waiting=5, waiting_each=3, waiting_bytes=1000)
    yield opened
    opened.close()


class Gate:
    """Work that goes on once it is opened."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self.order: list[str] = []

    def wait(self) -> None:
        self._event.wait(10)

    def open(self) -> None:
        self._event.set()

    def note(self, name: str) -> str:
        self.order.append(name)
        return name


async def begun(lane: Lane, gate: Gate, *names: str) -> list[asyncio.Task[str]]:
    """The thread is held up, and work of *names* waits in that order."""
    held = asyncio.create_task(lane.run("first", gate.wait, size=900))
    await asyncio.sleep(0)
    tasks = []
    for name in names:
        tasks.append(asyncio.create_task(lane.run(name[0], gate.note, name, size=100)))
        await asyncio.sleep(0)
    tasks.append(held)
    return tasks


async def test_work_runs_on_a_thread_of_its_own(lane: Lane) -> None:
    name = await lane.run("a", lambda: threading.current_thread().name)
    assert name.startswith("test")
    with pytest.raises(ZeroDivisionError):
        await lane.run("a", lambda: 1 // 0)
    assert await lane.run("a", max, 1, 2) == 2


async def test_who_has_much_waiting_delays_only_themselves(lane: Lane) -> None:
    gate = Gate()
    tasks = await begun(lane, gate, "a1", "a2", "a3", "b1", "c1")
    gate.open()
    await asyncio.gather(*tasks)
    assert gate.order == ["a1", "b1", "c1", "a2", "a3"]


async def test_more_of_one_name_or_of_all_is_refused_at_once(lane: Lane) -> None:
    gate = Gate()
    tasks = await begun(lane, gate, "a1", "a2", "a3")
    with pytest.raises(LaneFullError):
        await lane.run("a", gate.note, "a4")
    tasks += [asyncio.create_task(lane.run(name, gate.note, name)) for name in ("b", "c")]
    await asyncio.sleep(0)
    with pytest.raises(LaneFullError):
        await lane.run("d", gate.note, "d")
    gate.open()
    await asyncio.gather(*tasks)
    assert sorted(gate.order) == ["a1", "a2", "a3", "b", "c"]
    assert await lane.run("d", gate.note, "d") == "d"


async def test_cancelled_work_is_never_begun_and_makes_room(lane: Lane) -> None:
    gate = Gate()
    first, second, held = await begun(lane, gate, "a1", "b1")
    first.cancel()
    gate.open()
    assert await second == "b1"
    await held
    assert gate.order == ["b1"]


async def test_closed_lane_drops_what_waits() -> None:
    lane = Lane("test", waiting=5, waiting_each=3, waiting_bytes=1000)
    gate = Gate()
    waiting, held = await begun(lane, gate, "a1")
    lane.close()
    gate.open()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await held
    assert gate.order == []


async def test_what_waits_is_bounded_in_bytes_but_one_alone_may_be_large(lane: Lane) -> None:
    gate = Gate()
    tasks = await begun(lane, gate)
    tasks.append(asyncio.create_task(lane.run("a", gate.note, "a1", size=5000)))
    await asyncio.sleep(0)
    with pytest.raises(LaneFullError):
        await lane.run("b", gate.note, "b1", size=1)
    gate.open()
    await asyncio.gather(*tasks)
    assert await lane.run("b", gate.note, "b1", size=1) == "b1"
