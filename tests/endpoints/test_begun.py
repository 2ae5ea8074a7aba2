"""What is done at once, and what is waited for."""

import asyncio

import pytest

from fedblog.endpoints.begun import Begun


async def test_what_waits_for_nothing_is_done_when_it_is_begun() -> None:
    async def at_once() -> int:
        return 3

    begun = Begun(at_once())
    assert begun.is_done
    assert begun.result == 3


async def test_what_waits_goes_on_where_it_stands() -> None:
    may_go_on = asyncio.Event()
    steps: list[str] = []

    async def later() -> int:
        steps.append("begun")
        await may_go_on.wait()
        await asyncio.sleep(0)
        steps.append("ended")
        return 5

    begun = Begun(later())
    assert not begun.is_done
    asyncio.get_running_loop().call_soon(may_go_on.set)
    assert await begun == 5
    assert steps == ["begun", "ended"]


async def test_cancelling_reaches_what_waits() -> None:
    ended = asyncio.Event()

    async def for_ever() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async def wait() -> None:
        await Begun(for_ever())

    task = asyncio.create_task(wait())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended.is_set()


async def test_what_fails_fails_where_it_is_begun_or_awaited() -> None:
    async def at_once() -> None:
        raise ValueError("now")

    async def later() -> None:
        await asyncio.sleep(0)
        raise ValueError("later")

    with pytest.raises(ValueError, match="now"):
        Begun(at_once())
    with pytest.raises(ValueError, match="later"):
        await Begun(later())
