"""Places for requests to other servers, shared fairly between hosts."""

import asyncio
from collections.abc import Iterable

import pytest
from support.waiting import eventually

from fedblog.remote.errors import ShortError, SlowHostError
from fedblog.remote.turns import Turns


class Place:
    """Somebody who holds a place, or waits for one, until told to go."""

    def __init__(self, turns: Turns, host: str) -> None:
        self.go = asyncio.Event()
        self.is_held = False
        self.task = asyncio.create_task(self._run(turns, host))

    async def _run(self, turns: Turns, host: str) -> None:
        async with turns.turn(host):
            self.is_held = True
            await self.go.wait()

    async def leave(self) -> None:
        self.go.set()
        await self.task


def make(
    total: int = 2,
    per_host: int = 2,
    waiting: int = 10,
    per_host_waiting: int = 10,
    patience: float = 1000.0,
    longest_wait: float = 1000.0,
) -> Turns:
    return Turns(
        total,
        per_host,
        waiting=waiting,
        per_host_waiting=per_host_waiting,
        patience=patience,
        longest_wait=longest_wait,
    )


async def all_leave(places: Iterable[Place]) -> None:
    """Let all of them go, in whichever order their turns come."""
    for place in places:
        place.go.set()
    for place in places:
        await place.task


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_so_many_hold_a_place_and_the_next_waits() -> None:
    turns = make(total=2)
    places = [Place(turns, name) for name in ("a", "b", "c")]
    await settle()
    assert [place.is_held for place in places] == [True, True, False]
    await places[0].leave()
    await settle()
    assert places[2].is_held
    await all_leave(places[1:])


async def test_one_host_holds_only_its_share() -> None:
    turns = make(total=4, per_host=2)
    greedy = [Place(turns, "a") for _ in range(4)]
    await settle()
    other = Place(turns, "b")
    await settle()
    assert [place.is_held for place in greedy] == [True, True, False, False]
    assert other.is_held
    await all_leave((*greedy, other))


async def test_hosts_take_turns_whoever_asked_more() -> None:
    turns = make(total=1)
    first = Place(turns, "a")
    await settle()
    crowd = [Place(turns, "a") for _ in range(5)]
    await settle()
    late = Place(turns, "b")
    await settle()
    await first.leave()
    await crowd[0].leave()
    await settle()
    assert late.is_held
    assert not any(place.is_held for place in crowd[1:])
    await all_leave((late, *crowd[1:]))


async def test_host_with_fewest_under_way_is_next() -> None:
    turns = make(total=2)
    under_way = [Place(turns, "a"), Place(turns, "a")]
    await settle()
    again = Place(turns, "a")
    await settle()
    late = Place(turns, "b")
    await settle()
    await under_way[0].leave()
    await settle()
    assert (again.is_held, late.is_held) == (False, True)
    await all_leave((*under_way, again, late))


async def test_queue_is_bounded_in_all_and_for_each_host() -> None:
    turns = make(total=1, waiting=3, per_host_waiting=2)
    places = [Place(turns, "a")]
    await settle()
    places += [Place(turns, "a"), Place(turns, "a")]
    await settle()
    with pytest.raises(ShortError):
        async with turns.turn("a"):
            pass
    places.append(Place(turns, "b"))
    await settle()
    with pytest.raises(ShortError):
        async with turns.turn("c"):
            pass
    await all_leave(places)


async def test_who_waits_too_long_is_told_so() -> None:
    turns = make(total=1, longest_wait=0.01)
    holder = Place(turns, "a")
    await settle()
    with pytest.raises(ShortError):
        async with turns.turn("b"):
            pass
    await holder.leave()
    async with turns.turn("b"):
        pass


async def test_place_that_was_held_long_is_taken_back_only_where_another_waits() -> None:
    turns = make(total=1, patience=0.05)
    slow = Place(turns, "slow")
    await asyncio.sleep(0.15)
    assert not slow.task.done()
    other = Place(turns, "other")
    with pytest.raises(SlowHostError):
        await slow.task
    await settle()
    assert other.is_held
    await other.leave()


async def test_as_many_places_are_taken_back_as_are_wanted() -> None:
    turns = make(total=4, patience=0.02)
    slow = [Place(turns, f"slow{number}") for number in range(4)]
    await asyncio.sleep(0.05)
    quick = [Place(turns, "one"), Place(turns, "two")]
    await eventually(lambda: all(place.is_held for place in quick))
    assert sum(place.task.done() for place in slow) == 2
    await all_leave(quick)
    await all_leave(slow[2:])
    for place in slow[:2]:
        assert isinstance(place.task.exception(), SlowHostError)


async def test_those_who_give_up_leave_nothing_behind() -> None:
    turns = make(total=1)
    holder = Place(turns, "a")
    await settle()
    waiting = [Place(turns, "b") for _ in range(3)]
    await settle()
    for place in waiting:
        place.task.cancel()
    await settle()
    holder.task.cancel()
    await settle()
    async with turns.turn("c"):
        pass
    assert (turns._count_active, turns._count_waiting, dict(turns._active)) == (0, 0, {})
    assert not turns._waiting
    assert not turns._holders
    assert turns._taken_back == 0
