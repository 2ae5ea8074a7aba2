"""The directory of remote actors, their keys and handles."""

import asyncio
import gc
import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from remote.peers import Asked, Peer, StartPeer, answer
from sqlalchemy import Connection, update
from support.waiting import eventually

from fedblog.domain.addresses import Addresses
from fedblog.remote import askings
from fedblog.remote.actors import ActorDirectory, KnownKey
from fedblog.remote.client import RemoteClient
from fedblog.remote.errors import (
    ActorGoneError,
    BlockedAddressError,
    KeyNotFoundError,
    RemoteError,
    RemoteStatusError,
    ShortError,
    UnreachableError,
    WrongDocumentError,
    WrongMediaTypeError,
)
from fedblog.settings import Settings
from fedblog.storage import actors as rows
from fedblog.storage.store import Store
from fedblog.storage.tables import actor_keys, actors

ADDRESSES = Addresses("http://blog.example")
ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


@pytest.fixture(scope="module")
def rsa_key() -> rsa.RSAPublicKey:
    return rsa.generate_private_key(65537, 2048).public_key()


@pytest.fixture(scope="module")
def other_rsa_key() -> rsa.RSAPublicKey:
    return rsa.generate_private_key(65537, 2048).public_key()


def pem(key: rsa.RSAPublicKey | ed25519.Ed25519PublicKey) -> str:
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def base58(data: bytes) -> str:
    number, text = int.from_bytes(data, "big"), ""
    while number:
        number, rest = divmod(number, 58)
        text = ALPHABET[rest] + text
    return text


@pytest.fixture
def make_directory(
    settings: Settings, store: Store, client: RemoteClient
) -> Callable[[], ActorDirectory]:
    """``make_directory()``: a directory with an empty memory, on one store."""
    return lambda: ActorDirectory(settings, store, client, ADDRESSES)


@pytest.fixture
def directory(make_directory: Callable[[], ActorDirectory]) -> ActorDirectory:
    return make_directory()


def person(peer: Peer, username: str = "alice", **more: Any) -> dict[str, Any]:
    """An actor's document without keys; *more* is added."""
    uri = f"{peer.url}/users/{username}"
    return {
        "@context": "https://www.w3.org/ns/activitystreams",
        "id": uri,
        "type": "Person",
        "preferredUsername": username,
        "name": "Alice A.",
        "inbox": f"{uri}/inbox",
        "followers": f"{uri}/followers",
        **more,
    }


def main_key(owner: str, key: rsa.RSAPublicKey, key_id: str | None = None) -> dict[str, str]:
    return {"id": key_id or f"{owner}#main-key", "owner": owner, "publicKeyPem": pem(key)}


# --- keys ----------------------------------------------------------------------------------------


async def test_key_with_a_fragment_is_found_in_its_actor(
    directory: ActorDirectory, store: Store, peer: Peer, rsa_key: rsa.RSAPublicKey
) -> None:
    uri = f"{peer.url}/users/alice"
    peer.holds("/users/alice", person(peer, publicKey=main_key(uri, rsa_key)))
    known = await directory.key(f"{uri}#main-key")
    assert known.public_key == rsa_key
    assert (known.actor.uri, known.actor.handle, known.actor.name) == (uri, "alice", "Alice A.")
    assert known.actor.host == f"127.0.0.1:{peer.port}"
    assert (known.key.actor_uri, known.key.kind) == (uri, "rsa")
    assert await store.read(rows.find_key, f"{uri}#main-key") == (known.actor, known.key)


async def test_known_key_is_not_fetched_again(
    make_directory: Callable[[], ActorDirectory], peer: Peer, rsa_key: rsa.RSAPublicKey
) -> None:
    uri = f"{peer.url}/users/alice"
    peer.holds("/users/alice", person(peer, publicKey=main_key(uri, rsa_key)))
    first, second = make_directory(), make_directory()
    key_id = f"{uri}#main-key"
    assert first.cached_key(key_id) is None
    known = await first.key(key_id)
    assert first.cached_key(key_id) is known
    assert await first.key(key_id) is known
    assert await second.key(key_id) == known, "from the database"
    assert len(peer.asked) == 1


