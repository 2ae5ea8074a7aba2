"""The first start and authors."""

import asyncio
import re
from urllib.parse import urlsplit

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from sqlalchemy import Connection, text

from fedblog.domain.errors import ConflictError, InvalidFieldError, TakenError
from fedblog.publishing.identity import (
    Founding,
    IdentityChangedError,
    KeyRing,
    UnknownKeyError,
    add_author,
    check_handle,
    ensure_identity,
)
from fedblog.publishing.site import Site
from fedblog.settings import Settings
from fedblog.storage.changes import Change, record
from fedblog.storage.errors import StorageError
from fedblog.storage.store import Store


@pytest.mark.both_engines
async def test_first_start_makes_a_blog_with_keys_and_later_ones_reuse_them(
    store: Store, settings: Settings
) -> None:
    first = await ensure_identity(store, settings, Founding(title="Act Today", handle="act"))
    ring = await KeyRing.load(store, first.addresses, first.blog.id)
    owner = await author_of(store, "owner")
    pems = [ring.public_pem(who) for who in ("blog", "readers", "instance", owner)]
    again = await ensure_identity(store, settings)
    assert first.is_new
    assert not again.is_new
    assert again.blog == first.blog
    assert again.addresses.handle == "act"
    assert len(set(pems)) == 4
    assert load_pem_public_key(pems[0].encode()).key_size == 2048  # type: ignore[union-attr]
    assert ring.signing_key("blog").key_id == "http://localhost:8000/ap/blog#main-key"
    assert ring.signing_key("blog", "ed25519").key_id.endswith("#ed25519-key")


async def author_of(store: Store, handle: str) -> str:
    from fedblog.publishing.identity import find_author

    return (await find_author(store, handle)).id


async def test_changed_base_url_or_handle_is_refused_with_the_ways_out(
    store: Store, settings: Settings
) -> None:
    await ensure_identity(store, settings)
    moved = settings.model_copy(update={"base_url": "https://other.example"})
    with pytest.raises(
        IdentityChangedError, match=r"FEDBLOG_BASE_URL=http://localhost:8000.*--data"
    ):
        await ensure_identity(store, moved)
    elsewhere = settings.model_copy(update={"handle_host": "example.org"})
    with pytest.raises(IdentityChangedError, match=r"FEDBLOG_HANDLE_HOST=localhost:8000.*--data"):
        await ensure_identity(store, elsewhere)
    with pytest.raises(IdentityChangedError, match=r"@blog@localhost:8000.*--data"):
        await ensure_identity(store, settings, Founding(handle="other"))
    assert not (await ensure_identity(store, settings, Founding(handle="blog"))).is_new


@pytest.mark.parametrize(
    "handle", ["", "-a", "a-", ".a", "a.", "a b", "a/b", "a@b", "é", "a" * 65, "a\nb", "а"]
)
def test_handle_that_peers_could_not_read_is_refused(handle: str) -> None:
    with pytest.raises(InvalidFieldError):
        check_handle(handle)


@pytest.mark.parametrize("handle", ["ada", "Ada", "@ada", "a_b-c.d", "_x_", "7"])
def test_handle_of_plain_letters_is_taken_in_lower_case(handle: str) -> None:
    assert re.fullmatch(r"[a-z0-9_.-]+", check_handle(handle))


async def test_author_is_added_with_keys_and_a_handle_from_the_name(site: Site) -> None:
    author = await add_author(site.store, "Zoë  Quick")
    with pytest.raises(UnknownKeyError):
        site.keys.public_pem("01ARZ3NDEKTSV4RRFFQ69G5FAV")
    await site.keys.fresh()
    assert (author.name, author.handle, author.role) == ("Zoë Quick", "zoe-quick", "author")
    assert site.keys.signing_key(author.id).key_id == site.addresses.key(author.id)


@pytest.mark.parametrize("handle", ["ada", "ADA", "blog", "readers", "instance"])
async def test_handles_of_blog_and_authors_share_one_namespace(site: Site, handle: str) -> None:
    with pytest.raises(ConflictError):
        await add_author(site.store, "Someone", handle=handle)


