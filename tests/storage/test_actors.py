"""Remote actors, their keys, and what is known of hosts, on both engines."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fedblog.domain.actor import ActorKey, RemoteActor
from fedblog.storage import actors, hosts, terms
from fedblog.storage.changes import Change
from fedblog.storage.store import Store

pytestmark = pytest.mark.both_engines

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)


def actor(name: str = "alice", **more: Any) -> RemoteActor:
    uri = f"https://example.org/users/{name}"
    values: dict[str, Any] = {
        "uri": uri,
        "type": "Person",
        "handle": name,
        "host": "example.org",
        "name": name.title(),
        "url": f"https://example.org/@{name}",
        "avatar_url": "https://example.org/a.png",
        "summary": "writes",
        "inbox": f"{uri}/inbox",
        "shared_inbox": "https://example.org/inbox",
        "followers_uri": f"{uri}/followers",
        "moved_to": None,
        "also_known_as": ("https://other.example/a", "https://ü.example/b"),
        "fetched_at": NOW,
    }
    return RemoteActor(**{**values, **more})


def key(owner: RemoteActor, fragment: str = "main-key", pem: str = "PEM") -> ActorKey:
    return ActorKey(f"{owner.uri}#{fragment}", owner.uri, "rsa", pem, NOW)


@pytest.fixture
def heard(store: Store) -> list[Change]:
    """What the store said had changed."""
    changes: list[Change] = []
    store.listen(changes.extend)
    return changes


async def test_saved_actors_are_found_as_they_were(store: Store) -> None:
    alice, bob = actor(), actor("bob", shared_inbox=None, followers_uri=None, also_known_as=())
    for each in (alice, bob):
        await store.write(actors.save, each, [])
    found = await store.read(actors.find, [alice.uri, bob.uri, "https://example.org/nobody"])
    assert found == {alice.uri: alice, bob.uri: bob}
    assert await store.read(actors.find, []) == {}


async def test_saving_again_replaces_actor_and_keys(store: Store) -> None:
    alice = actor()
    await store.write(actors.save, alice, [key(alice), key(alice, "old")])
    changed = replace(alice, name="Alice B.", fetched_at=LATER)
    await store.write(actors.save, changed, [key(alice, pem="NEW"), key(alice, "ed25519-key")])
    assert await store.read(actors.find, [alice.uri]) == {alice.uri: changed}
    assert await store.read(actors.keys_of, alice.uri) == (
        key(alice, "ed25519-key"),
        key(alice, pem="NEW"),
    )
    assert await store.read(actors.find_key, key(alice, "old").key_id) is None


async def test_key_that_is_still_listed_elsewhere_is_kept(store: Store) -> None:
    alice = actor()
    await store.write(actors.save, alice, [key(alice), key(alice, "other")])
    other = key(alice, "other").key_id
    await store.write(actors.save, alice, [key(alice)], still_listed=[other, "never seen"])
    assert await store.read(actors.find_key, other) == (alice, key(alice, "other"))


async def test_key_is_found_with_its_actor(store: Store) -> None:
    alice, bob = actor(), actor("bob")
    for each in (alice, bob):
        await store.write(actors.save, each, [key(each)])
    assert await store.read(actors.find_key, key(bob).key_id) == (bob, key(bob))
    assert await store.read(actors.find_key, "https://example.org/users/x#main-key") is None
    found = await store.read(actors.find_keys, [key(alice).key_id, key(bob).key_id, "x"])
    assert found == {
        key(alice).key_id: (alice, key(alice)),
        key(bob).key_id: (bob, key(bob)),
    }


async def test_change_of_a_face_or_a_key_is_told_and_nothing_else(
    store: Store, heard: list[Change]
) -> None:
    alice = actor()
    await store.write(actors.save, alice, [key(alice)])
    await store.write(actors.save, replace(alice, fetched_at=LATER), [key(alice)])
    assert heard == []
    await store.write(actors.save, replace(alice, name="New"), [key(alice)])
    assert heard == [Change("actor", alice.uri)]
    heard.clear()
    await store.write(actors.save, replace(alice, name="New"), [key(alice, pem="NEW")])
    assert heard == [Change("actor", alice.uri)]


async def test_deleted_actor_keeps_nothing_of_itself(store: Store, heard: list[Change]) -> None:
    alice, bob = actor(), actor("bob")
    for each in (alice, bob):
        await store.write(actors.save, each, [key(each)])
    await store.write(actors.mark_deleted, [alice.uri, "https://example.org/nobody"], LATER)
    gone = (await store.read(actors.find, [alice.uri]))[alice.uri]
    assert (gone.name, gone.summary, gone.avatar_url, gone.deleted_at) == ("", "", "", LATER)
    assert await store.read(actors.find_key, key(alice).key_id) is None
    assert await store.read(actors.find_key, key(bob).key_id) == (bob, key(bob))
    assert Change("actor", alice.uri) in heard
    await store.write(actors.mark_deleted, [alice.uri], LATER + timedelta(days=1))
    assert (await store.read(actors.find, [alice.uri]))[alice.uri].deleted_at == LATER


async def test_signature_scheme_of_a_host_is_kept(store: Store) -> None:
    await store.write(hosts.note_signature_schemes, {"a.example": "rfc9421"}, LATER)
    host = (await store.read(hosts.find, ["a.example"]))["a.example"]
    assert host.signature_scheme == "rfc9421"
    # Kept for its term though nobody there is known.
    for at, kept in ((LATER, ["a.example"]), (LATER + timedelta(seconds=1), [])):
        lone, _ = await store.read(terms.lone_hosts, at, None, 10)
        await store.write(terms.drop_hosts, lone, at)
        assert list(await store.read(hosts.find, ["a.example"])) == kept
