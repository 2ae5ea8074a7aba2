"""Uploads: what is kept of a picture, and what is refused."""

import io
import json
import struct
import zlib
from pathlib import Path
from typing import Any

import pytest
from httpx import AsyncClient, Response
from PIL import Image, ImageCms
from support.blog import contents

from fedblog.publishing.media import media_folder
from fedblog.publishing.site import Site


def encoded(
    kind: str, size: tuple[int, int] = (60, 40), mode: str = "RGB", **options: Any
) -> bytes:
    out = io.BytesIO()
    colour: Any = (200, 30, 30, 128)[: len(mode)] if mode in ("RGB", "RGBA") else 100
    Image.new(mode, size, colour).save(out, kind, **options)
    return out.getvalue()


async def upload(api: AsyncClient, content: bytes, name: str = "a.jpg", **texts: str) -> Response:
    return await api.post("/api/v1/media", files={"file": (name, content)}, data=texts)


def files(site: Site) -> list[Path]:
    folder = media_folder(site.settings)
    return sorted(folder.iterdir()) if folder.exists() else []


def picture_of(site: Site, item: dict[str, Any]) -> Image.Image:
    name = item["url"].rpartition("/")[2]
    assert item["url"] == f"http://localhost:8000/media/{name}"
    return Image.open(media_folder(site.settings) / name)


async def test_picture_is_kept_with_its_texts(api: AsyncClient, site: Site) -> None:
    answer = await upload(
        api,
        encoded("JPEG"),
        alt="A <b>red</b>\r\nfield of <x>",
        caption="Seen &amp; done",
        credit="Jo <jo@a.example>",
    )
    assert answer.status_code == 201, answer.text
    item = answer.json()
    assert (item["width"], item["height"]) == (60, 40)
    assert (item["alt"], item["caption"]) == (
        "A <b>red</b>\nfield of <x>",
        "Seen &amp; done",
    )
    assert item["credit"] == "Jo <jo@a.example>"
    assert picture_of(site, item).format == "JPEG"
    (file,) = files(site)
    assert file.stem == item["id"]
    assert file.stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize(
    ("kind", "kept", "mode"),
    [
        ("JPEG", "JPEG", "RGB"),
        ("JPEG", "JPEG", "CMYK"),
        ("JPEG", "JPEG", "L"),
        ("PNG", "PNG", "RGBA"),
        ("PNG", "PNG", "I;16"),
        ("PNG", "PNG", "1"),
        ("WEBP", "WEBP", "RGBA"),
        ("GIF", "PNG", "P"),
    ],
)
async def test_each_kind_is_written_again(
    api: AsyncClient, site: Site, kind: str, kept: str, mode: str
) -> None:
    answer = await upload(api, encoded(kind, mode=mode))
    assert answer.status_code == 201, answer.text
    with picture_of(site, answer.json()) as picture:
        picture.load()
        assert picture.format == kept
        if mode == "RGBA":
            assert picture.convert("RGBA").getpixel((5, 5))[3] == 128  # type: ignore[index]


async def test_s27_place_and_orientation_in_exif_do_not_stay(api: AsyncClient, site: Site) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees
    exif[0x010F] = "Camera of Somebody"
    exif.get_ifd(0x8825)[1] = "N"
    answer = await upload(api, encoded("JPEG", exif=exif.tobytes(), comment=b"secret remark"))
    item = answer.json()
    assert (item["width"], item["height"]) == (40, 60)
    with picture_of(site, item) as picture:
        assert dict(picture.getexif()) == {}
        assert "comment" not in picture.info
    assert b"Somebody" not in files(site)[0].read_bytes()


async def test_s27_texts_and_profiles_in_a_png_do_not_stay(api: AsyncClient, site: Site) -> None:
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add_text("Author", "Somebody")
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    answer = await upload(api, encoded("PNG", pnginfo=info, icc_profile=profile))
    with picture_of(site, answer.json()) as picture:
        picture.load()
        assert "Author" not in picture.info
        assert "icc_profile" not in picture.info


async def test_s27_what_hides_behind_a_picture_does_not_stay(api: AsyncClient, site: Site) -> None:
    answer = await upload(api, encoded("PNG") + b"<script>alert(1)</script>", "x.html")
    assert answer.status_code == 201
    assert answer.json()["url"].endswith(".png")
    assert b"<script>" not in files(site)[0].read_bytes()


async def test_large_picture_is_made_smaller(api: AsyncClient, site: Site) -> None:
    item = (await upload(api, encoded("JPEG", (3000, 1500)))).json()
    assert (item["width"], item["height"]) == (2400, 1200)