@pytest.mark.parametrize("name", ["山田太郎", "Анна Smith", "Ələkbər", "😀", "李 Wei"])
async def test_handle_that_the_name_does_not_make_is_asked_for(site: Site, name: str) -> None:
    with pytest.raises(InvalidFieldError, match=f"none can be made from the name {name}") as asked:
        await add_author(site.store, name)
    assert asked.value.field == "handle"
    author = await add_author(site.store, name, handle="yamada")
    assert (author.name, author.handle) == (name, "yamada")


async def test_first_author_whose_name_makes_no_handle_is_asked_for_one(
    store: Store, settings: Settings
) -> None:
    with pytest.raises(InvalidFieldError, match="山田太郎"):
        await ensure_identity(store, settings, Founding(owner_name="山田太郎"))
    founding = Founding(owner_name="山田太郎", owner_handle="yamada")
    assert (await ensure_identity(store, settings, founding)).is_new


@pytest.mark.parametrize(
    ("name", "handle"),
    [
        ("Jürgen Großmann", "jurgen-grossmann"),
        ("Zoë ✨", "zoe"),
        ("Ł. O’Brien", "l-obrien"),
        ("Agent 47", "agent-47"),
        ("Wolfe" + " Schlegelsteinhausen" * 5, "wolfe-schlegelsteinhausen-schlegelsteinhausen"),
        ("x" * 80, "x" * 64),
    ],
)
async def test_handle_is_made_from_a_name_in_latin_letters(
    site: Site, name: str, handle: str
) -> None:
    assert (await add_author(site.store, name)).handle == handle


async def test_second_author_of_a_name_is_asked_for_another_handle(site: Site) -> None:
    await add_author(site.store, "Ada Author")
    with pytest.raises(TakenError, match="ada-author is another author's; say another") as taken:
        await add_author(site.store, "Ada Author")
    assert taken.value.field == "handle"


async def test_names_of_the_servers_own_actors_are_no_handles(site: Site) -> None:
    host = urlsplit(site.addresses.base_url).hostname
    for handle in ("readers", "instance", host):
        with pytest.raises(TakenError, match="kept for the server itself"):
            await add_author(site.store, "Zed", handle=handle)


async def test_author_is_found_however_the_name_was_typed(site: Site) -> None:
    made = await add_author(site.store, "Zoe\u0308 Quick")
    assert made.name == "Zo\u00eb Quick"
    for name in ("Zo\u00eb Quick", "Zoe\u0308 Quick"):
        assert await author_of(site.store, name) == made.id


@pytest.mark.both_engines
async def test_two_processes_that_start_first_at_once_make_one_blog(
    store: Store,
    settings: Settings,
    open_store,  # type: ignore[no-untyped-def]
) -> None:
    other = await open_store()
    made = await asyncio.gather(ensure_identity(store, settings), ensure_identity(other, settings))
    assert sorted(identity.is_new for identity in made) == [False, True]
    assert made[0].blog == made[1].blog
    again = await ensure_identity(store, settings)
    ring = await KeyRing.load(store, again.addresses, again.blog.id)
    assert ring.public_pem("blog")


@pytest.mark.both_engines
async def test_key_ring_that_could_not_read_a_change_reads_it_later(
    store: Store, settings: Settings
) -> None:
    identity = await ensure_identity(store, settings)
    ring = await KeyRing.load(store, identity.addresses, identity.blog.id)

    async def run(statement: str, *changes: Change) -> None:
        def unit(connection: Connection) -> None:
            connection.execute(text(statement))
            record(connection, *changes)

        await store.write(unit)

    await run("UPDATE keys SET public_pem = 'new'", Change("keys"))
    await run("ALTER TABLE keys RENAME TO away")
    try:
        with pytest.raises(StorageError):
            await ring.fresh()
    finally:
        await run("ALTER TABLE away RENAME TO keys")
    await ring.fresh()
    assert ring.public_pem("blog") == "new"


async def test_key_ring_finds_an_author_added_by_another_process(site: Site, open_store) -> None:  # type: ignore[no-untyped-def]
    author = await add_author(await open_store(listen=False), "Zoe")
    await site.keys.fresh(author.id)
    assert site.keys.public_pem(author.id).startswith("-----BEGIN PUBLIC KEY-----")
