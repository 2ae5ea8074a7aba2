"""Faces of remote people, fetched once through the guarded client from a server of the test's."""

import asyncio
import io
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
from PIL import Image
from sqlalchemy import Connection, insert, update
from support.pages import Readers
from support.servers import listening_socket, serving
from support.waiting import eventually
from support.world import World

from fedblog.domain.comment import CommentStatus
from fedblog.storage import tables as t
from fedblog.storage.views_people import Person
from fedblog.web import avatars, rendering
from fedblog.web.proxied import NOTHING


def picture(
    size: tuple[int, int] = (400, 300), kind: str = "PNG", exif: bytes = b"", **save: Any
) -> bytes:
    written = io.BytesIO()
    Image.new("RGB", size, "teal").save(written, kind, exif=exif, **save)
    return written.getvalue()


class Pictures:
    """A server that has pictures."""

    def __init__(self) -> None:
        self.bodies: dict[str, tuple[int, str, bytes]] = {}
        self.asked: list[str] = []
        self.base_url = ""
        self.answers = asyncio.Event()
        self.answers.set()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.asked.append(scope["path"])
        await self.answers.wait()
        status, kind, body = self.bodies.get(scope["path"], (404, "text/plain", b"no"))
        headers = [(b"content-type", kind.encode()), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


@pytest.fixture
async def pictures() -> AsyncIterator[Pictures]:
    server = Pictures()
    listener = listening_socket()
    server.base_url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    async with serving(server, listener):
        yield server


async def someone(world: World, avatar_url: str, *, is_seen: bool = True) -> str:
    """A person with this picture and a comment; gives the address that pages use for it."""
    uri = "https://peer.example/users/rin"

    def unit(connection: Connection) -> None:
        connection.execute(
            insert(t.actors).values(
                uri=uri, type="Person", handle="rin", host="peer.example", name="Rin", url=uri,
                avatar_url=avatar_url, summary="", inbox=f"{uri}/inbox", also_known_as="[]",
                fetched_at=datetime.now(UTC),
            )
        )  # fmt: skip

    await world.site.store.write(unit)
    if is_seen:
        await world.comment(await world.post())
    return rendering.avatar_src(Person("Rin", actor_uri=uri, avatar_url=avatar_url))


async def test_face_is_fetched_once_and_served_as_a_small_picture(
    world: World, readers: Readers, pictures: Pictures
) -> None:
    pictures.bodies["/rin.png"] = (200, "image/png", picture())
    path = await someone(world, f"{pictures.base_url}/rin.png")
    for _ in range(3):
        response = await readers.get(path)
        assert response.status_code == 200
        assert response.headers["content-type"] == "image/webp"
        assert "immutable" in response.headers["cache-control"]
        assert response.headers["x-content-type-options"] == "nosniff"
        with Image.open(io.BytesIO(response.content)) as image:
            assert (image.format, image.size) == ("WEBP", (96, 96))
    assert pictures.asked == ["/rin.png"]


async def test_face_of_which_a_power_cut_left_an_empty_file_is_fetched_again(
    world: World, readers: Readers, pictures: Pictures
) -> None:
    pictures.bodies["/rin.png"] = (200, "image/png", picture())
    path = await someone(world, f"{pictures.base_url}/rin.png")
    whole = (await readers.get(path)).content
    [kept] = world.site.settings.data_dir.glob("cache/*/*/*.webp")
    kept.write_bytes(b"")
    assert (await readers.get(path)).content == whole
    assert pictures.asked == ["/rin.png"] * 2


async def test_face_stands_on_the_page_of_the_post(
    world: World, readers: Readers, pictures: Pictures
) -> None:
    path = await someone(world, f"{pictures.base_url}/rin.png")
    post = await world.post()
    await world.comment(post)
    page = await readers.page(post.path or "")
    avatar = page.one("section", id="comments").one("span", class_="avatar")
    assert avatar.one("img").attributes["src"] == path
    assert avatar.text == "R"


async def test_many_who_ask_at_once_cause_one_fetch(
    world: World, readers: Readers, pictures: Pictures
) -> None:
    pictures.bodies["/rin.png"] = (200, "image/png", picture())
    path = await someone(world, f"{pictures.base_url}/rin.png")
    answers = await asyncio.gather(*(readers.get(path) for _ in range(10)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert len(pictures.asked) == 1


async def test_reader_who_goes_away_takes_the_face_from_nobody_who_waits_for_it_too(
    world: World, readers: Readers, pictures: Pictures
) -> None:
    pictures.bodies["/rin.png"] = (200, "image/png", picture())
    path = await someone(world, f"{pictures.base_url}/rin.png")
    pictures.answers.clear()
    first = asyncio.create_task(readers.get(path))
    await eventually(lambda: pictures.asked)
    others = [asyncio.create_task(readers.get(path)) for _ in range(3)]
    await asyncio.sleep(0.2)
    first.cancel()
    pictures.answers.set()
    for answer in await asyncio.gather(*others):
        assert answer.status_code == 200
        assert answer.content != NOTHING
    assert len(pictures.asked) == 2


@pytest.mark.parametrize(
    ("status", "kind", "body"),
    [
        (404, "text/plain", b"no"),
        (200, "text/html", b"<script>alert(1)</script>"),
        (200, "image/svg+xml", b"<svg xmlns='http://www.w3.org/2000/svg' onload='x'/>"),
        (200, "image/png", b"not a picture"),
        (200, "image/png", picture()[:50]),
        (200, "text/html", picture()),
        (200, "image/bmp", picture(kind="BMP")),
        (200, "image/png", picture().ljust((2 << 20) + 1, b"\0")),
        (200, "image/png", picture((3500, 3500))),
        (200, "image/webp", picture((1500, 1500), kind="WEBP", lossless=True)),
    ],
)
async def test_s27_what_is_no_picture_gives_a_transparent_pixel_and_is_not_asked_again(
    world: World, readers: Readers, pictures: Pictures, status: int, kind: str, body: bytes
) -> None:
    pictures.bodies["/rin.png"] = (status, kind, body)
    path = await someone(world, f"{pictures.base_url}/rin.png")
    for _ in range(2):
        response = await readers.get(path)
        assert response.content == NOTHING
        assert response.headers["cache-control"] == "public, max-age=600"
    assert len(pictures.asked) == 1


async def test_s13_face_at_a_private_address_is_not_fetched(
    world: World, readers: Readers, pictures: Pictures
) -> None:
    """0.0.0.0 is closed, and leads to the same server: unguarded, the picture would come."""
    pictures.bodies["/rin.png"] = (200, "image/png", picture())
    closed = pictures.base_url.replace("127.0.0.1", "0.0.0.0")
    path = await someone(world, f"{closed}/rin.png")
    assert (await readers.get(path)).content == NOTHING
    assert pictures.asked == []


async def test_only_known_people_with_their_present_picture_have_a_face(
    world: World, readers: Readers, pictures: Pictures
) -> None:
    url = f"{pictures.base_url}/rin.png"
    pictures.bodies["/rin.png"] = (200, "image/png", picture())
    path = await someone(world, url)
    stranger = rendering.avatar_src(
        Person("", actor_uri="https://peer.example/users/eve", avatar_url=url)
    )
    assert (await readers.get(stranger)).status_code == 404
    assert (await readers.get(path[:-1] + ("0" if path[-1] != "0" else "1"))).status_code == 404

    def unit(connection: Connection) -> None:
        connection.execute(update(t.actors).values(avatar_url="javascript:alert(1)"))

    await world.site.store.write(unit)
    assert (await readers.get(path)).status_code == 404
    assert pictures.asked == []


@pytest.mark.parametrize("hidden", ["nothing", "held", "deleted"])
async def test_who_stands_on_no_page_has_no_face(
    world: World, readers: Readers, pictures: Pictures, hidden: str
) -> None:
    pictures.bodies["/rin.png"] = (200, "image/png", picture())
    path = await someone(world, f"{pictures.base_url}/rin.png", is_seen=False)
    post = await world.post()
    if hidden != "nothing":
        gone = {"deleted_at": datetime.now(UTC)} if hidden == "deleted" else {}
        status = CommentStatus.HELD if hidden == "held" else CommentStatus.APPROVED
        await world.comment(post, status=status, **gone)
    assert (await readers.get(path)).status_code == 404
    assert pictures.asked == []
    await world.comment(post)
    assert (await readers.get(path)).status_code == 200


@pytest.fixture
def no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no picture be kept."""
    monkeypatch.setattr(avatars, "MAX_FILES", 0)


async def test_kept_faces_are_bounded(
    no_room: None, world: World, readers: Readers, pictures: Pictures
) -> None:
    pictures.bodies["/rin.png"] = (200, "image/png", picture())
    path = await someone(world, f"{pictures.base_url}/rin.png")
    assert (await readers.get(path)).status_code == 200
    folder = world.site.settings.data_dir / "cache" / "avatars"
    assert list(folder.glob("*/*")) == []
