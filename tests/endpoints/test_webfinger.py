"""WebFinger (RFC 7033) and host-meta."""

from typing import Any
from urllib.parse import quote

import pytest
from support.world import World


async def look_up(world: World, resource: str) -> tuple[int, Any]:
    response = await world.http.get(f"/.well-known/webfinger?resource={quote(resource, safe='')}")
    return response.status_code, response.json()


def self_of(document: Any) -> str:
    links = [link for link in document["links"] if link["rel"] == "self"]
    assert [link["type"] for link in links] == ["application/activity+json"]
    return links[0]["href"]


FORMS = [
    "acct:blog@example.org",
    "acct:blog@blog.example.org",
    "acct:BLOG@Example.ORG",
    "acct:@blog@example.org",
    "blog@example.org",
    "@blog@example.org",
    "https://blog.example.org",
    "https://blog.example.org/",
    "https://blog.example.org/ap/blog",
    "https://blog.example.org/authors/blog/",
    "https://blog.example.org/@blog",
]


async def test_blog_is_found_by_every_form_of_its_name(world: World) -> None:
    for resource in FORMS:
        status, document = await look_up(world, resource)
        assert status == 200, resource
        assert document["subject"] == "acct:blog@example.org"
        assert self_of(document) == "https://blog.example.org/ap/blog"
        assert "https://blog.example.org/" in document["aliases"]


async def test_author_is_found_by_handle_actor_and_page(world: World) -> None:
    actor = f"https://blog.example.org/ap/authors/{world.authors['ada'].id}"
    page = "https://blog.example.org/authors/ada/"
    for resource in ("acct:ada@example.org", actor, page, page.rstrip("/")):
        status, document = await look_up(world, resource)
        assert (status, document["subject"]) == (200, "acct:ada@example.org")
        assert self_of(document) == actor
        assert {"rel": "http://webfinger.net/rel/profile-page", "type": "text/html", "href": page}
        assert document["aliases"] == [actor, page]


async def test_readers_voice_and_instance_actor_are_found(world: World) -> None:
    for resource, actor in (
        ("acct:readers@example.org", "https://blog.example.org/ap/readers"),
        ("acct:blog.example.org@example.org", "https://blog.example.org/ap/instance"),
        ("https://blog.example.org/ap/instance", "https://blog.example.org/ap/instance"),
    ):
        status, document = await look_up(world, resource)
        assert status == 200
        assert self_of(document) == actor
        assert document["aliases"] == [actor]  # the home page is the blog's


async def test_each_actor_is_found_under_the_name_its_own_document_gives(world: World) -> None:
    ada = world.authors["ada"].id
    for path in ("/ap/blog", f"/ap/authors/{ada}", "/ap/readers", "/ap/instance"):
        actor = await world.json(path)
        status, document = await look_up(world, f"acct:{actor['preferredUsername']}@example.org")
        assert status == 200
        assert self_of(document) == actor["id"]
        assert document["subject"] == f"acct:{actor['webfinger']}"


MALFORMED = [
    "",
    "resource=",
    "resource=acct:",
    "resource=acct:blog",
    "resource=acct:blog@",
    "resource=acct:@example.org",
    "resource=acct:a@b@example.org",
    "resource=blog",
    "resource=https://",
    "resource=https://[",
    "resource=acct:blog@example.org/../x",
    "resource=acct:blog@exam%00ple.org",
    "resource=acct:blog@example.org&resource=acct:ada@example.org",
    "resource=" + "a" * 3000 + "@example.org",
]


async def test_missing_or_malformed_resource_is_400(world: World) -> None:
    for query in MALFORMED:
        response = await world.http.get(f"/.well-known/webfinger?{query}")
        assert response.status_code == 400, query
        assert response.headers["access-control-allow-origin"] == "*"


UNKNOWN = [
    "acct:nobody@example.org",
    "acct:blog@other.example",
    "acct:blog@blog.example.org:8443",
    "https://other.example/ap/blog",
    "http://blog.example.org:8443/ap/blog",
    "https://blog.example.org/ap/authors/01ARZ3NDEKTSV4RRFFQ69G5FAV",
    "https://blog.example.org/ap/posts/01ARZ3NDEKTSV4RRFFQ69G5FAV",
    "https://blog.example.org/ap/blog/followers",
    "https://blog.example.org/authors/nobody/",
    "https://blog.example.org.evil.example/",
    "mailto:blog@example.org",
]


async def test_unknown_resource_is_404(world: World) -> None:
    for resource in UNKNOWN:
        status, _ = await look_up(world, resource)
        assert status == 404, resource


