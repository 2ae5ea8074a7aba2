"""What other servers were reported to do that is allowed, odd, or between the two."""

import re
from typing import Any

import httpx
import pytest
from support.people import People
from support.servers import Server


async def send(server: Server, people: People, name: str, activity: dict[str, Any]) -> None:
    answer = await people.post(server.inbox, activity, by=name)
    assert answer.status_code == 202, answer.text


async def texts(server: Server, post: dict[str, Any]) -> list[str]:
    return [comment["content"] for comment in await server.comments(post)]


async def accepts(people: People) -> list[Any]:
    return [e["json"] for e in people.inbox if e["json"]["type"] == "Accept"]


@pytest.fixture
async def post(server: Server, people: People) -> dict[str, Any]:
    for name in ("ann", "ben"):
        people.add(name)
    return await server.publish()


@pytest.mark.parametrize("status", [401, 403, 404, 410, 500])
async def test_account_that_is_known_can_end_when_its_server_denies_it_already(
    server: Server, people: People, post, status: int
):
    note = people.note("ann", post["activitypub_id"], "<p>Bye</p>")
    await send(server, people, "ann", people.activity("Create", "ann", note))
    people.publish("/users/ann", {"error": "no"}, status=status)
    await send(server, people, "ann", people.activity("Delete", "ann", people.uri("ann")))
    assert "Bye" not in (await server.anonymous(post["url"])).text


@pytest.mark.parametrize("status", [401, 403, 404, 410])
@pytest.mark.parametrize("kind", ["Delete", "Undo", "Like", "Create"])
async def test_who_has_gone_before_their_key_was_seen_is_refused_once_and_for_all(
    server: Server, people: People, post, kind: str, status: int
):
    people.publish("/users/gone", {"error": "no"}, status=status)
    item: Any = people.note("gone", post["activitypub_id"], "<p>Hello</p>")
    if kind == "Delete":
        item = {"id": item["id"], "type": "Tombstone"}
    elif kind == "Like":
        item = post["activitypub_id"]
    elif kind == "Undo":
        item = people.activity("Like", "gone", post["activitypub_id"])
    activity = people.activity(kind, "gone", item)
    answer = await people.post(server.inbox, activity, by="gone")
    assert 400 <= answer.status_code < 500
    assert answer.status_code not in (408, 429)
    assert await texts(server, post) == []


async def test_people_who_share_one_inbox_all_follow_and_it_hears_once(
    server: Server, people: People, post
):
    inbox = f"{people.base_url}/api/inbox"
    for name in ("ann", "ben"):
        people.add(name, inbox=inbox, endpoints=None)
        follow = people.activity("Follow", name, f"{server.base_url}/ap/blog")
        await send(server, people, name, follow)

    async def both() -> bool:
        return len(await accepts(people)) == 2

    await server.eventually(both)
    made = await server.publish("News")

    async def told() -> Any:
        return people.came_to("/api/inbox", "Create")

    await server.eventually(told)
    await server.publish("More")

    async def told_again() -> bool:
        return len(people.came_to("/api/inbox", "Create")) >= 2

    await server.eventually(told_again)
    creates = people.came_to("/api/inbox", "Create")
    assert len(creates) == 2
    assert creates[0]["object"]["id"] == made["activitypub_id"]


@pytest.mark.parametrize(
    "tail",
    [
        "/r/https://snarfed.example/2023-03-30_fediverse-%f0%9f%8d%80",
        "/r/https://snarfed.example/2023-03-30_fediverse-%F0%9F%8D%80#follow-2023",
        "/act?id=1&of=a+b%20c",
        "/aktivität/🍀",
        "/users/ann#follows/1",
    ],
)
async def test_accept_repeats_the_id_of_what_it_accepts_to_the_letter(
    server: Server, people: People, post, tail: str
):
    id_ = people.base_url + tail
    target = f"{server.base_url}/ap/blog"
    follow = people.activity("Follow", "ann", target, id=id_, url=id_, to=target)
    follow["instrument"] = {"type": "Service", "name": "Friendica 2018.12; https://pirati.example"}
    follow["signature"] = {"type": "RsaSignature2017", "creator": "x", "signatureValue": "eA=="}
    await send(server, people, "ann", follow)

    async def answered() -> Any:
        return await accepts(people)

    (accept,) = await server.eventually(answered)
    assert accept["object"]["id"] == id_
    assert accept["object"]["object"] == target


