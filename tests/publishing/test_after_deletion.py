"""What was deleted is served and listed nowhere from that moment, and erased after its days."""

import io
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from httpx import Response
from PIL import Image
from sqlalchemy import LargeBinary, Text, cast, func, select
from support.people import People
from support.servers import Server, running_server

from fedblog.jobs.erasing import erase
from fedblog.jobs.housekeeping import drop_what_is_lone
from fedblog.publishing.media import media_folder
from fedblog.settings import Settings
from fedblog.storage import tables as t
from fedblog.storage.fan_out import FAN_OUT

SECRET = "Zaunkönigin"
Serving = Callable[..., AbstractAsyncContextManager[Server]]


@pytest.fixture
def serving(settings: Settings, database_url: str) -> Serving:
    """``async with serving(NAME=VALUE) as server``."""

    @asynccontextmanager
    async def serve(**given: Any) -> AsyncIterator[Server]:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        update = {"database_url": database_url, "comment_pictures": "shown", **given}
        async with running_server(settings.model_copy(update=update)) as server:
            yield server

    return serve


def png(colour: str = "teal") -> bytes:
    written = io.BytesIO()
    Image.new("RGB", (40, 30), colour).save(written, "PNG")
    return written.getvalue()


async def upload(server: Server, colour: str = "teal") -> dict[str, Any]:
    answer = await server.api("POST", "/media", files={"file": ("a.png", png(colour))})
    assert answer.status_code == 201, answer.text
    return answer.json()


async def send(server: Server, people: People, name: str, activity: dict[str, Any]) -> None:
    people.publish(f"/users/{name}", people.actor_document(name) | {"name": f"{name} {SECRET}"})
    answer = await people.post(server.inbox, activity, by=name)
    assert answer.status_code == 202, answer.text


async def talked_about(server: Server, people: People) -> dict[str, Any]:
    """A post with a picture in its text, one on top and one in a former text; with a reply that
    carries a picture and an emoji, an author's answer, a like and a request for a quote."""
    pictures = [await upload(server, colour) for colour in ("teal", "navy", "maroon")]
    former, inside, on_top = (picture["url"] for picture in pictures)
    key = {"Idempotency-Key": "once"}
    body = {"title": f"On {SECRET}", "content": f"{SECRET} ![]({former})", "status": "published"}
    answer = await server.api("POST", "/posts", json=body, headers=key)
    post: dict[str, Any] = answer.json()
    fields = {
        "content": f"{SECRET} ![]({inside})",
        "summary": SECRET,
        "featured_media": pictures[2]["id"],
        "tags": [SECRET],
        "slug": "other",
    }
    former_url = post["url"]
    changed = await server.api("PATCH", f"/posts/{post['id']}", json=fields)
    assert changed.status_code == 200, changed.text
    post = changed.json()
    picture = people.publish("/picture.png", png(), media_type="image/png")
    note = people.note(
        "ann",
        post["activitypub_id"],
        f"<p>{SECRET} :wren:</p>",
        attachment=[{"type": "Image", "mediaType": "image/png", "url": picture}],
        tag=[{"type": "Emoji", "name": ":wren:", "icon": {"url": picture}}],
    )
    await send(server, people, "ann", people.activity("Create", "ann", note))
    (comment,) = await server.comments(post)
    answer = await answered(server, comment, inside)
    reply = answer.json()
    await send(server, people, "ann", people.activity("Like", "ann", reply["activitypub_id"]))
    await send(server, people, "ann", people.activity("Like", "ann", post["activitypub_id"]))
    quote = people.activity(
        "QuoteRequest", "ann", post["activitypub_id"], instrument=people.new_uri("notes")
    )
    await send(server, people, "ann", quote)
    post |= {"reply": reply, "comment": comment, "former_url": former_url}
    post["pictures"] = [former, inside, on_top]
    return post


async def answered(server: Server, comment: dict[str, Any], picture: str) -> Response:
    """An author's answer to *comment*, asked for under one key."""
    return await server.api(
        "POST",
        f"/comments/{comment['id']}/reply",
        json={"content": f"{SECRET} ![]({picture})"},
        headers={"Idempotency-Key": "answer"},
    )