def png_header(width: int, height: int) -> bytes:
    """A PNG that says it is large and holds nearly nothing."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0" * 1000))
        + chunk(b"IEND", b"")
    )


REFUSED = [
    (b"", "a.jpg", 422, ""),
    (b"hello", "a.jpg", 415, "takes a"),
    (b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>", "a.svg", 415, "takes a"),
    (b"%PDF-1.7 \xff\xd8\xff", "a.pdf", 415, "takes a"),
    (b"GIF89a<script>alert(1)</script>", "a.gif", 422, "broken"),
    (b"RIFF\0\0\0\0WAVEfmt ", "a.webp", 415, "takes a"),
    (encoded("BMP"), "a.bmp", 415, "takes a"),
    (encoded("TIFF"), "a.tiff", 415, "takes a"),
    (encoded("JPEG", (400, 400))[:500], "a.jpg", 422, "broken"),
    (encoded("PNG", (400, 400))[:60], "a.png", 422, "broken"),
    (png_header(0, 5), "a.png", 422, "broken"),
    (encoded("WEBP")[:16], "a.webp", 422, "broken"),
    # By its size, before anything of it is decoded: decoded it would be called broken.
    (png_header(60_000, 60_000), "a.png", 422, "pixels"),
    (png_header(10_000, 6_000), "a.png", 422, "pixels"),
]


@pytest.mark.parametrize(("content", "name", "status", "said"), REFUSED)
async def test_s27_file_that_is_no_picture_is_refused(
    api: AsyncClient, site: Site, content: bytes, name: str, status: int, said: str
) -> None:
    before = await contents(site)
    answer = await upload(api, content, name)
    assert answer.status_code == status, answer.text
    (problem,) = answer.json()["errors"]
    assert problem["field"] == "file"
    assert said in problem["message"]
    assert await contents(site) == before
    assert files(site) == []


async def test_s27_file_name_of_the_upload_is_never_used(api: AsyncClient, site: Site) -> None:
    answer = await upload(api, encoded("JPEG"), "../../../etc/passwd\0.jpg")
    assert answer.status_code in (201, 400)
    for name in ("../../../etc/passwd.jpg", "/etc/passwd", "x.php", "a.jpg"):
        answer = await upload(api, encoded("JPEG"), name)
        assert answer.status_code == 201, answer.text
    assert len(files(site)) >= 4
    assert all(file.suffix == ".jpg" and len(file.stem) == 26 for file in files(site))
    assert all(file.stem.isalnum() for file in files(site))


async def test_forms_that_do_not_hold_are_refused(api: AsyncClient, site: Site) -> None:
    picture = ("a.jpg", encoded("JPEG"))
    address = "/api/v1/media"
    bare = {"Content-Type": "multipart/form-data"}
    jpeg = {"Content-Type": "image/jpeg"}
    long = "x" * 1501
    cases = [
        (await api.post(address, json={"file": "x"}), 415, ""),
        (await api.post(address, content=encoded("JPEG"), headers=jpeg), 415, ""),
        (await api.post(address, content=b"x", headers=bare), 400, ""),
        (
            await api.post(
                address, content=b"x", headers={"Content-Type": "multipart/form-data; boundary=b"}
            ),
            400,
            "",
        ),
        (await api.post(address, files={"picture": picture}), 422, "file"),
        (await api.post(address, data={"file": "text"}, files={"x": picture}), 422, "file"),
        (await api.post(address, files={"file": picture}, data={"other": "1"}), 422, "other"),
        (await api.post(address, files={"file": picture}, data={"alt": long}), 422, "alt"),
        (await api.post(address, files={"file": picture}, data={"credit": long}), 422, "credit"),
        (await api.post(address, files=[("file", picture), ("file", picture)]), 400, ""),
        (
            await api.post(
                address,
                files={"file": ("a.jpg", b"\xff\xd8\xff" + b"x" * site.settings.media_max_bytes)},
            ),
            413,
            "",
        ),
    ]
    for number, (answer, status, field) in enumerate(cases):
        assert answer.status_code == status, (number, answer.text)
        if field:
            assert answer.json()["errors"][0]["field"] == field
    assert files(site) == []


async def test_form_that_ends_too_early_changes_nothing(api: AsyncClient, site: Site) -> None:
    body = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n\r\n\xff\xd8'
    answer = await api.post(
        "/api/v1/media", content=body, headers={"Content-Type": "multipart/form-data; boundary=b"}
    )
    assert answer.status_code in (400, 415, 422)
    assert files(site) == []


async def test_same_key_twice_keeps_one_picture(api: AsyncClient, site: Site) -> None:
    headers = {"Idempotency-Key": "k"}
    picture = {"file": ("a.jpg", encoded("JPEG"))}
    first = await api.post("/api/v1/media", files=picture, headers=headers)
    second = await api.post("/api/v1/media", files=picture, headers=headers)
    assert first.json() == second.json()
    assert len(files(site)) == 1
    other = await api.post("/api/v1/media", files=picture, data={"alt": "x"}, headers=headers)
    assert other.status_code == 409
    assert len(files(site)) == 1


async def test_featured_picture_travels_with_the_article(api: AsyncClient, site: Site) -> None:
    from support.blog import sent

    item = (await upload(api, encoded("JPEG"), alt="A red field")).json()
    body = {"title": "T", "content": "x", "status": "published", "featured_media": item["id"]}
    post = (await api.post("/api/v1/posts", json=body)).json()
    assert post["featured_media"] == item["id"]
    assert post["image"] == item
    image = (await sent(site))[0]["object"]["image"]
    assert isinstance(image["url"], str)
    assert image["url"] == item["url"]
    assert image["name"] == image["summary"] == "A red field"
    assert (image["width"], image["height"], image["mediaType"]) == (60, 40, "image/jpeg")
    assert json.dumps(image).count(item["url"]) >= 1