async def test_follow_without_an_id_is_accepted_by_what_it_says(
    server: Server, people: People, post
):
    target = f"{server.base_url}/ap/blog"
    await send(server, people, "ann", people.activity("Follow", "ann", target, id=...))

    async def answered() -> Any:
        return await accepts(people)

    (accept,) = await server.eventually(answered)
    inner = accept["object"]
    assert (inner["type"], inner["actor"], inner["object"]) == ("Follow", people.uri("ann"), target)
    assert inner.get("id", "x")


@pytest.mark.parametrize("without", ["cc", "to", "both"])
@pytest.mark.parametrize("value", ["absent", None, [], ""])
async def test_private_message_with_half_an_address_is_taken_and_not_shown(
    server: Server, people: People, post, without: str, value: Any
):
    here = f"{server.base_url}/ap/blog"
    note = people.note("ann", post["activitypub_id"], "<p>Secret</p>", to=[here], cc=[here])
    activity = people.activity("Create", "ann", note, to=here, cc=[])
    for name in ("cc", "to") if without == "both" else (without,):
        for item in (note, activity):
            if value == "absent":
                del item[name]
            else:
                item[name] = value
    await send(server, people, "ann", activity)
    assert await texts(server, post) == []
    assert "Secret" not in (await server.anonymous(post["url"])).text


@pytest.mark.parametrize("unset", [None, "", [], {}])
async def test_members_that_are_there_and_empty_are_as_if_they_were_not(
    server: Server, people: People, post, unset: Any
):
    names = ("updated", "summary", "attachment", "tag", "url", "contentMap", "replies", "context")
    note = people.note("ann", post["activitypub_id"], "<p>Plain</p>", **dict.fromkeys(names, unset))
    await send(server, people, "ann", people.activity("Create", "ann", note, published=unset))
    assert await texts(server, post) == ["<p>Plain</p>"]
    edited = note | {"content": "<p>Changed</p>"}
    await send(server, people, "ann", people.activity("Update", "ann", edited, published=unset))
    assert await texts(server, post) == ["<p>Changed</p>"]


async def test_page_of_a_reply_may_be_on_another_host_than_its_id(
    server: Server, people: People, post
):
    url = "https://www.threads.example/@ann/post/DCsigu2yidt"
    note = people.note("ann", post["activitypub_id"], "<p>Hello</p>", url=url)
    await send(server, people, "ann", people.activity("Create", "ann", note))
    assert await texts(server, post) == ["<p>Hello</p>"]
    assert url in (await server.anonymous(post["url"])).text


@pytest.mark.parametrize(
    "content",
    [
        '#<a class="zrl" href="https://hub.example/search?tag=rivers" rel="nofollow">rivers</a>',
        '<span>#<a href="https://hub.example/search?tag=rivers">rivers</a></span>',
        '<a href="https://hub.example/search?tag=rivers">#<span>rivers</span></a>',
    ],
)
async def test_hashtag_reads_as_one_wherever_its_sign_stands(
    server: Server, people: People, post, content: str
):
    note = people.note("ann", post["activitypub_id"], f"<p>On {content}!</p>")
    await send(server, people, "ann", people.activity("Create", "ann", note))
    (text,) = await texts(server, post)
    assert re.sub("<[^>]*>", "", text) == "On #rivers!"
    assert "[" not in text


SECOND = "2026-11-20T10:00:00Z"


@pytest.mark.both_engines
@pytest.mark.parametrize(
    ("before", "after"), [({}, {}), ({}, {"updated": SECOND}), ({"updated": SECOND},) * 2]
)
async def test_edit_counts_also_where_its_server_leaves_the_stamp_as_it_was(
    server: Server, people: People, post, before: dict[str, str], after: dict[str, str]
):
    """Some never change it, and two edits within a second have the same."""
    note = people.note("ann", post["activitypub_id"], "<p>Frist</p>", published=SECOND)
    create = people.activity("Create", "ann", note | before)
    await send(server, people, "ann", create)
    for text in ("<p>First</p>", "<p>First!</p>"):
        changed = note | after | {"content": text}
        await send(server, people, "ann", people.activity("Update", "ann", changed))
        assert await texts(server, post) == [text]
    late = people.activity("Create", "ann", note | before)
    await send(server, people, "ann", late)
    assert await texts(server, post) == ["<p>First!</p>"]


