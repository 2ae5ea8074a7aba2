"""What is asked for by a name that every server has: robots.txt, icons, security.txt."""

import io
from urllib.robotparser import RobotFileParser

import pytest
from PIL import Image
from support.pages import Readers
from support.world import World


async def test_crawlers_may_read_all_that_is_a_page(world: World, readers: Readers) -> None:
    answer = await readers.http.get("/robots.txt")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    rules = RobotFileParser()
    rules.parse(answer.text.splitlines())
    for path in ("/", "/2026/01/01/on-rivers/", "/feed/", "/ap/blog", "/static/site.css"):
        assert rules.can_fetch("AnyBot", path)
    for path in ("/api/v1/posts", "/interact?object=x"):
        assert not rules.can_fetch("AnyBot", path)


@pytest.mark.parametrize(
    ("path", "kind", "size"),
    [
        ("/favicon.ico", "image/x-icon", (32, 32)),
        ("/apple-touch-icon.png", "image/png", (180, 180)),
        ("/apple-touch-icon-precomposed.png", "image/png", (180, 180)),
    ],
)
async def test_icon_is_there_for_who_asks_by_name(
    world: World, readers: Readers, path: str, kind: str, size: tuple[int, int]
) -> None:
    answer = await readers.http.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (200, kind)
    assert Image.open(io.BytesIO(answer.content)).size == size
    assert "max-age" in answer.headers["cache-control"]
    assert (await readers.http.head(path)).headers["content-length"] == str(len(answer.content))


@pytest.mark.parametrize("path", ["/.well-known/security.txt", "/security.txt"])
async def test_nobody_to_tell_is_said_in_a_line_and_in_no_page(
    world: World, readers: Readers, path: str
) -> None:
    answer = await readers.http.get(path, headers={"accept": "text/html"})
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert 0 < len(answer.content) < 100
    assert answer.text.count("\n") == 1