async def addresses(server: Server, post: dict[str, Any]) -> list[str]:
    """Every address at which something of *post* is or was served to everyone."""
    uri, reply = post["activitypub_id"], post["reply"]["activitypub_id"]
    page = (await server.anonymous(post["url"])).text
    proxied = {part.split('"')[0] for part in page.split('src="')[1:] if "/proxy/" in part[:8]}
    outbox = (await server.anonymous("/ap/blog/outbox?page=1")).json()["orderedItems"]
    return [
        post["url"],
        post["former_url"],
        post["url"] + "feed/",
        uri,
        reply,
        *(
            f"{uri}/{name}{page}"
            for name in ("replies", "likes", "shares", "context")
            for page in ("", "?page=1")
        ),
        *(
            f"{reply}/{name}{page}"
            for name in ("replies", "likes", "shares")
            for page in ("", "?page=1")
        ),
        *(item["id"] for item in outbox),
        *sorted(path for path in proxied if "/comments/" in path),
        *post["pictures"],
    ]


LISTS = [
    "/",
    "/feed/",
    "/feed/atom/",
    "/feed.json",
    "/comments/feed/",
    f"/tags/{SECRET.lower()}/",
    "/authors/owner/",
    "/authors/owner/feed/",
    "/ap/blog/outbox?page=1",
    "/ap/blog/featured",
    "/search?q=Zaunk",
]
API_LISTS = ["/posts", "/comments", "/authorizations", "/posts?status=published", "/search?q=Zaunk"]


@pytest.mark.both_engines
async def test_nothing_of_a_deleted_post_is_served_or_listed_from_that_moment(
    serving: Serving, people: People
) -> None:
    async with serving() as server:
        post = await talked_about(server, people)
        public = await addresses(server, post)
        before = {address: await server.anonymous(address) for address in [*public, *LISTS]}
        assert sum(SECRET in answer.text for answer in before.values()) > 10
        assert (
            sum("image/" in answer.headers.get("content-type", "") for answer in before.values())
            >= 5
        )
        assert (await server.api("DELETE", f"/posts/{post['id']}")).status_code == 204
        for address in [*public, *LISTS]:
            answer = await server.anonymous(address)
            assert SECRET not in answer.text, address
            assert post["id"] not in answer.text or address in public or "outbox" in address
            assert not answer.headers.get("content-type", "").startswith("image/"), address
        for address in public:
            assert (await server.anonymous(address)).status_code in (404, 410), address
        for address in (post["url"], post["former_url"], post["activitypub_id"]):
            assert (await server.anonymous(address)).status_code in (410, 301), address
        for path in API_LISTS:
            answer = await server.api("GET", path)
            assert SECRET not in answer.text, path
            assert post["id"] not in answer.text, path
        comment = post["comment"]["id"]
        for method, path in (
            ("GET", f"/posts/{post['id']}"),
            ("GET", f"/posts/{post['id']}/comments"),
            ("GET", f"/comments/{comment}"),
            ("GET", f"/comments/{post['reply']['id']}"),
            ("POST", f"/comments/{comment}/hold"),
            ("POST", f"/comments/{comment}/approve-media"),
            ("DELETE", f"/comments/{comment}"),
        ):
            assert (await server.api(method, path)).status_code == 404, path
        body = {
            "title": f"On {SECRET}",
            "content": f"{SECRET} ![]({post['pictures'][0]})",
            "status": "published",
        }
        again = await server.api("POST", "/posts", json=body, headers={"Idempotency-Key": "once"})
        assert again.status_code == 410
        assert SECRET not in again.text
        again = await answered(server, post["comment"], post["pictures"][1])
        assert again.status_code == 410
        assert "idempotency_keys" not in await texts_with(server, SECRET)
        like = people.activity("Like", "ann", post["comment"]["activitypub_id"])
        await send(server, people, "ann", like)
        assert await texts_with(server, like["id"]) <= {"received"}