async def test_actor_is_found_by_every_spelling_of_its_address(world: World) -> None:
    ada = world.site.addresses.actor(world.authors["ada"].id)
    for address, actor in {
        "http://blog.example.org/ap/blog": "https://blog.example.org/ap/blog",
        "https://BLOG.example.org:443/ap/blog/?x=1#main-key": "https://blog.example.org/ap/blog",
        "https://blog.example.org/?x": "https://blog.example.org/ap/blog",
        "https://blog.example.org/authors/blog": "https://blog.example.org/ap/blog",
        f"{ada}/": ada,
        "https://blog.example.org/authors/ada/?page=2": ada,
    }.items():
        status, document = await look_up(world, address)
        assert status == 200, address
        assert document["aliases"][0] == actor, address


async def test_answer_has_its_own_media_type_and_is_open_to_scripts(world: World) -> None:
    response = await world.http.get("/.well-known/webfinger?resource=acct:blog@example.org")
    assert response.headers["content-type"] == "application/jrd+json"
    assert response.headers["access-control-allow-origin"] == "*"


async def test_rel_chooses_links(world: World) -> None:
    path = "/.well-known/webfinger?resource=acct:blog@example.org&rel=self"
    document = (await world.http.get(path)).json()
    assert [link["rel"] for link in document["links"]] == ["self"]


async def test_spellings_of_one_name_share_one_kept_answer(world: World) -> None:
    before = len(world.cache)
    for resource in (
        "acct:ada@example.org",
        "ACCT:Ada@EXAMPLE.org",
        "acct:@ada@example.org",
        "acct:%61da@example.org",
        "ada@example.org",
    ):
        for rest in ("", "&x=1", "&utm_source=a", "&resource2="):
            query = f"resource={quote(resource, safe='')}{rest}"
            assert (await world.http.get(f"/.well-known/webfinger?{query}")).status_code == 200
    assert len(world.cache) == before + 1
    for address in (
        "https://blog.example.org/authors/ada/",
        "https://blog.example.org/authors/ada",
        "https://blog.example.org/authors/ADA/",
        "https://blog.example.org//authors/ada///",
        "https://blog.example.org/authors/%61da/",
        "https://blog.example.org/@ada",
        "https://blog.example.org/auth\tors/ada/",
    ):
        assert (await look_up(world, address))[0] == 200, address
    assert len(world.cache) == before + 2


async def test_relations_that_are_not_known_share_one_kept_answer(world: World) -> None:
    before = len(world.cache)
    for number in range(10):
        path = f"/.well-known/webfinger?resource=acct:ada@example.org&rel=a{number}&rel=b{number}"
        assert (await world.http.get(path)).json()["links"] == []
        path = f"/.well-known/webfinger?rel=a{number}&rel=self&resource=acct:ada@example.org"
        assert [link["rel"] for link in (await world.http.get(path)).json()["links"]] == ["self"]
    assert len(world.cache) == before + 2


async def test_name_that_was_quoted_twice_is_another_name(world: World) -> None:
    assert (await look_up(world, "acct:%2561da@example.org"))[0] == 404


async def test_s33_host_header_takes_no_part_in_what_is_answered(world: World) -> None:
    headers = {"host": "evil.example", "x-forwarded-host": "evil.example"}
    path = "/.well-known/webfinger?resource=acct:blog@example.org"
    answer = await world.http.get(path, headers=headers)
    assert "evil.example" not in answer.text
    refused = await world.http.get(
        "/.well-known/webfinger?resource=acct:blog@evil.example", headers=headers
    )
    assert refused.status_code == 404


async def test_host_meta_leads_to_webfinger(world: World) -> None:
    template = "https://blog.example.org/.well-known/webfinger?resource={uri}"
    xml = await world.http.get("/.well-known/host-meta")
    assert xml.headers["content-type"].startswith("application/xrd+xml")
    assert f'rel="lrdd" template="{template}"' in xml.text
    as_json = await world.http.get("/.well-known/host-meta.json")
    assert as_json.json() == {"links": [{"rel": "lrdd", "template": template}]}


class TestWithoutAHostOfItsOwn:
    @pytest.fixture
    def base_url(self) -> str:
        return "http://localhost:8000"

    @pytest.fixture
    def handle_host(self) -> str:
        return ""

    async def test_handle_has_host_and_port_of_the_base_url(self, world: World) -> None:
        status, document = await look_up(world, "acct:blog@localhost:8000")
        assert (status, document["subject"]) == (200, "acct:blog@localhost:8000")
        assert self_of(document) == "http://localhost:8000/ap/blog"
        assert (await look_up(world, "acct:blog@localhost"))[0] == 404