@pytest.mark.parametrize("stub_id", ["actor", "key"])
async def test_key_with_a_document_of_its_own_leads_to_its_owner(
    make_directory: Callable[[], ActorDirectory],
    peer: Peer,
    rsa_key: rsa.RSAPublicKey,
    stub_id: str,
) -> None:
    uri = f"{peer.url}/users/alice"
    key_id = f"{uri}/main-key"
    key = main_key(uri, rsa_key, key_id)
    stub = (
        {"id": uri, "type": "Person", "preferredUsername": "alice", "publicKey": key}
        if stub_id == "actor"
        else {**key, "type": "CryptographicKey"}
    )
    peer.holds("/users/alice/main-key", stub)
    peer.holds("/users/alice", person(peer, publicKey=key))
    directory = make_directory()
    known = await directory.key(key_id)
    assert (known.actor.uri, known.public_key) == (uri, rsa_key)
    assert known.actor.inbox == f"{uri}/inbox", "from the actor, not from the stub"
    await directory.actor(uri, fresh=True)
    assert (await make_directory().key(key_id)).public_key == rsa_key
    assert peer.count("/users/alice/main-key") == 1


async def test_each_of_several_keys_is_found(
    directory: ActorDirectory,
    peer: Peer,
    rsa_key: rsa.RSAPublicKey,
    other_rsa_key: rsa.RSAPublicKey,
) -> None:
    uri = f"{peer.url}/users/alice"
    ed_key = ed25519.Ed25519PrivateKey.generate().public_key()
    multikey = {
        "id": f"{uri}#ed25519-key",
        "type": "Multikey",
        "controller": uri,
        "publicKeyMultibase": "z" + base58(b"\xed\x01" + ed_key.public_bytes_raw()),
    }
    keys = [main_key(uri, rsa_key), main_key(uri, other_rsa_key, f"{uri}#second")]
    peer.holds("/users/alice", person(peer, publicKey=keys, assertionMethod=[multikey]))
    assert (await directory.key(f"{uri}#main-key")).public_key == rsa_key
    assert (await directory.key(f"{uri}#second")).public_key == other_rsa_key
    assert (await directory.key(f"{uri}#ed25519-key")).public_key == ed_key
    assert len(peer.asked) == 1, "one document has them all"


async def test_s4_key_that_its_owner_does_not_list_is_refused_and_not_kept(
    directory: ActorDirectory,
    store: Store,
    start_peer: StartPeer,
    rsa_key: rsa.RSAPublicKey,
    other_rsa_key: rsa.RSAPublicKey,
) -> None:
    good, evil = await start_peer(), await start_peer("127.0.6.6")
    uri = f"{good.url}/users/alice"
    good.holds("/users/alice", person(good, publicKey=main_key(uri, rsa_key)))
    key_id = f"{evil.url}/key"
    evil.holds("/key", {**main_key(uri, other_rsa_key, key_id), "type": "CryptographicKey"})
    with pytest.raises(KeyNotFoundError):
        await directory.key(key_id)
    assert directory.cached_key(key_id) is None
    assert await store.read(rows.find_key, key_id) is None


@pytest.mark.parametrize("case", ["another key", "another owner", "no owner", "no keys"])
async def test_s4_actor_that_does_not_list_the_key_does_not_have_it(
    directory: ActorDirectory, peer: Peer, rsa_key: rsa.RSAPublicKey, case: str
) -> None:
    uri = f"{peer.url}/users/alice"
    keys: Any = {
        "another key": main_key(uri, rsa_key, f"{uri}#other"),
        "another owner": main_key(f"{peer.url}/users/bob", rsa_key, f"{uri}#main-key"),
        "no owner": [],
        "no keys": None,
    }[case]
    peer.holds("/users/alice", person(peer, publicKey=keys))
    with pytest.raises(KeyNotFoundError):
        await directory.key(f"{uri}#main-key")