@pytest.mark.both_engines
async def test_a_picture_that_stands_elsewhere_too_stays(serving: Serving) -> None:
    async with serving() as server:
        shared, face, drafted, fresh = [await upload(server) for _ in range(4)]
        text = " ".join(f"![]({item['url']})" for item in (shared, face, drafted))
        post = await server.publish(content=text)
        await server.publish(content=f"![]({shared['url']})")
        draft = {"title": "Draft", "content": "x", "featured_media": drafted["id"]}
        await server.api("POST", "/posts", json=draft)

        def as_avatar(connection: Any) -> None:
            connection.execute(t.authors.update().values(avatar=face["id"]))

        await server.site.store.write(as_avatar)
        await server.api("DELETE", f"/posts/{post['id']}")
        for item in (shared, face, drafted, fresh):
            assert (await server.anonymous(item["url"])).status_code == 200
        await erase(server.site, datetime.now(UTC) + timedelta(days=31))
        for item in (shared, face, drafted, fresh):
            assert (await server.anonymous(item["url"])).status_code == 200


async def test_a_picture_in_a_deleted_answer_is_not_served(
    serving: Serving, people: People
) -> None:
    async with serving() as server:
        post = await server.publish()
        note = people.note("ann", post["activitypub_id"], "<p>Well</p>")
        await send(server, people, "ann", people.activity("Create", "ann", note))
        (comment,) = await server.comments(post)
        item = await upload(server)
        answer = await server.api(
            "POST", f"/comments/{comment['id']}/reply", json={"content": f"![]({item['url']})"}
        )
        assert (await server.anonymous(item["url"])).status_code == 200
        like = people.activity("Like", "ann", answer.json()["activitypub_id"])
        await send(server, people, "ann", like)
        assert "reactions" in await texts_with(server, like["id"])
        await server.api("DELETE", f"/comments/{answer.json()['id']}")
        assert (await server.anonymous(item["url"])).status_code == 410
        await erase(server.site, datetime.now(UTC) + timedelta(days=31))
        assert list(media_folder(server.site.settings).iterdir()) == []
        assert "reactions" not in await texts_with(server, like["id"])
        uri = answer.json()["activitypub_id"]
        gone = await server.anonymous(uri, accept="application/activity+json")
        assert gone.status_code == 410
        assert gone.json()["type"] == "Tombstone"


async def texts_with(server: Server, word: str) -> set[str]:
    """The tables in which *word* stands in some column."""

    def look(connection: Any) -> set[str]:
        found = set()
        for table in t.metadata.sorted_tables:
            for column in table.columns:
                if isinstance(column.type, LargeBinary):
                    rows = connection.execute(select(column)).scalars()
                    if any(word.encode() in bytes(row) for row in rows if row):
                        found.add(table.name)
                elif isinstance(column.type, Text):
                    is_in = func.instr if connection.dialect.name == "sqlite" else func.strpos
                    query = select(func.count()).where(is_in(cast(column, Text), word) > 0)
                    if connection.execute(query).scalar_one():
                        found.add(table.name)
        return found

    return await server.site.store.read(look)


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


@pytest.mark.both_engines
async def test_texts_former_texts_comments_and_files_are_erased_after_their_days(
    serving: Serving, people: People
) -> None:
    async with serving(keep_deleted=30) as server:
        post = await talked_about(server, people)
        folder = media_folder(server.site.settings)
        assert {"posts", "revisions", "comments", "activities", "post_terms"} <= await texts_with(
            server, SECRET
        )
        await server.eventually(lambda: settled(server))
        await server.api("DELETE", f"/posts/{post['id']}")
        await server.eventually(lambda: settled(server))
        now = datetime.now(UTC)
        assert await erase(server.site, now + timedelta(days=29))
        assert "posts" in await texts_with(server, SECRET)
        assert len(files(folder)) == 3
        assert await erase(server.site, now + timedelta(days=31))
        assert await texts_with(server, SECRET) == {"actors"}  # people are known until they go
        await drop_what_is_lone(server.site, now)
        assert await texts_with(server, SECRET.lower()) == set()
        assert await texts_with(server, post["comment"]["activitypub_id"]) <= {"received"}
        assert files(folder) == []
        # What federation needs stays.
        for uri in (post["activitypub_id"], post["reply"]["activitypub_id"]):
            answer = await server.anonymous(uri, accept="application/activity+json")
            assert answer.status_code == 410
            assert answer.json()["type"] == "Tombstone"
            assert answer.json()["id"] == uri
            assert answer.json()["deleted"]
        assert (await server.anonymous(post["url"])).status_code == 410
        outbox = (await server.anonymous("/ap/blog/outbox?page=1")).json()["orderedItems"]
        assert [item["type"] for item in outbox] == ["Delete"]
        assert await erase(server.site, now + timedelta(days=60))


