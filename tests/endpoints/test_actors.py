"""The local actors as other servers read them."""

from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from sqlalchemy import Connection
from support.world import World

from fedblog.activitystreams.reading import read_actor
from fedblog.storage import authors, blogs, media

BASE = "https://blog.example.org"


def check_keys(actor: Any) -> None:
    key = actor["publicKey"]
    assert key["id"] == f"{actor['id']}#main-key"
    assert key["owner"] == actor["id"]
    loaded = load_pem_public_key(key["publicKeyPem"].encode())
    assert isinstance(loaded, rsa.RSAPublicKey)
    assert loaded.key_size == 2048
    (other,) = actor["assertionMethod"]
    assert other["id"] == f"{actor['id']}#ed25519-key"
    assert other["type"] == "Multikey"
    assert other["controller"] == actor["id"]
    assert other["publicKeyMultibase"].startswith("z6Mk")


async def test_blog_is_a_group_with_everything_peers_look_for(world: World) -> None:
    response = await world.get("/ap/blog")
    assert response.headers["content-type"] == "application/activity+json"
    actor = response.json()
    assert actor["@context"][0] == "https://www.w3.org/ns/activitystreams"
    assert (actor["id"], actor["type"]) == (f"{BASE}/ap/blog", "Group")
    assert (actor["preferredUsername"], actor["name"]) == ("blog", "Act Today")
    assert actor["webfinger"] == "blog@example.org"
    assert actor["url"] == f"{BASE}/"
    assert "What we can do" in actor["summary"]
    assert "We write together." in actor["summary"]
    assert actor["inbox"] == f"{BASE}/ap/blog/inbox"
    assert actor["endpoints"] == {"sharedInbox": f"{BASE}/ap/inbox"}
    for name in ("outbox", "followers", "following", "featured"):
        assert actor[name] == f"{BASE}/ap/blog/{name}"
    assert actor["discoverable"] is True
    assert actor["indexable"] is True
    assert actor["manuallyApprovesFollowers"] is False
    assert actor["postingRestrictedToMods"] is True
    assert actor["attributionDomains"] == ["blog.example.org"]
    assert isinstance(actor["attachment"], list)
    assert {item["type"] for item in actor["attachment"]} == {"PropertyValue"}
    assert actor["published"] == "2026-11-20T00:00:00Z"
    check_keys(actor)


async def test_author_is_a_person_with_picture_and_fields(world: World) -> None:
    ada = world.authors["ada"]
    picture = world.picture()

    def unit(connection: Connection) -> None:
        media.insert_media(connection, picture)
        values = {
            "avatar": picture.id,
            "url": "https://ada.example/",
            "fediverse": "ada@soc.example",
        }
        authors.update_author(connection, ada.id, values)

    await world.site.store.write(unit)
    actor = await world.json(f"/ap/authors/{ada.id}")
    assert (actor["id"], actor["type"]) == (f"{BASE}/ap/authors/{ada.id}", "Person")
    assert (actor["preferredUsername"], actor["name"]) == ("ada", "Ada Abel")
    assert actor["url"] == f"{BASE}/authors/ada/"
    assert actor["inbox"] == f"{BASE}/ap/authors/{ada.id}/inbox"
    assert actor["attributionDomains"] == ["blog.example.org"]
    assert actor["icon"]["url"] == f"{BASE}/media/{picture.file_name}"
    assert isinstance(actor["icon"]["url"], str)
    assert actor["icon"]["mediaType"] == "image/webp"
    assert actor["icon"]["name"] == actor["icon"]["summary"] == "A heron on a post"
    fields = {item["name"]: item["value"] for item in actor["attachment"]}
    assert 'href="https://ada.example/"' in fields["Website"]
    assert "@ada@soc.example" in fields["Fediverse"]
    check_keys(actor)


async def test_readers_voice_is_a_service_and_instance_an_application(world: World) -> None:
    readers = await world.json("/ap/readers")
    instance = await world.json("/ap/instance")
    assert (readers["type"], readers["preferredUsername"]) == ("Service", "readers")
    assert (instance["type"], instance["preferredUsername"]) == ("Application", "blog.example.org")
    for actor in (readers, instance):
        assert actor["inbox"] == f"{BASE}/ap/inbox"
        assert actor["discoverable"] is False
        assert "followers" not in actor
        check_keys(actor)


async def test_every_actor_says_which_signatures_are_verified_here(world: World) -> None:
    ada = world.authors["ada"].id
    rfc_9421 = "https://datatracker.ietf.org/doc/html/rfc9421"
    ed25519 = f"{rfc_9421}#name-eddsa-using-curve-edwards25"
    for path in ("/ap/blog", f"/ap/authors/{ada}", "/ap/readers", "/ap/instance"):
        actor = await world.json(path)
        is_application = actor["type"] == "Application"
        application = actor if is_application else actor["generator"]
        assert application["type"] == "Application"
        assert is_application or "id" not in application
        assert ("generator" in actor) is not is_application
        assert [link["href"] for link in application["implements"]] == [rfc_9421, ed25519]
        assert {link["type"] for link in application["implements"]} == {"Link"}
        assert all(type(link["name"]) is str for link in application["implements"])
        read = read_actor(actor)
        assert read.implements == (rfc_9421, ed25519)
        terms = next(part for part in actor["@context"] if isinstance(part, dict))
        assert terms["implements"]["@id"] == "https://w3id.org/fep/844e#implements"


async def test_unknown_author_is_404(world: World) -> None:
    for id_ in ("01ARZ3NDEKTSV4RRFFQ69G5FAV", "ada", "%00", "a" * 5000):
        assert (await world.get(f"/ap/authors/{id_}")).status_code == 404


async def test_other_methods_are_405(world: World) -> None:
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        for path in ("/ap/blog", "/ap/readers", "/.well-known/webfinger", "/nodeinfo/2.1"):
            response = await world.http.request(method, path)
            assert response.status_code == 405
            assert "GET" in response.headers["allow"]


async def test_head_is_get_without_its_body(world: World) -> None:
    full = await world.get("/ap/blog")
    head = await world.http.head("/ap/blog", headers={"accept": "application/activity+json"})
    assert (head.status_code, head.content) == (200, b"")
    for name in ("content-type", "etag", "vary", "content-length"):
        assert head.headers.get(name) == full.headers.get(name)


async def test_change_of_the_blog_is_seen_at_once_through_the_cache(world: World) -> None:
    assert (await world.json("/ap/blog"))["name"] == "Act Today"
    assert len(world.cache) == 1
    await world.site.store.write(blogs.update_blog, 1, {"title": "Act Now"})
    assert (await world.json("/ap/blog"))["name"] == "Act Now"


async def test_s33_ids_come_from_the_configured_address(world: World) -> None:
    headers = {
        "host": "evil.example",
        "x-forwarded-host": "evil.example",
        "x-forwarded-proto": "http",
        "forwarded": "host=evil.example;proto=http",
    }
    ada = world.authors["ada"].id
    for path in ("/ap/blog", f"/ap/authors/{ada}", "/ap/blog/outbox", "/.well-known/nodeinfo"):
        response = await world.http.get(path, headers=headers)
        assert response.status_code == 200
        assert "evil.example" not in response.text
        assert BASE in response.text
