"""Tokens of authors' tools: names, lists, what revokes them, when they were used."""

import pytest
import time_machine
from support.blog import author_named

from fedblog.domain.errors import ConflictError, InvalidFieldError, NotFoundError, TakenError
from fedblog.publishing.site import Site
from fedblog.publishing.tokens import (
    authenticate,
    issue,
    list_tokens,
    revoke_token,
    table,
)


async def test_token_is_stored_as_a_hash_alone(site: Site) -> None:
    token = (await issue(site.store, "Ada Author")).token
    ada = await author_named(site, "ada")
    assert await authenticate(site.store, token) == ada
    assert await authenticate(site.store, token + "x") is None
    assert len(token) > 40
    (stored,) = await list_tokens(site.store)
    assert token not in repr(stored)
    assert stored.last_used_at is not None
    with pytest.raises(NotFoundError):
        await issue(site.store, "nobody")


async def test_s34_revoked_token_is_dead_at_once_and_others_live_on(site: Site) -> None:
    first, second = (await issue(site.store, "ada")).token, (await issue(site.store, "ada")).token
    assert await revoke_token(site.store, first) == 1
    assert await authenticate(site.store, first) is None
    assert await authenticate(site.store, second) is not None
    assert await revoke_token(site.store, first) == 0


async def test_s34_token_revoked_by_another_process_is_dead_at_once(site: Site, open_store) -> None:  # type: ignore[no-untyped-def]
    token = (await issue(site.store, "ada")).token
    assert await authenticate(site.store, token) is not None
    assert await revoke_token(await open_store(listen=False), token) == 1
    assert await authenticate(site.store, token) is None


@pytest.mark.both_engines
async def test_name_is_one_authors_once_until_its_token_is_revoked(site: Site) -> None:
    await issue(site.store, "ada", "laptop")
    with pytest.raises(TakenError) as refused:
        await issue(site.store, "ada", " laptop ")
    assert refused.value.field == "name"
    await issue(site.store, "olga", "laptop")
    assert await revoke_token(site.store, "laptop", "ada") == 1
    again = await issue(site.store, "ada", "laptop")
    assert await authenticate(site.store, again.token) is not None


async def test_token_without_a_name_is_numbered(site: Site) -> None:
    names = [(await issue(site.store, "ada")).name for _ in range(3)]
    assert names == ["token", "token 2", "token 3"]
    await revoke_token(site.store, "token 2")
    assert (await issue(site.store, "ada")).name == "token 2"
    assert (await issue(site.store, "olga")).name == "token"


@pytest.mark.parametrize(
    "name",
    ["", " ", "a" * 101, "a\x1b[31m", "\u202eb", "fedblog_x", "01ARZ3NDEKTSV4RRFFQ69G5FAV"],
)
async def test_name_that_would_read_as_something_else_is_refused(site: Site, name: str) -> None:
    with pytest.raises(InvalidFieldError):
        await issue(site.store, "ada", name)
    assert await list_tokens(site.store) == []


@pytest.mark.both_engines
async def test_token_is_revoked_by_its_id_its_name_or_itself(site: Site) -> None:
    by_id, by_name = await issue(site.store, "ada"), await issue(site.store, "ada", "手机")
    itself = await issue(site.store, "ada", "Cafe\u0301")
    assert await revoke_token(site.store, by_id.id) == 1
    assert await revoke_token(site.store, "手机", "Ada Author") == 1
    assert await revoke_token(site.store, "手机") == 0
    assert [token.name for token in await list_tokens(site.store)] == ["Café"]
    assert await revoke_token(site.store, itself.token) == 1
    assert await authenticate(site.store, by_name.token) is None


async def test_name_that_several_authors_use_revokes_nothing_until_it_is_said_whose(
    site: Site,
) -> None:
    tokens = [(await issue(site.store, who, "laptop")).token for who in ("ada", "olga")]
    with pytest.raises(ConflictError, match=r"ada.*olga.*--author"):
        await revoke_token(site.store, "laptop")
    assert await revoke_token(site.store, "laptop", "olga") == 1
    assert [await authenticate(site.store, token) is not None for token in tokens] == [True, False]


async def test_token_of_another_author_is_not_revoked(site: Site) -> None:
    mine = await issue(site.store, "ada", "mine")
    for named in (mine.token, mine.id, "mine"):
        assert await revoke_token(site.store, named, "olga") == 0
    assert await authenticate(site.store, mine.token) is not None


async def test_list_says_whose_when_made_and_last_used_and_which_are_revoked(site: Site) -> None:
    with time_machine.travel("2026-03-01T09:00:00Z", tick=False):
        first = await issue(site.store, "ada", "laptop")
        await issue(site.store, "olga", "Telefon")
    with time_machine.travel("2026-03-02T10:30:00Z", tick=False):
        await authenticate(site.store, first.token)
    lines = table(await list_tokens(site.store))
    assert lines[0].split() == ["id", "author", "made", "last", "used", "name"]
    times = "2026-03-01 09:00 UTC  2026-03-02 10:30 UTC"
    assert " ".join(lines[1].split(maxsplit=2)) == f"{first.id} ada {times}  laptop"
    assert "never" in lines[2]
    assert first.token not in "".join(lines)
    await revoke_token(site.store, "laptop")
    assert [token.name for token in await list_tokens(site.store)] == ["Telefon"]
    assert await list_tokens(site.store, "ada") == []
    (revoked,) = table(await list_tokens(site.store, "ada", with_revoked=True))[1:]
    assert revoked.endswith("laptop (revoked)")
    assert table([]) == []
