"""Names to addresses, asked without threads."""

import asyncio
import socket

import pytest
from remote.peers import Peer, answer
from support.names import Names

from fedblog.remote import resolver
from fedblog.remote.client import RemoteClient
from fedblog.remote.errors import ShortError, SlowHostError, UnreachableError
from fedblog.remote.resolver import NameResolver, NoNameServerError
from fedblog.settings import Settings


async def test_names_of_the_hosts_file_and_of_the_name_server_are_found() -> None:
    async with Names({"a.example": ["192.0.2.1", "2001:db8::1"]}) as names:
        asked = NameResolver([names.address])
        try:
            found = await asked.resolve("a.example", 443)
            assert {item["host"] for item in found} == {"192.0.2.1", "2001:db8::1"}
            assert all(item["port"] == 443 for item in found)
            local = await asked.resolve("localhost", 80, socket.AF_INET)
            assert [item["host"] for item in local] == ["127.0.0.1"]
            with pytest.raises(OSError, match=r"b\.example"):
                await asked.resolve("b.example")
        finally:
            await asked.close()


async def test_no_name_server_at_all_is_our_own_shortage() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    asked = NameResolver([f"127.0.0.1:{port}"])
    try:
        with pytest.raises(NoNameServerError):
            await asked.resolve("a.example")
    finally:
        await asked.close()


async def test_a_hundred_names_that_nobody_answers_for_hold_up_no_other(
    make_client: "object", settings: Settings, peer: Peer
) -> None:
    peer.answers["/"] = answer(b"hello")
    known: dict[str, list[str] | list[list[str]] | None] = {
        "good.example": ["127.0.0.1"],
        "*": None,
    }
    async with Names(known) as names:
        named = settings.model_copy(update={"name_servers": names.address, "fetch_timeout": 30.0})
        client: RemoteClient = make_client(named)  # type: ignore[operator]
        slow = [
            asyncio.create_task(client.get(f"http://a.slow{number}.example/", accept="*/*"))
            for number in range(60)
        ]
        while len(names.asked) < 60:
            await asyncio.sleep(0.01)
        fetched = await client.get(f"http://good.example:{peer.port}/", accept="*/*")
        assert fetched.body == b"hello"
        await client.post(f"http://good.example:{peer.port}/", headers={}, body=b"")
        assert not any(task.done() for task in slow)
        for task in slow:
            task.cancel()
        await asyncio.gather(*slow, return_exceptions=True)


async def test_name_that_nobody_answers_for_is_no_fault_of_who_asks(
    make_client: "object", settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resolver, "SECONDS", 0.1)
    async with Names({"slow.example": None}) as names:
        named = settings.model_copy(update={"name_servers": names.address, "fetch_timeout": 60.0})
        client: RemoteClient = make_client(named)  # type: ignore[operator]
        with pytest.raises(SlowHostError):
            await client.get("http://slow.example/", accept="*/*")
        with pytest.raises(ShortError):  # and it is left alone for a while
            await client.get("http://slow.example/again", accept="*/*")
        with pytest.raises(UnreachableError):
            await client.get("http://nothing.example/", accept="*/*")
