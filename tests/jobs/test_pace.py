"""Between two portions of the sending work the event loop turns to everyone else."""

import asyncio
from collections import Counter
from typing import Any

import pytest
from support.sinks import OpenSite, Sink, running, send_activity
from support.waiting import eventually

from fedblog.jobs.deliveries import BEGUN_IN_A_TURN, DeliveryLoop
from fedblog.jobs.pace import Pace


class Turns:
    """Counts the turns of the event loop while somebody asks."""

    def __init__(self) -> None:
        self._number = 0
        self._is_counting = False

    @property
    def now(self) -> int:
        """The number of the present turn."""
        if not self._is_counting:
            self._is_counting = True
            asyncio.get_running_loop().call_soon(self._next)
        return self._number

    def _next(self) -> None:
        self._number += 1
        self._is_counting = False


async def test_many_who_ask_at_once_go_on_a_few_in_a_turn_in_order() -> None:
    pace, turns = Pace(3), Turns()
    begun: list[tuple[int, int]] = []

    async def ask(number: int) -> None:
        await pace.turn()
        begun.append((turns.now, number))

    await asyncio.gather(*(ask(number) for number in range(50)))
    assert [number for _, number in begun] == list(range(50))
    in_turn = Counter(turn for turn, _ in begun)
    assert max(in_turn.values()) == 3
    assert len(in_turn) == 17


async def test_who_asks_alone_waits_for_no_turn() -> None:
    pace = Pace(1)
    for _ in range(3):
        steps = pace.turn()
        with pytest.raises(StopIteration):
            steps.send(None)
        await asyncio.sleep(0)
        await asyncio.sleep(0)


async def test_who_is_cancelled_while_waiting_takes_nobody_s_turn() -> None:
    pace = Pace(1)
    begun: list[int] = []

    async def ask(number: int) -> None:
        await pace.turn()
        begun.append(number)

    tasks = [asyncio.create_task(ask(number)) for number in range(6)]
    await asyncio.sleep(0)
    for task in tasks[2:5]:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert begun == [0, 1, 5]


async def test_few_deliveries_are_begun_in_one_turn_of_the_loop(
    open_site: OpenSite, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = await open_site()
    port = sink.base_url.rpartition(":")[2]
    urls = [f"http://{host}:{port}/{n}" for n in range(60) for host in ("localhost", "127.0.0.1")]
    turns, begun = Turns(), Counter[int]()
    post = site.client.post

    async def watched(*args: Any, **kwargs: Any) -> Any:
        begun[turns.now] += 1
        return await post(*args, **kwargs)

    monkeypatch.setattr(site.client, "post", watched)
    async with running(DeliveryLoop(site)):
        await site.store.write(send_activity, inboxes=urls)
        await eventually(lambda: len(sink.received) == len(urls), 30)
    assert begun.total() == len(urls)
    # Two portions may fall into one turn, before and after the count begins anew.
    assert max(begun.values()) <= 2 * BEGUN_IN_A_TURN
