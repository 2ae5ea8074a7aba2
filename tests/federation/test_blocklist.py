"""The blocks in memory: read when they have changed, and only then."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Connection, insert

from fedblog.domain.ids import new_id
from fedblog.federation.blocklist import Blocklist
from fedblog.publishing.site import Site
from fedblog.storage import changes
from fedblog.storage import tables as t
from fedblog.storage.changes import Change


def block(domain: str) -> Callable[[Connection], None]:
    def unit(connection: Connection) -> None:
        now = datetime.now(UTC)
        row = {"id": new_id(), "blog_id": 1, "created_at": now, "domain": domain}
        connection.execute(insert(t.blocks).values(**row))
        changes.record(connection, Change("blocks"))

    return unit


@pytest.fixture
def reads(site: Site, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What was read of the site's database."""
    read, found = site.store.read, []

    async def counted(function: Any, *args: Any, **kwargs: Any) -> Any:
        found.append(function)
        return await read(function, *args, **kwargs)

    monkeypatch.setattr(site.store, "read", counted)
    return found


async def test_blocks_are_read_once_for_each_change_of_them(site: Site, reads: list[Any]) -> None:
    blocklist = Blocklist(site.store, site.blog_id)
    for number, domain in enumerate(("one.example", "two.example")):
        await site.store.write(block(domain))
        assert blocklist.is_stale
        for _ in range(3):
            await blocklist.refresh()
        assert not blocklist.is_stale
        assert len(reads) == number + 1
        assert blocklist.holds_for(f"https://a.{domain}/users/x")
        assert not blocklist.holds_for("https://other.example/users/x")


async def test_block_made_while_the_blocks_are_read_is_read_as_well(
    site: Site, reads: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    blocklist = Blocklist(site.store, site.blog_id)
    read = site.store.read

    async def overtaken(*args: Any, **kwargs: Any) -> Any:
        rows = await read(*args, **kwargs)
        await site.store.write(block("late.example"))
        return rows

    with monkeypatch.context() as patch:
        patch.setattr(site.store, "read", overtaken)
        await blocklist.refresh()
    assert blocklist.is_stale
    await blocklist.refresh()
    assert blocklist.holds_for("https://late.example/users/x")
