"""Marks: what stands for the blog and its authors on other servers."""

import io

import pytest
from PIL import Image
from support.servers import Server

from fedblog.web.marks import initials, is_drawable, shown_letters


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Act Today", "AT"),
        ("Ana", "A"),
        ("ann", "A"),
        ("Åsa de Vries", "ÅV"),
        ("—", "•"),
        ("", "•"),
    ],
)
def test_initials_of_a_name(name: str, expected: str):
    assert initials(name) == expected


@pytest.mark.parametrize(
    ("name", "handle", "shown"),
    [
        ("Act Today", "act", "AT"),
        ("Åsa Éric", "asa", "AE"),
        ("山田太郎", "yamada", "Y"),
        ("Анна", "_anna_", "A"),
        ("مريم", "maryam", "M"),
        ("✨", "zoe", "Z"),
    ],
)
def test_mark_shows_no_letter_that_the_font_lacks(name: str, handle: str, shown: str):
    assert shown_letters(name, handle) == shown
    assert is_drawable(shown)


def test_letters_that_the_font_lacks_are_known():
    assert not any(map(is_drawable, ("山", "ж", "ع", "A\U0010ffff")))
    assert is_drawable("AZaz09")


async def test_icon_of_every_actor_is_there_to_fetch(server: Server):
    post = await server.publish()
    owner = (await server.api("GET", f"/posts/{post['id']}")).json()["authors"][0]["id"]
    for path in ("/ap/blog", f"/ap/authors/{owner}"):
        icon = (await server.anonymous(path)).json()["icon"]
        answer = await server.http.get(icon["url"])
        assert answer.headers["content-type"] == icon["mediaType"] == "image/png"
        assert Image.open(io.BytesIO(answer.content)).size == (icon["width"], icon["height"])


async def test_mark_of_nobody_is_not_there(server: Server):
    assert (await server.anonymous("/marks/nobody.png")).status_code == 404


async def test_mark_has_one_address(server: Server):
    mark = (await server.anonymous("/ap/blog")).json()["icon"]["url"].rpartition("/")[2]
    other = mark.replace(".png", "").swapcase() + ".png"
    assert (await server.anonymous(f"/marks/{mark}")).status_code == 200
    assert (await server.anonymous(f"/marks/{other}")).status_code == 404
