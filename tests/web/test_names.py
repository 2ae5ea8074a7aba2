"""Addresses of posts and tags in letters of every script, and with symbols in them."""

import unicodedata
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import pytest
import time_machine
from sqlalchemy import insert
from support.blog import author_named
from support.pages import Readers

from fedblog.domain.post import Post
from fedblog.publishing import posts
from fedblog.publishing.site import Site
from fedblog.storage import tables

BASE = "http://localhost:8000"
TITLE = "Цена ガイド"
PATH = "/2026/05/01/цена-ガイド/"
ENCODED = quote(PATH)


@pytest.fixture
async def written(site: Site) -> Post:
    """A post whose title is in other letters, tagged C, C++ and C#."""
    return await write(site, TITLE, tags=["C", "C++", "C#", "日本"], categories=["R&D"])


async def write(site: Site, title: str, **fields: Any) -> Post:
    with time_machine.travel(datetime(2026, 5, 1, 12, tzinfo=UTC), tick=False):
        ada = await author_named(site, "ada")
        given = {"title": title, "content": "Text", "status": "published", **fields}
        made = await posts.create(site, ada, given)  # type: ignore[arg-type]
    assert isinstance(made, Post)
    return made


async def test_every_address_that_leaves_is_percent_encoded(
    site: Site, readers: Readers, written: Post
) -> None:
    other = await write(site, "Hills")
    assert (written.path, other.path) == (PATH, "/2026/05/01/hills/")
    for place in ("/", "/authors/ada/", "/tags/c%2B%2B/", ENCODED, other.path or ""):
        answer = await readers.http.get(place, headers={"accept": "text/html"})
        assert answer.status_code == 200, place
        assert ENCODED in answer.text, place
        assert PATH not in answer.text, place
    for feed in ("/feed/", "/feed/atom/", "/feed.json"):
        text = (await readers.http.get(feed)).text
        assert BASE + ENCODED in text, feed
        assert PATH not in text, feed


@pytest.mark.parametrize(
    "asked",
    [
        quote(PATH).lower(),
        quote(unicodedata.normalize("NFD", PATH)),
        quote(PATH.upper()),
        quote(PATH.rstrip("/")),
        quote(PATH.title()).rstrip("/"),
    ],
)
async def test_other_spellings_of_an_address_are_it_or_lead_to_it(
    readers: Readers, written: Post, asked: str
) -> None:
    assert written.path == PATH
    answer = await readers.http.get(asked, headers={"accept": "text/html"})
    if answer.status_code != 200:
        assert (answer.status_code, answer.headers["location"]) == (301, BASE + ENCODED)


async def test_former_slug_in_other_letters_leads_to_the_present_one(
    site: Site, readers: Readers, written: Post
) -> None:
    await posts.revise(site, await author_named(site, "ada"), written.id, {"slug": "値段"})
    for asked in (ENCODED, quote(unicodedata.normalize("NFD", PATH))):
        answer = await readers.http.get(asked)
        assert answer.status_code == 301
        assert answer.headers["location"] == f"{BASE}/2026/05/01/{quote('値段')}/"


@pytest.mark.parametrize(
    ("asked", "present"),
    [("c", "c"), ("c%2B%2B", "c%2B%2B"), ("c++", "c%2B%2B"), ("c%23", "c%23")],
)
async def test_tags_with_symbols_have_pages_of_their_own(
    readers: Readers, site: Site, written: Post, asked: str, present: str
) -> None:
    await write(site, "Other", tags=["C"])
    answer = await readers.http.get(f"/tags/{asked}/", headers={"accept": "text/html"})
    assert answer.status_code == 200
    assert ("Other" in answer.text) is (asked == "c")
    assert f'<link rel="canonical" href="{BASE}/tags/{present}/">' in answer.text
    assert written.slug in ENCODED or TITLE in answer.text


@pytest.mark.parametrize(
    ("asked", "present"),
    [
        ("tags/C%2B%2B", "tags/c%2B%2B"),
        ("tags/C%23", "tags/c%23"),
        ("categories/R%26D", "categories/r%26d"),
        ("tags/%E6%97%A5-%E6%9C%AC", "tags/%E6%97%A5%E6%9C%AC"),
    ],
)
async def test_other_spellings_of_a_tag_lead_to_its_page(
    readers: Readers, written: Post, asked: str, present: str
) -> None:
    answer = await readers.http.get(f"/{asked}/")
    assert (answer.status_code, answer.headers["location"]) == (301, f"{BASE}/{present}/")
    assert (await readers.http.get("/tags/f%23/")).status_code == 404


async def test_former_address_of_a_tag_leads_to_the_present_one(
    site: Site, readers: Readers, written: Post
) -> None:
    row = {"blog_id": 1, "kind": "category", "slug": "rd", "present": "r&d"}
    await site.store.write(lambda connection: connection.execute(insert(tables.former_terms), row))
    answer = await readers.http.get("/categories/rd/")
    assert (answer.status_code, answer.headers["location"]) == (301, f"{BASE}/categories/r%26d/")
    assert (await readers.http.get("/tags/rd/")).status_code == 404
