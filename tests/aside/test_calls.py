"""Functions called in a process of its own: what comes back, and what becomes of who hangs."""

import asyncio
import os
import pickle
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from support.waiting import PATIENCE

from fedblog.activitystreams.documents import Emoji
from fedblog.aside import calls, process
from fedblog.aside import room as waiting_room
from fedblog.aside.calls import FailedError, call
from fedblog.aside.errors import BusyError, EndedError
from fedblog.aside.process import Process
from fedblog.aside.room import Room
from fedblog.domain.rates import TokenBuckets

HANG = b"sleep 600"
DIE = b"kill -9 $PPID"
Make = Callable[..., Room]


@pytest.fixture
async def make() -> AsyncIterator[Make]:
    rooms: list[Room] = []

    def made(*, seconds: float = PATIENCE, most_bytes: int = 1 << 20, **keywords: Any) -> Room:
        bounds = {"waiting": 8, "waiting_each": 8} | keywords
        room = Room("test", Process(calls.MODULE, seconds=seconds, most_bytes=most_bytes), **bounds)
        rooms.append(room)
        return room

    yield made
    for room in rooms:
        await room.close()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0.01)


def lives(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def evaluated(room: Room, source: str, **keywords: Any) -> Awaitable[Any]:
    return call(room, "a", eval, source.encode(), **keywords)


async def test_values_come_back_as_they_were(make: Make) -> None:
    room = make()
    assert await evaluated(room, "[1, 'é', b'x', None, (2.5, {3: {4}})]") == [
        *(1, "é", b"x", None),
        (2.5, {3: {4}}),
    ]
    source = "__import__('fedblog.activitystreams.documents').activitystreams.documents"
    assert await evaluated(room, f"{source}.Emoji('a', 'b')") == Emoji("a", "b")
    assert await evaluated(room, "len('x' * 900_000) * 'y'") == "y" * 900_000


@pytest.mark.parametrize(
    "source", ["print", "__import__('pathlib').Path('/')", "__import__('os').system"]
)
async def test_what_is_no_value_never_comes_out_of_an_answer(make: Make, source: str) -> None:
    with pytest.raises((pickle.UnpicklingError, FailedError)):
        await evaluated(make(), source)


async def test_error_that_is_expected_comes_back_and_another_is_a_failure(make: Make) -> None:
    room = make()
    with pytest.raises(ArithmeticError, match="by zero"):
        await evaluated(room, "1 // 0", raises=(ValueError, ArithmeticError))
    with pytest.raises(FailedError):
        await evaluated(room, "1 // 0", raises=(ValueError,))
    assert await evaluated(room, "1") == 1


async def test_what_takes_too_long_is_ended_and_the_next_is_done(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = make()
    assert await evaluated(room, "1") == 1
    pid = room.pid
    assert pid is not None
    monkeypatch.setattr(process, "_ON_THE_CLOCK", 0.005)
    with pytest.raises(EndedError, match="too long"):
        await call(room, "a", os.system, HANG)
    monkeypatch.undo()
    assert not lives(pid)
    assert await evaluated(room, "2") == 2


async def test_seconds_are_of_processor_time_so_that_a_busy_machine_reads_too(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "_ON_THE_CLOCK", PATIENCE)
    room = make(seconds=1.0)
    pid = None
    for _ in range(2):
        assert await call(room, "a", os.system, b"sleep 1.2") == 0
        pid = pid or room.pid
    assert room.pid == pid
    with pytest.raises(EndedError):
        await call(room, "a", exec, b"while True: pass")
    assert await evaluated(room, "2") == 2


async def test_crash_costs_who_met_it_an_answer_and_nobody_else(make: Make) -> None:
    room = make()
    results = await asyncio.gather(
        evaluated(room, "1"),
        call(room, "b", os.system, DIE),
        evaluated(room, "3"),
        return_exceptions=True,
    )
    assert (results[0], results[2]) == (1, 3)
    assert isinstance(results[1], EndedError)


async def test_answer_that_is_too_large_is_not_taken(make: Make) -> None:
    room = make(most_bytes=1000)
    with pytest.raises(EndedError, match="too large"):
        await evaluated(room, "'x' * 2000")
    assert await evaluated(room, "'x'") == "x"


async def test_process_ends_when_it_is_idle_or_has_grown(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = make()
    assert room.pid is None
    await evaluated(room, "1")
    assert room.pid is not None
    monkeypatch.setattr(process, "_GROWN", 1)
    await evaluated(room, "1")
    assert room.pid is None
    monkeypatch.undo()
    monkeypatch.setattr(waiting_room, "_IDLE_SECONDS", 0.01)
    await evaluated(room, "1")
    await until(lambda: room.pid is None)


async def test_closed_room_leaves_no_process(make: Make) -> None:
    room = make()
    await evaluated(room, "1")
    pid = room.pid
    assert pid is not None
    await room.close()
    assert not lives(pid)


async def test_memory_that_work_takes_is_bounded(make: Make) -> None:
    with pytest.raises(MemoryError):
        await evaluated(make(), "len(bytearray(1 << 30))", raises=(MemoryError,))


async def test_who_spent_their_time_comes_again_later_and_others_now(make: Make) -> None:
    now = [0.0]
    budget = TokenBuckets(60.0, 1.0, clock=lambda: now[0])
    room = make(budget=budget)
    await evaluated(room, "sum(range(1_000_000))")
    with pytest.raises(BusyError) as refused:
        await evaluated(room, "1")
    assert refused.value.retry_after > 0
    assert await call(room, "b", eval, b"2") == 2
    now[0] += 10_000
    assert await evaluated(room, "1") == 1


async def test_what_is_first_goes_before_what_waits_already(make: Make) -> None:
    room = make()
    order: list[str] = []

    async def ask(name: str, **keywords: Any) -> None:
        await call(room, name, eval, b"1", **keywords)
        order.append(name)

    await asyncio.gather(ask("held"), ask("a"), ask("b"), ask("key", is_first=True))
    assert order == ["held", "key", "a", "b"]


SERVER = """
import asyncio
from fedblog.aside import calls
from fedblog.aside.process import Process
from fedblog.aside.room import Room

async def main():
    process = Process(calls.MODULE, seconds=1, most_bytes=1000)
    room = Room("test", process, waiting=8, waiting_each=8)
    await calls.call(room, "a", eval, b"1")
    working = asyncio.create_task(calls.call(room, "a", exec, {work}))
    await asyncio.sleep(0.2)
    print(room.pid, flush=True)
    await asyncio.sleep(600)

asyncio.run(main())
"""


@pytest.mark.parametrize("work", [b"pass", b"while True: pass"])
async def test_no_process_is_left_where_the_server_was_killed(work: bytes) -> None:
    """Its input ends, and where it does not look there the system ends it."""
    words = [sys.executable, "-c", SERVER.format(work=work)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        pid = int(server.stdout.readline())
        server.send_signal(signal.SIGKILL)
    await until(lambda: not lives(pid))
