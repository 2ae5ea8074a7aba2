"""What the server remembers about itself."""

import pytest

from fedblog.storage import server
from fedblog.storage.store import Store

pytestmark = pytest.mark.both_engines


async def test_values_are_kept_replaced_and_forgotten(store: Store) -> None:
    assert await store.read(server.get, "base_url") is None
    await store.write(server.put, "base_url", "https://a.example")
    await store.write(server.put, "handle", "blog")
    await store.write(server.put, "base_url", "https://b.example")
    assert await store.read(server.get, "base_url") == "https://b.example"
    assert await store.read(server.get_all) == {"base_url": "https://b.example", "handle": "blog"}
    await store.write(server.remove, "handle")
    await store.write(server.remove, "handle")
    assert await store.read(server.get, "handle") is None