async def test_update_that_changes_nothing_is_no_edit(server: Server, people: People, post):
    note = people.note("ann", post["activitypub_id"], "<p>Hi</p>", published=SECOND)
    await send(server, people, "ann", people.activity("Create", "ann", note))
    same = note | {"updated": SECOND}
    await send(server, people, "ann", people.activity("Update", "ann", same))
    assert (await server.comments(post))[0]["updated"] is None


async def test_update_by_the_address_alone_is_taken_over_without_a_stamp(
    server: Server, people: People, post
):
    note = people.note("ann", post["activitypub_id"], "<p>Frist</p>", published=SECOND)
    await send(server, people, "ann", people.activity("Create", "ann", note))
    for text in ("<p>First</p>", "<p>First!</p>"):
        people.publish(note["id"][len(people.base_url) :], note | {"content": text})
        await send(server, people, "ann", people.activity("Update", "ann", note["id"]))

        async def changed(text: str = text) -> bool:
            return await texts(server, post) == [text]

        await server.eventually(changed)


async def test_edit_replaces_pictures_and_language_as_well(server: Server, people: People, post):
    def picture(name: str) -> dict[str, Any]:
        url = f"{people.base_url}/{name}.png"
        return {"type": "Document", "mediaType": "image/png", "url": url, "name": name}

    note = people.note(
        "ann",
        post["activitypub_id"],
        "<p>Look</p>",
        attachment=[picture("heron")],
        contentMap={"de": "<p>Look</p>"},
    )
    await send(server, people, "ann", people.activity("Create", "ann", note))
    page = (await server.anonymous(post["url"])).text
    assert "heron" in page
    assert 'lang="de"' in page
    changed = note | {
        "attachment": picture("egret"),
        "updated": "2099-01-01T00:00:00Z",
        "contentMap": {"fr": "<p>Look</p>"},
    }
    await send(server, people, "ann", people.activity("Update", "ann", changed))
    page = (await server.anonymous(post["url"])).text
    assert "heron" not in page
    assert 'lang="de"' not in page


async def test_deleted_and_written_anew_leaves_one(server: Server, people: People, post):
    """Delete and redraft: the two may come in either order."""
    for turned in (False, True):
        old = people.note("ann", post["activitypub_id"], "<p>Frist</p>")
        new = people.note("ann", post["activitypub_id"], f"<p>First {turned}</p>")
        await send(server, people, "ann", people.activity("Create", "ann", old))
        both = [
            people.activity("Delete", "ann", {"id": old["id"], "type": "Tombstone"}),
            people.activity("Create", "ann", new),
        ]
        for activity in reversed(both) if turned else both:
            await send(server, people, "ann", activity)
    shown = [c["content"] for c in await server.comments(post) if c["status"] == "approved"]
    assert [t for t in shown if t and "Frist" in t] == []
    counts = await server.counts(post)
    assert counts["comments"] == 2, counts


@pytest.mark.parametrize(
    "accept", [None, "*/*", "application/json", "text/html", "application/jrd+json"]
)
async def test_webfinger_and_actor_answer_whatever_is_accepted(server: Server, accept):
    host = server.base_url.split("//")[1]
    async with httpx.AsyncClient(base_url=server.base_url) as http:
        http.headers.pop("accept", None)
        if accept:
            http.headers["accept"] = accept
        found = await http.get(f"/.well-known/webfinger?resource=acct:blog@{host}")
        assert found.status_code == 200
        assert found.json()["subject"]
        for link in found.json()["links"]:
            if link["rel"] == "self":
                for method in ("GET", "HEAD"):
                    answer = await http.request(method, link["href"], follow_redirects=False)
                    assert answer.status_code == 200
                    if method == "HEAD":
                        assert answer.content == b""