async def test_s4_forged_copy_of_an_actor_does_not_give_it_a_key(
    directory: ActorDirectory,
    start_peer: StartPeer,
    rsa_key: rsa.RSAPublicKey,
    other_rsa_key: rsa.RSAPublicKey,
) -> None:
    good, evil = await start_peer(), await start_peer("127.0.6.6")
    uri = f"{good.url}/users/alice"
    good.holds("/users/alice", person(good, publicKey=main_key(uri, rsa_key)))
    forged = main_key(uri, other_rsa_key, f"{evil.url}/copy#main-key")
    evil.holds("/copy", person(good, publicKey=forged))
    with pytest.raises(KeyNotFoundError):
        await directory.key(f"{evil.url}/copy#main-key")


async def test_s4_actor_cannot_take_the_place_of_anothers_key(
    directory: ActorDirectory,
    store: Store,
    peer: Peer,
    rsa_key: rsa.RSAPublicKey,
    other_rsa_key: rsa.RSAPublicKey,
) -> None:
    alice, mallory = f"{peer.url}/users/alice", f"{peer.url}/users/mallory"
    key_id = f"{alice}/main-key"
    key = main_key(alice, rsa_key, key_id)
    peer.holds("/users/alice/main-key", {**key, "type": "CryptographicKey"})
    peer.holds("/users/alice", person(peer, publicKey=key))
    stolen = [
        main_key(mallory, other_rsa_key),
        main_key(mallory, other_rsa_key, key_id),
        main_key(mallory, other_rsa_key, f"{alice}#main-key"),
    ]
    peer.holds("/users/mallory", person(peer, "mallory", publicKey=stolen))
    await directory.key(f"{mallory}#main-key")
    assert (await directory.key(key_id)).actor.uri == alice
    await directory.actor(mallory, fresh=True)
    assert (await directory.key(key_id)).public_key == rsa_key
    found = await store.read(rows.find_key, key_id)
    assert found is not None
    assert found[0].uri == alice


