"""What the doctor says of healthy and of broken servers, on real sockets."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from support.commands import run
from support.people import AS_TYPE, PUBLIC, People
from support.servers import Server, listening_socket, serving
from support.waiting import PATIENCE

from fedblog.doctor import Finding, Level, Report, examine, printing
from fedblog.doctor.visiting import instance_key, meant, visit
from fedblog.remote.client import RemoteClient
from fedblog.settings import Settings


@pytest.fixture
async def client(settings: Settings) -> AsyncIterator[RemoteClient]:
    client = RemoteClient(settings, user_agent="fedblog-test/1 (+http://blog.example/)")
    yield client
    await client.close()


class Choosy(People):
    """A server that may demand signatures on its actors and posts: *takes* names the headers of
    schemes that it takes, *opens_unsigned* whether it answers without any."""

    takes: tuple[str, ...] = ("signature", "signature-input")
    opens_unsigned = True

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        names = {name.decode().lower() for name, _ in scope["headers"]}
        scheme = next((n for n in ("signature-input", "signature") if n in names), "")
        is_open = scope["path"].startswith(("/.well-known/", "/nodeinfo"))
        if is_open or (scheme in self.takes if scheme else self.opens_unsigned):
            await super().__call__(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": 401, "headers": []})
        await send({"type": "http.response.body", "body": b""})


@pytest.fixture
async def people() -> AsyncIterator[Choosy]:
    listener = listening_socket()
    crowd = Choosy(f"http://127.0.0.1:{listener.getsockname()[1]}")
    async with crowd, serving(crowd, listener):
        yield crowd


class Doctor:
    """Examines what is on the server of *people*."""

    def __init__(self, people: Choosy, client: RemoteClient, settings: Settings) -> None:
        self.people, self.client, self.settings = people, client, settings

    async def __call__(self, subject: str) -> Report:
        return await examine(subject, client=self.client, settings=self.settings)

    def healthy_actor(self, **changes: Any) -> str:
        """Ann, as every peer wants her; gives her address."""
        uri = self.people.add("ann", **changes)
        self.people.webfinger("ann")
        return uri

    def article(self, **changes: Any) -> str:
        """An article of hers, as every peer wants it; gives its address."""
        uri = f"{self.people.base_url}/posts/1"
        page = f"{self.people.base_url}/on-rivers"
        document = {
            "@context": "https://www.w3.org/ns/activitystreams",
            "id": uri,
            "type": "Article",
            "url": page,
            "name": "On rivers",
            "content": f'<p>“<a href="{page}">On rivers</a>”, by Ann</p><p>Water.</p>',
            "contentMap": {"en": "<p>Water.</p>"},
            "attributedTo": self.people.uri("ann"),
            "published": "2026-11-20T10:00:00Z",
            "to": [PUBLIC],
            "cc": [f"{self.people.uri('ann')}/followers"],
            "replies": {"type": "Collection"},
            "interactionPolicy": {"canQuote": {"automaticApproval": [PUBLIC]}},
            "tag": [{"type": "Hashtag", "name": "#water"}],
        } | changes
        kept = {name: value for name, value in document.items() if value is not None}
        self.people.publish("/posts/1", kept)
        self.people.publish("/on-rivers", kept)
        return uri


@pytest.fixture
def doctor(people: Choosy, client: RemoteClient, settings: Settings) -> Doctor:
    return Doctor(people, client, settings)


def descriptor(people: People, name: str, **changes: Any) -> None:
    """What WebFinger says of *name*, with *changes*."""
    handle = people.webfinger(name).removeprefix("@")
    path = f"/.well-known/webfinger?resource=acct:{handle}"
    document = json.loads(people.documents[path][2]) | changes
    people.publish(path, document, media_type="application/jrd+json")


def wrong(report: Report, about: str = "") -> list[Finding]:
    return [f for f in report.findings if f.level is Level.WRONG and f.about.startswith(about)]


def texts(findings: list[Finding]) -> str:
    return "\n".join(f"{f.about}: {f.text} [{f.peers}]" for f in findings)


# --- healthy -------------------------------------------------------------------------------------


async def test_our_own_blog_and_post_are_healthy(server: Server, settings: Settings) -> None:
    post = await server.publish(tags=["Water"])
    store = server.site.store
    handle = server.site.addresses.handle
    host = server.site.addresses.handle_host
    for subject in (
        f"@{handle}@{host}",
        server.site.addresses.actor("blog"),
        post["activitypub_id"],
        post["url"],
    ):
        report = await visit(subject, settings, store)
        assert report.is_healthy, (subject, texts(wrong(report)))
        assert any("without a signature and with one" in f.text for f in report.findings)
        assert any("the server is fedblog" in f.text for f in report.findings)


async def test_address_of_ours_stands_for_what_it_was_given_out_for(server: Server) -> None:
    """Also where only the fragment says it, which no request carries."""
    post, store = await server.publish(), server.site.store
    post_id, blog = post["activitypub_id"], server.site.addresses.actor("blog")
    author = post["authors"][0]
    for subject, uri in {
        f" {post['url']}?x#comments ": post_id,
        f"{post_id}/": post_id,
        server.base_url: blog,
        f"{server.base_url}/authors/owner": server.site.addresses.actor(author["id"]),
        f"{post['url']}#comment-{post['id']}": None,
        "https://far.example/1": None,
        "@ann@far.example": None,
    }.items():
        assert await meant(subject, store) == (uri or subject), subject


async def test_healthy_actor_and_article_of_another_are_healthy(doctor: Doctor) -> None:
    doctor.healthy_actor()
    host = doctor.people.base_url.removeprefix("http://")
    for subject in (doctor.people.uri("ann"), f"@ann@{host}", doctor.article()):
        report = await doctor(subject)
        assert report.is_healthy, texts(wrong(report))


async def test_what_lists_only_persons_as_authors_is_named(doctor: Doctor) -> None:
    doctor.healthy_actor(type="Group")
    report = await doctor(doctor.article())
    assert report.is_healthy, texts(wrong(report))
    minded = [f for f in report.findings if f.level is Level.MIND and f.about == "shown"]
    unshown = {f.peers for f in minded if "not shown" in f.text}
    assert unshown >= {"Lemmy 1.0", "Mbin"}
    assert "NodeBB" not in unshown
    assert "NodeBB" in {f.peers for f in minded if "in no category" in f.text}


async def test_group_that_only_moderators_post_in_is_named_where_it_is_the_audience(
    doctor: Doctor,
) -> None:
    doctor.healthy_actor(type="Group", postingRestrictedToMods=True)
    report = await doctor(doctor.article(audience=doctor.people.uri("ann")))
    (said,) = [f for f in report.findings if f.peers == "NodeBB" and f.about == "shown"]
    assert "moderators may post" in said.text


# --- broken --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "about", "said", "peers"),
    [
        ({"inbox": None}, "actor", "no inbox", "everybody"),
        ({"outbox": None}, "actor", "no outbox", "Lemmy"),
        ({"preferredUsername": None}, "actor", "no preferredUsername", "everybody"),
        ({"inbox": "http://127.0.0.9/inbox"}, "actor", "another host", "GoToSocial"),
        ({"publicKey": None}, "keys", "no publicKey", "everybody"),
        ({"attachment": {"type": "PropertyValue"}}, "actor", "not an array", "Mastodon"),
    ],
)
async def test_actor_that_lacks_what_peers_demand_is_told_with_whom(
    doctor: Doctor, changes: dict[str, Any], about: str, said: str, peers: str
) -> None:
    report = await doctor(doctor.healthy_actor(**changes))
    assert [f for f in wrong(report, about) if said in f.text and peers in f.peers], texts(
        wrong(report)
    )


async def test_key_of_another_owner_and_short_key_are_told(doctor: Doctor) -> None:
    pem = (
        rsa.generate_private_key(public_exponent=65537, key_size=1024)
        .public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode()
    )
    uri = doctor.people.uri("ann")
    key = {"id": f"{uri}#main-key", "owner": f"{uri}x", "publicKeyPem": pem}
    report = await doctor(doctor.healthy_actor(publicKey=key))
    said = texts(wrong(report, "keys"))
    assert "its owner is" in said
    assert "1024 bits" in said
    assert "names the actor as its owner" not in texts(report.findings)


@pytest.mark.parametrize(
    ("changes", "said", "peers"),
    [
        ({"attributedTo": None}, "no attributedTo", "everybody"),
        ({"attributedTo": ["http://127.0.0.1:1/a"]}, "list of addresses", "Lemmy"),
        ({"attributedTo": "http://127.0.0.9/a"}, "another host", "everybody"),
        ({"published": None}, "`published`", "Mastodon"),
        ({"updated": "2026-11-19T10:00:00Z"}, "`updated`", "GoToSocial"),
        ({"name": None}, "no name", "Mastodon"),
        ({"content": None, "contentMap": None}, "no content", "GoToSocial"),
        ({"tag": {"type": "Hashtag", "name": "#a"}}, "`tag` is not an array", "Lemmy"),
        ({"attachment": {"type": "Link"}}, "`attachment` is not an array", "Lemmy"),
        ({"type": "Thing"}, "no kind of post", "everybody"),
    ],
)
async def test_post_that_lacks_what_peers_demand_is_told_with_whom(
    doctor: Doctor, changes: dict[str, Any], said: str, peers: str
) -> None:
    doctor.healthy_actor()
    report = await doctor(doctor.article(**changes))
    assert [f for f in wrong(report, "post") if said in f.text and peers in f.peers], texts(
        wrong(report)
    )


async def test_article_whose_text_does_not_lead_to_its_page_is_told_with_whom(
    doctor: Doctor,
) -> None:
    doctor.healthy_actor()
    report = await doctor(doctor.article(content="<p>Water.</p>"))
    assert "GoToSocial" in {f.peers for f in wrong(report, "shown") if "no link" in f.text}


@pytest.mark.parametrize("media_type", ["application/json", "text/html", "application/ld+json"])
async def test_wrong_media_type_is_told(doctor: Doctor, media_type: str) -> None:
    uri = doctor.healthy_actor()
    path = uri.removeprefix(doctor.people.base_url)
    status, _, body = doctor.people.documents[path]
    doctor.people.documents[path] = (status, media_type, body)
    assert "is served as" in texts(wrong(await doctor(uri), "fetching"))


async def test_document_with_the_id_of_another_host_is_not_believed(doctor: Doctor) -> None:
    uri = doctor.healthy_actor(id="http://127.0.0.9:1/users/ann")
    assert "not believed" in texts(wrong(await doctor(uri), "fetching"))


async def test_webfinger_that_leads_elsewhere_or_nowhere_is_told(doctor: Doctor) -> None:
    uri = doctor.people.add("ann")
    assert "says nothing of @ann@" in texts(wrong(await doctor(uri), "WebFinger"))
    descriptor(doctor.people, "ann", links=[{"rel": "self", "type": AS_TYPE, "href": f"{uri}2"}])
    assert f"leads to {uri}2" in texts(wrong(await doctor(uri), "WebFinger"))


async def test_s24_subject_that_its_host_does_not_confirm_is_told(doctor: Doctor) -> None:
    uri = doctor.people.add("ann")
    descriptor(doctor.people, "ann", subject="acct:ann@127.0.0.9:1")
    assert "does not say that this is" in texts(wrong(await doctor(uri), "WebFinger"))


@pytest.mark.parametrize("subject", ["nonsense", "a@b@c", "", "@ann@"])
async def test_what_is_neither_address_nor_handle_is_told(doctor: Doctor, subject: str) -> None:
    assert "neither an address nor a handle" in texts(wrong(await doctor(subject)))


PROPERTIES = [
    "name",
    "publicKey",
    "tag",
    "attachment",
    "image",
    "to",
    "content",
    "url",
    "attributedTo",
    "published",
    "updated",
    "summary",
    "contentMap",
    "preview",
    "inbox",
    "outbox",
    "preferredUsername",
    "endpoints",
    "implements",
    "generator",
    "source",
    "replies",
    "context",
    "interactionPolicy",
    "assertionMethod",
    "webfinger",
]


async def test_nothing_that_a_peer_sends_is_an_exception(doctor: Doctor) -> None:
    uri = f"{doctor.people.base_url}/x"
    bodies = [b"", b"[]", b"{", b"\xff", b'{"id": 1}', b'{"id": {}}', b'{"id": "%s"}']
    for kind in ("Person", "Article"):
        values: tuple[Any, ...] = (None, 1, [], {}, [None], "x", [{"type": 1}], {"id": []})
        for value in values:
            document: dict[str, Any] = dict.fromkeys(PROPERTIES, value)
            bodies.append(json.dumps(document | {"id": uri, "type": kind}).encode())
    for body in bodies:
        doctor.people.documents["/x"] = (200, AS_TYPE, body)
        assert not (await doctor(uri)).is_healthy


# --- signatures ----------------------------------------------------------------------------------


async def test_server_that_demands_signatures_is_seen_with_what_it_takes(
    doctor: Doctor, server: Server
) -> None:
    uri = doctor.healthy_actor()
    doctor.people.takes, doctor.people.opens_unsigned = ("signature", "signature-input"), False
    unsigned = await doctor(uri)
    assert any("opens only with a signature" in f.text for f in unsigned.findings)
    doctor.client.instance_key = await instance_key(server.site.store)
    report = await doctor(uri)
    assert report.is_healthy, texts(wrong(report))
    assert any("our signature by draft-cavage and by RFC 9421" in f.text for f in report.findings)


async def test_server_that_takes_only_one_scheme_is_told(doctor: Doctor, server: Server) -> None:
    uri = doctor.healthy_actor()
    doctor.people.takes, doctor.people.opens_unsigned = ("signature-input",), False
    doctor.client.instance_key = await instance_key(server.site.store)
    assert "refuses draft-cavage" in texts(wrong(await doctor(uri), "signatures"))


async def test_server_that_refuses_our_signature_alone_is_told(
    doctor: Doctor, server: Server
) -> None:
    uri = doctor.healthy_actor()
    doctor.people.takes = ()
    doctor.client.instance_key = await instance_key(server.site.store)
    assert "not with ours" in texts(wrong(await doctor(uri), "fetching"))


async def test_what_an_actor_says_of_signatures_is_read(doctor: Doctor) -> None:
    rfc = "https://datatracker.ietf.org/doc/html/rfc9421"
    said = [{"href": rfc}, {"href": f"{rfc}#name-eddsa-using-curve-edwards25"}]
    report = await doctor(doctor.healthy_actor(generator={"implements": said}))
    assert any("verifies RFC 9421, by Ed25519 too" in f.text for f in report.findings)


# --- hostile servers -----------------------------------------------------------------------------


@pytest.mark.parametrize("bomb", ["<!--", "<link ", "<link rel=", "<a href=", "<p>", "&"])
async def test_s18_html_bomb_holds_nobody_up(doctor: Doctor, bomb: str) -> None:
    doctor.healthy_actor()
    long = bomb * (500_000 // len(bomb))
    uri = doctor.article(content=long)
    doctor.people.publish("/on-rivers", long.encode(), media_type="text/html")
    begin = time.process_time()
    assert not (await doctor(uri)).is_healthy
    assert time.process_time() - begin < 10  # it takes less than one


@pytest.mark.parametrize(
    "address",
    ["http://169.254.169.254/latest", "https://10.0.0.1/x", "https://[::ffff:10.0.0.1]/x"],
)
async def test_s13_links_of_others_lead_to_no_closed_address(doctor: Doctor, address: str) -> None:
    uri = doctor.healthy_actor()
    schema = "http://nodeinfo.diaspora.software/ns/schema/2.1"
    links = [
        {"rel": schema, "href": address},
        {"rel": "https://www.w3.org/ns/activitystreams#Application", "href": address},
    ]
    doctor.people.publish("/.well-known/nodeinfo", {"links": links})
    descriptor(doctor.people, "ann", subject=f"acct:ann@{urlsplit(address).netloc}")
    report = await asyncio.wait_for(doctor(uri), PATIENCE)
    (said,) = [f.text for f in report.findings if f.about == "NodeInfo"]
    assert "is not a public address" in said, said


# --- the command ---------------------------------------------------------------------------------


async def test_command_without_a_blog_tells_and_ends_with_0_or_1(
    doctor: Doctor, tmp_path: Path
) -> None:
    healthy = doctor.healthy_actor()
    done = await asyncio.to_thread(run, tmp_path, "doctor", healthy, allow_private_network="1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == f"{healthy}: nothing goes wrong."
    assert not (tmp_path / "data").exists()
    done = await asyncio.to_thread(
        run, tmp_path, "doctor", f"{healthy}x", allow_private_network="1"
    )
    assert done.returncode == 1
    assert done.stdout.startswith("WRONG fetching: ")


async def test_s12_command_asks_no_closed_address(doctor: Doctor, tmp_path: Path) -> None:
    done = await asyncio.to_thread(run, tmp_path, "doctor", doctor.healthy_actor())
    assert done.returncode == 1
    assert doctor.people.requests == []


# --- printing ------------------------------------------------------------------------------------


def test_control_characters_of_others_do_not_reach_the_terminal() -> None:
    said: list[str] = []
    finding = Finding(Level.WRONG, "actor", "moved to \x1b]0;x\x07\u202eevil\nWRONG", "everybody")
    printing.show(Report("x\x1b[2J", (finding,)), said.append)
    assert not any(c in line for line in said for c in "\x1b\x07\u202e\n")
    assert said[0].endswith("[everybody]")


def test_what_is_wrong_stands_first_and_the_verdict_last() -> None:
    said: list[str] = []
    findings = (Finding(Level.GOOD, "a", "fine"), Finding(Level.WRONG, "b", "bad", "Lemmy"))
    printing.show(Report("x", findings), said.append)
    assert said == ["WRONG b: bad [Lemmy]", "GOOD  a: fine", "x: 1 thing goes wrong."]