async def test_with_no_days_everything_is_erased_at_once(serving: Serving, people: People) -> None:
    async with serving(keep_deleted=0) as server:
        post = await talked_about(server, people)
        await server.api("DELETE", f"/posts/{post['id']}")

        async def is_erased() -> bool:
            return await texts_with(server, SECRET) == {"actors"}

        await server.eventually(is_erased)
        await server.eventually(lambda: no_files(server))


async def test_a_post_is_erased_once_all_who_must_hear_of_it_are_written_down(
    serving: Serving, people: People
) -> None:
    """Who answered is told of the deletion; the answers say who that is."""
    async with serving() as server:
        post = await server.publish()
        names = [f"p{number}" for number in range(6)]
        for name in names:
            note = people.note(name, post["activitypub_id"], f"<p>{SECRET}</p>")
            document = people.actor_document(name) | {"endpoints": {}}
            people.publish(f"/users/{name}", document)
            await people.post(server.inbox, people.activity("Create", name, note), by=name)

        # As where there are so many that they are written down in slices.
        def delay(connection: Any) -> None:
            now = datetime.now(UTC)
            deletes = select(t.activities.c.id).where(t.activities.c.type == "Delete")
            for (activity_id,) in connection.execute(deletes).all():
                job = {"id": activity_id, "kind": FAN_OUT, "key": activity_id, "payload": "{}"}
                later = {"run_at": now + timedelta(days=1), "created_at": now}
                connection.execute(t.jobs.insert().values(**job, **later))

        await server.api("DELETE", f"/posts/{post['id']}")
        await server.site.store.write(delay)
        later = datetime.now(UTC) + timedelta(days=31)
        assert not await erase(server.site, later)
        assert "comments" in await texts_with(server, SECRET)

        def go_on(connection: Any) -> None:
            connection.execute(t.jobs.delete())

        await server.site.store.write(go_on)
        assert await erase(server.site, later)
        assert await texts_with(server, SECRET) == set()


async def no_files(server: Server) -> bool:
    return files(media_folder(server.site.settings)) == []


async def settled(server: Server) -> bool:
    query = select(func.count()).where(t.deliveries.c.state == "waiting")
    found = await server.site.store.read(lambda connection: connection.execute(query).scalar())
    return found == 0


async def test_a_deleted_draft_is_erased_as_well(serving: Serving) -> None:
    async with serving() as server:
        body = {"title": SECRET, "content": SECRET}
        draft = (await server.api("POST", "/posts", json=body)).json()
        await server.api("DELETE", f"/posts/{draft['id']}")
        assert (await server.api("GET", f"/posts/{draft['id']}")).status_code == 404
        await erase(server.site, datetime.now(UTC) + timedelta(days=31))
        assert await texts_with(server, SECRET) == set()


async def test_a_deleted_person_has_neither_name_nor_face_here(
    serving: Serving, people: People
) -> None:
    async with serving() as server:
        post = await server.publish()
        people.publish("/face.png", png(), media_type="image/png")
        document = people.actor_document("ann")
        icon = {"type": "Image", "url": f"{people.base_url}/face.png"}
        people.publish("/users/ann", document | {"name": SECRET, "icon": icon})
        note = people.note("ann", post["activitypub_id"], "<p>Well</p>")
        await people.post(server.inbox, people.activity("Create", "ann", note), by="ann")
        page = (await server.anonymous(post["url"])).text
        assert SECRET in page
        faces = [part.split('"')[0] for part in page.split('src="')[1:] if "/avatars/" in part[:20]]
        assert (await server.anonymous(faces[0])).status_code == 200
        gone = people.activity("Delete", "ann", people.uri("ann"))
        await people.post(server.inbox, gone, by="ann")
        await server.eventually(lambda: is_nowhere(server, SECRET))
        assert SECRET not in (await server.anonymous(post["url"])).text
        assert (await server.anonymous(faces[0])).status_code == 404


async def is_nowhere(server: Server, word: str) -> bool:
    return not await texts_with(server, word)