@pytest.mark.parametrize("bad", ["", "nonsense", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END"])
async def test_key_that_cannot_be_read_is_not_found(
    directory: ActorDirectory, peer: Peer, bad: str
) -> None:
    uri = f"{peer.url}/users/alice"
    key = {"id": f"{uri}#main-key", "owner": uri, "publicKeyPem": bad}
    peer.holds("/users/alice", person(peer, publicKey=key))
    with pytest.raises(KeyNotFoundError):
        await directory.key(f"{uri}#main-key")


async def test_those_who_ask_at_once_share_one_fetch(
    directory: ActorDirectory, peer: Peer, rsa_key: rsa.RSAPublicKey
) -> None:
    uri = f"{peer.url}/users/alice"
    peer.holds("/users/alice", person(peer, publicKey=main_key(uri, rsa_key)))
    found = await asyncio.gather(*(directory.key(f"{uri}#main-key") for _ in range(20)))
    assert all(known is found[0] for known in found)
    assert len(peer.asked) == 1
    failed = await asyncio.gather(
        *(directory.key(f"{peer.url}/nobody#key") for _ in range(20)), return_exceptions=True
    )
    assert all(isinstance(error, ActorGoneError) for error in failed)
    assert len(peer.asked) == 2


async def test_another_goes_on_when_the_first_who_asked_gives_up(
    directory: ActorDirectory, peer: Peer, rsa_key: rsa.RSAPublicKey
) -> None:
    uri = f"{peer.url}/users/alice"
    peer.holds("/users/alice", person(peer, publicKey=main_key(uri, rsa_key)))
    ready = peer.answers["/users/alice"]
    assert isinstance(ready, bytes)

    go_on = asyncio.Event()

    async def slowly(asked: Asked, writer: asyncio.StreamWriter) -> None:
        await go_on.wait()
        writer.write(ready)

    peer.answers["/users/alice"] = slowly
    first = asyncio.create_task(directory.key(f"{uri}#main-key"))
    await eventually(lambda: peer.asked)
    second = asyncio.create_task(directory.key(f"{uri}#main-key"))
    await asyncio.sleep(0)
    first.cancel()
    go_on.set()
    assert (await second).public_key == rsa_key
    assert first.cancelled()


async def test_failure_is_remembered_for_a_while(directory: ActorDirectory, peer: Peer) -> None:
    key_id = f"{peer.url}/users/alice#main-key"
    peer.answers["/users/alice"] = answer(b"", status=500)
    for _ in range(3):
        with pytest.raises(RemoteStatusError):
            await directory.key(key_id)
    assert len(peer.asked) == 1


async def test_remembered_failure_keeps_nothing_of_what_was_fetched(
    directory: ActorDirectory, peer: Peer
) -> None:
    peer.answers["/page"] = answer(b"x" * 60_000, media_type="text/html")

    async def ask(number: int) -> None:
        with pytest.raises(WrongMediaTypeError, match="page"):
            await directory.key(f"{peer.url}/page#{number}")

    await ask(0)
    gc.collect()
    tracemalloc.start()
    try:
        for number in range(1, 41):
            await ask(number)
        gc.collect()
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 40 * 30_000
    await ask(40)
    assert len(peer.asked) == 41, "the last was told from memory"


async def test_key_id_that_is_an_actors_own_address_says_nothing_of_the_actor(
    directory: ActorDirectory, peer: Peer, rsa_key: rsa.RSAPublicKey
) -> None:
    uri = f"{peer.url}/users/alice"
    peer.holds("/users/alice", person(peer, publicKey=main_key(uri, rsa_key)))
    for _ in range(2):
        with pytest.raises(KeyNotFoundError):
            await directory.key(uri)
    assert (await directory.actor(uri)).uri == uri


async def test_who_waits_for_a_fetch_of_others_is_not_told_of_their_shortage(
    make_client: Callable[[Settings], RemoteClient],
    settings: Settings,
    store: Store,
    peer: Peer,
    rsa_key: rsa.RSAPublicKey,
) -> None:
    bounds = {"asker_burst": 1, "asker_rate": 0.01}
    directory = ActorDirectory(
        settings, store, make_client(settings.model_copy(update=bounds)), ADDRESSES
    )
    uri = f"{peer.url}/users/alice"
    key_id = f"{uri}#main-key"
    peer.holds("/users/alice", person(peer, publicKey=main_key(uri, rsa_key)))

    async def ask(host: str) -> object:
        with askings.on_behalf_of(askings.of_host(host)):
            return await directory.key(key_id)

    # One request is what each may have us make: evil has used it up.
    with askings.on_behalf_of(askings.of_host("evil.example")), pytest.raises(ActorGoneError):
        await directory.key(f"{peer.url}/other#key")
    hosts = ["evil.example", *(f"good{n}.example" for n in range(5)), "evil.example"]
    first, *others, last = await asyncio.gather(*map(ask, hosts), return_exceptions=True)
    assert isinstance(first, ShortError)
    assert isinstance(last, ShortError)
    assert all(isinstance(known, KnownKey) for known in others), others


async def test_s12_key_id_of_a_closed_address_gets_no_connection(
    settings: Settings, store: Store, strict_client: RemoteClient, peer: Peer
) -> None:
    strict = settings.model_copy(update={"allow_private_network": False})
    directory = ActorDirectory(strict, store, strict_client, ADDRESSES)
    port = peer.port
    for key_id in (
        f"http://127.0.0.1:{port}/users/a#main-key",
        f"https://127.0.0.1:{port}/users/a#main-key",
        f"https://[::ffff:127.0.0.1]:{port}/a",
        f"https://2130706433:{port}/a",
        f"https://localhost:{port}/a",
        f"https://a.local:{port}/a",
        "https://169.254.169.254/latest/meta-data/",
        "file:///etc/passwd",
        "not a url",
        "",
    ):
        with pytest.raises(BlockedAddressError):
            await directory.key(key_id)
    assert peer.connections == 0


async def test_keys_of_this_server_are_nobody_elses(directory: ActorDirectory) -> None:
    with pytest.raises(KeyNotFoundError):
        await directory.key("http://blog.example/ap/blog#main-key")


# --- S35: changed keys ---------------------------------------------------------------------------


async def test_s35_changed_key_is_fetched_anew_once(
    make_directory: Callable[[], ActorDirectory],
    peer: Peer,
    rsa_key: rsa.RSAPublicKey,
    other_rsa_key: rsa.RSAPublicKey,
) -> None:
    uri = f"{peer.url}/users/alice"
    key_id = f"{uri}#main-key"
    peer.holds("/users/alice", person(peer, publicKey=main_key(uri, rsa_key)))
    directory = make_directory()
    await directory.key(key_id)
    peer.holds("/users/alice", person(peer, publicKey=main_key(uri, other_rsa_key)))
    assert (await directory.refetch_key(key_id)).public_key == other_rsa_key
    assert (await directory.key(key_id)).public_key == other_rsa_key
    assert (await make_directory().key(key_id)).public_key == other_rsa_key
    for _ in range(5):
        with pytest.raises(KeyNotFoundError):
            await directory.refetch_key(key_id)
    assert len(peer.asked) == 2, "the first fetch, which does not count, and one more"
    # Somebody else's: what the first had fetched again may have been changed since.
    peer.holds("/users/alice", person(peer, publicKey=main_key(uri, rsa_key)))
    with askings.on_behalf_of(askings.of_client("192.0.2.7")):
        assert (await directory.refetch_key(key_id)).public_key == rsa_key


async def test_s35_keys_fetched_anew_for_whoever_it_may_be_are_few(
    settings: Settings,
    store: Store,
    client: RemoteClient,
    peer: Peer,
    rsa_key: rsa.RSAPublicKey,
) -> None:
    """Forged signatures in many names must not take what newcomers' first fetches need."""
    few = settings.model_copy(update={"key_refetch_rate": 0.001, "key_refetch_burst": 3})
    directory = ActorDirectory(few, store, client, ADDRESSES)
    names = [f"person{number}" for number in range(6)]
    for name in names:
        uri = f"{peer.url}/users/{name}"
        document = person(peer, name, publicKey=main_key(uri, rsa_key))
        peer.holds(f"/users/{name}", document)
        await directory.key(f"{uri}#main-key")
    asked = len(peer.asked)
    for name in names[:3]:
        await directory.refetch_key(f"{peer.url}/users/{name}#main-key")
    for name in names[3:]:
        with pytest.raises(ShortError):
            await directory.refetch_key(f"{peer.url}/users/{name}#main-key")
    assert len(peer.asked) == asked + 3
    uri = f"{peer.url}/users/newcomer"
    peer.holds("/users/newcomer", person(peer, "newcomer", publicKey=main_key(uri, rsa_key)))
    await directory.key(f"{uri}#main-key")


async def test_s35_nothing_is_said_of_a_key_whose_server_does_not_give_it_anew(
    directory: ActorDirectory, peer: Peer, rsa_key: rsa.RSAPublicKey
) -> None:
    uri = f"{peer.url}/users/alice"
    key_id = f"{uri}#main-key"
    peer.holds("/users/alice", person(peer, publicKey=main_key(uri, rsa_key)))
    await directory.key(key_id)
    peer.answers["/users/alice"] = answer(b"", status=503)
    for _ in range(3):
        with pytest.raises(RemoteStatusError):
            await directory.refetch_key(key_id)
    assert len(peer.asked) == 2


async def test_s35_key_that_is_no_longer_listed_is_forgotten(
    directory: ActorDirectory,
    store: Store,
    peer: Peer,
    rsa_key: rsa.RSAPublicKey,
    other_rsa_key: rsa.RSAPublicKey,
) -> None:
    uri = f"{peer.url}/users/alice"
    peer.holds("/users/alice", person(peer, publicKey=main_key(uri, rsa_key)))
    await directory.key(f"{uri}#main-key")
    new = main_key(uri, other_rsa_key, f"{uri}#new")
    peer.holds("/users/alice", person(peer, publicKey=new))
    assert (await directory.key(f"{uri}#new")).public_key == other_rsa_key
    assert directory.cached_key(f"{uri}#main-key") is None
    with pytest.raises(KeyNotFoundError):
        await directory.key(f"{uri}#main-key")


async def test_old_key_is_looked_at_again_but_kept_while_its_server_is_away(
    make_directory: Callable[[], ActorDirectory],
    store: Store,
    peer: Peer,
    rsa_key: rsa.RSAPublicKey,
    other_rsa_key: rsa.RSAPublicKey,
) -> None:
    uri = f"{peer.url}/users/alice"
    key_id = f"{uri}#main-key"
    peer.holds("/users/alice", person(peer, publicKey=main_key(uri, rsa_key)))
    await make_directory().key(key_id)
    await store.write(make_old)
    peer.answers["/users/alice"] = answer(b"", status=503)
    assert (await make_directory().key(key_id)).public_key == rsa_key
    assert (await make_directory().actor(uri)).uri == uri
    peer.holds("/users/alice", person(peer, publicKey=main_key(uri, other_rsa_key)))
    assert (await make_directory().key(key_id)).public_key == other_rsa_key


def make_old(connection: Connection) -> None:
    long_ago = datetime.now(UTC) - timedelta(days=30)
    connection.execute(update(actor_keys).values(fetched_at=long_ago))
    connection.execute(update(actors).values(fetched_at=long_ago))


# --- actors --------------------------------------------------------------------------------------


async def test_actor_is_fetched_once_and_anew_when_asked(
    directory: ActorDirectory, peer: Peer
) -> None:
    uri = peer.holds("/users/alice", person(peer))
    assert (await directory.actor(uri)).name == "Alice A."
    peer.holds("/users/alice", person(peer, name="Alice B."))
    assert (await directory.actor(uri)).name == "Alice A."
    assert (await directory.actor(uri, fresh=True)).name == "Alice B."
    assert (await directory.actor(uri)).name == "Alice B."
    assert len(peer.asked) == 2


@pytest.mark.parametrize("status", [404, 410])
async def test_actor_whose_server_denies_it_is_gone(
    directory: ActorDirectory, peer: Peer, status: int
) -> None:
    peer.answers["/users/alice"] = answer(b"", status=status)
    with pytest.raises(ActorGoneError):
        await directory.actor(f"{peer.url}/users/alice")
    with pytest.raises(ActorGoneError):
        await directory.key(f"{peer.url}/users/alice#main-key")


async def test_deleted_actor_is_gone_until_its_server_has_it_again(
    directory: ActorDirectory, store: Store, peer: Peer, rsa_key: rsa.RSAPublicKey
) -> None:
    uri = f"{peer.url}/users/alice"
    peer.holds("/users/alice", person(peer, publicKey=main_key(uri, rsa_key)))
    await directory.key(f"{uri}#main-key")
    await store.write(rows.mark_deleted, [uri], datetime.now(UTC))
    assert directory.cached_key(f"{uri}#main-key") is None
    with pytest.raises(ActorGoneError):
        await directory.actor(uri)
    assert len(peer.asked) == 1
    assert (await directory.actor(uri, fresh=True)).deleted_at is None
    assert (await directory.actor(uri)).name == "Alice A."


async def test_unreachable_actor_is_an_error(directory: ActorDirectory) -> None:
    with pytest.raises(UnreachableError):
        await directory.actor("http://127.0.0.1:1/users/alice")


@pytest.mark.parametrize("type_", ["Note", "Collection", "", None])
async def test_what_is_no_actor_is_refused(
    directory: ActorDirectory, peer: Peer, type_: str | None
) -> None:
    uri = peer.holds("/users/alice", {**person(peer), "type": type_})
    with pytest.raises(WrongDocumentError):
        await directory.actor(uri)


async def test_actors_of_this_server_are_not_remote(
    settings: Settings, store: Store, client: RemoteClient, peer: Peer
) -> None:
    directory = ActorDirectory(settings, store, client, Addresses(peer.url))
    uri = peer.holds("/ap/blog", person(peer))
    with pytest.raises(RemoteError):
        await directory.actor(uri)
    assert peer.connections == 0


async def test_inbox_and_page_of_a_third_server_are_left_out(
    directory: ActorDirectory, peer: Peer
) -> None:
    document = person(
        peer,
        inbox="https://victim.example/inbox",
        endpoints={"sharedInbox": "https://victim.example/shared"},
        url="https://bank.example/",
    )
    actor = await directory.actor(peer.holds("/users/alice", document))
    assert (actor.inbox, actor.shared_inbox, actor.url) == ("", None, actor.uri)


async def test_shared_inbox_of_its_own_host_is_kept(directory: ActorDirectory, peer: Peer) -> None:
    document = person(peer, endpoints={"sharedInbox": f"{peer.url}/inbox"})
    actor = await directory.actor(peer.holds("/users/alice", document))
    assert actor.shared_inbox == f"{peer.url}/inbox"


@pytest.mark.parametrize(
    ("username", "handle"),
    [
        ("alice", "alice"),
        ("bob@evil.example", "bobevil.example"),
        ("@", "alice"),
        ("a\u202eb\u0007c d", "abcd"),
        ("", "alice"),
        (None, "alice"),
        ("x" * 5000, "x" * 100),
        ("bob\uff20evil.example", "bobevil.example"),
        ("bob\ufe6bevil.example", "bobevil.example"),
        ("al\u200b\u200d\u2063\u00adice", "alice"),
        ("al\u3164\uffa0\u034f\ufe0f\u2800ice", "alice"),
        ("\u3164\u2800", "alice"),
        ("bob\u2215\uff0f\u00a0evil", "bobevil"),
        ("\uff42ob", "bob"),
        ("\u0431\u043e\u0431_1.x-y", "\u0431\u043e\u0431_1.x-y"),
    ],
)
async def test_s24_handle_is_made_harmless(
    directory: ActorDirectory, peer: Peer, username: Any, handle: str
) -> None:
    document = {**person(peer), "preferredUsername": username}
    actor = await directory.actor(peer.holds("/users/alice", document))
    assert actor.handle.rstrip("…") == handle[: len(actor.handle.rstrip("…"))]
    assert 0 < len(actor.handle) <= 100
    assert not set(actor.handle) & set("@/ \u202e\u0007")


# --- handles -------------------------------------------------------------------------------------


def web_finger(peer: Peer, asked: str, subject: str, actor: str) -> None:
    """Let *peer* answer for the handle *asked*."""
    peer.holds(
        f"/.well-known/webfinger?resource=acct:{asked}",
        {
            "subject": f"acct:{subject}",
            "links": [
                {"rel": "http://webfinger.net/rel/profile-page", "href": "https://x.example/"},
                {"rel": "self", "type": "text/html", "href": "https://x.example/"},
                {"rel": "self", "type": "application/activity+json", "href": actor},
            ],
        },
        "application/jrd+json; charset=utf-8",
    )


async def test_handle_leads_to_its_actor(directory: ActorDirectory, peer: Peer) -> None:
    host = f"127.0.0.1:{peer.port}"
    uri = peer.holds("/users/alice", person(peer))
    web_finger(peer, f"alice@{host}", f"alice@{host}", uri)
    for handle in (f"@alice@{host}", f"alice@{host}", f"acct:alice@{host}"):
        assert (await directory.resolve_handle(handle)).uri == uri


async def test_handle_of_another_domain_counts_when_the_actors_host_confirms_it(
    directory: ActorDirectory, start_peer: StartPeer
) -> None:
    apex, home = await start_peer("127.0.0.1"), await start_peer("127.0.7.1")
    short, long = f"alice@127.0.0.1:{apex.port}", f"alice@127.0.7.1:{home.port}"
    uri = home.holds("/users/alice", person(home))
    web_finger(apex, short, short, uri)
    web_finger(home, long, short, uri)
    assert (await directory.resolve_handle(short)).uri == uri
    assert (await directory.resolve_handle(long)).uri == uri


async def test_s24_handle_that_the_actors_host_does_not_confirm_is_refused(
    directory: ActorDirectory, start_peer: StartPeer
) -> None:
    evil, home = await start_peer("127.0.6.6"), await start_peer("127.0.7.1")
    claimed, real = f"alice@127.0.6.6:{evil.port}", f"alice@127.0.7.1:{home.port}"
    uri = home.holds("/users/alice", person(home))
    web_finger(evil, claimed, claimed, uri)
    web_finger(home, real, real, uri)
    with pytest.raises(WrongDocumentError):
        await directory.resolve_handle(claimed)


async def test_s24_subject_that_its_own_host_does_not_know_is_refused(
    directory: ActorDirectory, start_peer: StartPeer
) -> None:
    evil, home = await start_peer("127.0.6.6"), await start_peer("127.0.7.1")
    asked, claimed = f"x@127.0.6.6:{evil.port}", f"president@127.0.7.1:{home.port}"
    uri = evil.holds("/users/x", person(evil, "x"))
    web_finger(evil, asked, claimed, uri)
    with pytest.raises(RemoteError):
        await directory.resolve_handle(asked)


async def test_s16_web_finger_that_leads_in_circles_ends(
    directory: ActorDirectory, settings: Settings, peer: Peer
) -> None:
    path = f"/.well-known/webfinger?resource=acct:a@127.0.0.1:{peer.port}"
    peer.answers[path] = answer(b"", status=302, Location=path)
    with pytest.raises(RemoteError):
        await directory.resolve_handle(f"a@127.0.0.1:{peer.port}")
    assert len(peer.asked) == settings.fetch_max_redirects + 1


@pytest.mark.parametrize(
    "handle",
    [
        "",
        "alice",
        "@alice",
        "alice@",
        "a@b@example.org",
        "a b@example.org",
        "a\n@example.org",
        "@@example.org",
        "alice@example.org/x",
        "alice@exa mple.org",
        "alice@user:pw@example.org",
        "аlice@example.org",
        "alice@example.org?x",
        "alice@[::1",
    ],
)
async def test_s24_what_is_no_handle_is_refused(directory: ActorDirectory, handle: str) -> None:
    with pytest.raises(RemoteError):
        await directory.resolve_handle(handle)


@pytest.mark.parametrize(
    ("named", "scheme"),
    [
        (("rfc9421", "rfc9421#name-eddsa-using-curve-edwards25"), "rfc9421-ed25519"),
        (("rfc9421",), "rfc9421"),
        (("rfc6749",), "cavage"),
        ((), "cavage"),
    ],
)
async def test_signatures_that_an_actors_server_says_it_verifies_are_remembered(
    directory: ActorDirectory,
    client: RemoteClient,
    peer: Peer,
    named: tuple[str, ...],
    scheme: str,
) -> None:
    implements = [{"href": f"https://datatracker.ietf.org/doc/html/{name}"} for name in named]
    generator = {"type": "Application", "implements": implements}
    peer.holds("/users/alice", person(peer, generator=generator))
    await directory.actor(f"{peer.url}/users/alice")
    assert client.schemes.of(f"127.0.0.1:{peer.port}") == scheme
