"""Pictures, developed by a process of its own, within bounds of memory."""

import asyncio
import io
import os
import struct
import subprocess
import sys
import zlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageCms
from support.waiting import PATIENCE

from fedblog.aside import process
from fedblog.aside import room as waiting_room
from fedblog.publishing.pictures import decoding
from fedblog.publishing.pictures.darkroom import Darkroom
from fedblog.publishing.pictures.errors import (
    BrokenError,
    BusyError,
    TooLargeError,
    WrongKindError,
)
from fedblog.publishing.pictures.tasks import Task
from fedblog.settings import Settings

MEGA = 1 << 20
UPLOAD = Task("upload", 300, 300, 50_000_000, 320 * MEGA)
SQUARE = Task("square", 96, 96, 12_000_000, 32 * MEGA)
WITHIN = Task("within", 192, 48, 12_000_000, 32 * MEGA)


def picture(
    size: tuple[int, int] = (400, 300), kind: str = "PNG", mode: str = "RGB", **save: Any
) -> bytes:
    written = io.BytesIO()
    Image.new(mode, size, 0 if mode == "P" else "teal" if mode != "L" else 90).save(
        written, kind, **save
    )
    return written.getvalue()


def flat_png(width: int, height: int, kind: int = 6) -> bytes:
    """A PNG of one colour, made without its pixels in memory: *kind* 2 is RGB, 6 RGBA."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    packer = zlib.compressobj(9)
    row = b"\0" * (1 + width * {2: 3, 6: 4}[kind])
    packed = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    head = struct.pack(">IIBBBBB", width, height, 8, kind, 0, 0, 0)
    return b"".join(
        [
            b"\x89PNG\r\n\x1a\n",
            chunk(b"IHDR", head),
            chunk(b"IDAT", packed),
            chunk(b"IEND", b""),
        ]
    )


def jpeg_of_scans(number: int) -> bytes:
    """A progressive JPEG that goes *number* times over all of its blocks, none of which has
    anything."""

    def segment(mark: int, data: bytes) -> bytes:
        return struct.pack(">BBH", 0xFF, mark, len(data) + 2) + data

    only_code = bytes([1, *[0] * 15])
    run = segment(0xC4, b"\x10" + only_code + b"\xd0")  # 8192 blocks at once
    first = segment(0xDA, b"\1\1\0\0\0\0") + bytes(8)
    return b"".join(
        [
            b"\xff\xd8",
            segment(0xDB, b"\0" + b"\1" * 64),
            segment(0xC2, struct.pack(">BHHB", 8, 64, 64, 1) + b"\1\x11\0"),
            segment(0xC4, b"\0" + only_code + b"\0") + run + first,
            (segment(0xDA, b"\1\1\0\1\x3f\0") + b"\0\0") * (number - 1),
            b"\xff\xd9",
        ]
    )


def opened(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content))


@pytest.fixture
async def darkroom(tmp_path: Path) -> AsyncIterator[Darkroom]:
    room = Darkroom(Settings(data_dir=tmp_path))
    yield room
    await room.close()


def memory(pid: int, name: str) -> int:
    """Bytes that the process has (VmRSS) or has had at most (VmHWM)."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) * 1024
    raise AssertionError(name)


def test_s27_metadata_does_not_survive() -> None:
    exif = Image.Exif()
    exif[0x010E] = "secret place"
    for task in (UPLOAD, SQUARE, WITHIN):
        made = decoding.develop(picture(kind="JPEG", exif=exif.tobytes()), task)
        assert b"secret" not in made.content
        assert not opened(made.content).getexif()


@pytest.mark.parametrize("size", [(1, 1), (5, 2000), (96, 96), (2000, 5), (2400, 2399)])
def test_any_shape_becomes_a_square(size: tuple[int, int]) -> None:
    with opened(decoding.develop(picture(size), SQUARE).content) as image:
        assert image.width == image.height <= 96


@pytest.mark.parametrize(
    ("size", "made"),
    [
        ((4000, 1000), (192, 48)),
        ((1000, 4000), (12, 48)),
        ((4000, 100), (192, 5)),
        ((9, 7), (9, 7)),
    ],
)
def test_any_shape_becomes_small_in_its_own_shape(
    size: tuple[int, int], made: tuple[int, int]
) -> None:
    found = decoding.develop(picture(size), WITHIN)
    assert (found.width, found.height) == made == opened(found.content).size


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("side", [200, 320, 3000])
def test_picture_is_turned_upright_whether_it_is_made_smaller_or_not(kind: str, side: int) -> None:
    image = Image.new("RGB", (side, side // 2), "blue")
    image.paste("red", (0, 0, side // 2, side // 2))
    exif = Image.Exif()
    exif[0x0112] = 6  # its left side is up
    written = io.BytesIO()
    image.save(written, kind, exif=exif.tobytes())
    with opened(decoding.develop(written.getvalue(), UPLOAD).content).convert("RGB") as made:
        assert made.height == made.width * 2 or abs(made.height - made.width * 2) <= 2
        red, _, blue = made.getpixel((made.width // 2, made.height // 8))  # type: ignore[misc]
        assert red > 200 > 60 > blue
        red, _, blue = made.getpixel((made.width // 2, made.height * 7 // 8))  # type: ignore[misc]
        assert blue > 200 > 60 > red


@pytest.mark.parametrize("side", [100, 2000])
@pytest.mark.parametrize(
    ("mode", "kind", "made"),
    [
        ("RGB", "PNG", "RGB"),
        ("RGBA", "PNG", "RGBA"),
        ("L", "PNG", "L"),
        ("1", "PNG", "L"),
        ("LA", "PNG", "RGBA"),
        ("P", "PNG", "RGB"),
        ("P", "GIF", "RGB"),
        ("I;16", "PNG", "L"),
        ("CMYK", "JPEG", "RGB"),
        ("L", "JPEG", "RGB"),
        ("RGBA", "WEBP", "RGBA"),
    ],
)
def test_every_mode_keeps_what_is_seen(mode: str, kind: str, made: str, side: int) -> None:
    seen = {"RGB": (10, 200, 30), "RGBA": (10, 200, 30, 120), "L": 200, "LA": (200, 120)}
    if mode == "P":
        image = Image.new("RGB", (side, side), (10, 200, 30)).quantize(4)
    elif mode == "I;16":
        image = Image.new("I;16", (side, side), 200 * 256)
    elif mode == "1":
        image = Image.new("1", (side, side), 1)
    elif mode == "CMYK":
        image = Image.new("RGB", (side, side), (10, 200, 30)).convert("CMYK")
    else:
        image = Image.new(mode, (side, side), seen[mode])
    written = io.BytesIO()
    image.save(written, kind, **({"lossless": True} if kind == "WEBP" else {}))
    with opened(decoding.develop(written.getvalue(), UPLOAD).content) as found:
        assert found.mode == made
        value = found.getpixel((found.width // 2, found.height // 2))
    expected: Any = {
        "1": 255, "I;16": 200, "LA": (200, 200, 200, 120), "P": (10, 200, 30),
        "CMYK": (10, 200, 30), "L": (200, 200, 200) if kind == "JPEG" else 200,
    }.get(mode, seen.get(mode))  # fmt: skip
    pairs = zip(
        *((item if isinstance(item, tuple) else (item,)) for item in (value, expected)), strict=True
    )
    assert all(abs(one - other) <= 4 for one, other in pairs), (value, expected)


def test_transparent_colour_of_a_palette_stays_transparent() -> None:
    image = Image.new("P", (1500, 1500), 0)
    image.putpalette([255, 0, 0, 0, 255, 0])
    image.paste(1, (0, 0, 750, 1500))
    for kind in ("PNG", "GIF"):
        written = io.BytesIO()
        image.save(written, kind, transparency=0)
        with opened(decoding.develop(written.getvalue(), UPLOAD).content) as made:
            assert made.mode == "RGBA"
            assert made.getpixel((10, 150)) == (0, 255, 0, 255)
            assert made.getpixel((290, 150))[3] == 0  # type: ignore[index]


def test_colour_profile_is_applied_and_dropped() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
    made = decoding.develop(picture((1000, 1000), icc_profile=profile.tobytes()), UPLOAD)
    assert "icc_profile" not in opened(made.content).info


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP"])
def test_of_an_animation_the_first_frame_is_kept(kind: str) -> None:
    frames = [Image.new("RGB", (50, 50), (n * 5, 0, 0)) for n in range(30)]
    written = io.BytesIO()
    frames[0].save(written, kind, save_all=True, append_images=frames[1:])
    for task in (UPLOAD, SQUARE):
        with opened(decoding.develop(written.getvalue(), task).content) as made:
            assert getattr(made, "n_frames", 1) == 1


@pytest.mark.parametrize(
    ("task", "body"),
    [
        (SQUARE, lambda: flat_png(3500, 3500)),
        (WITHIN, lambda: flat_png(20_000, 601)),
        (SQUARE, lambda: flat_png(2950, 2950)),
        (UPLOAD, lambda: flat_png(7200, 7000)),
        (SQUARE, lambda: picture((1500, 1500), "WEBP")),
        (SQUARE, lambda: picture((1500, 1500), "AVIF")),
        (SQUARE, lambda: picture((3400, 3400), "JPEG", progressive=True, subsampling=0)),
    ],
    ids=["pixels", "long", "memory", "upload", "webp", "avif", "progressive"],
)
def test_s27_what_takes_too_much_is_refused_before_it_is_decoded(
    monkeypatch: pytest.MonkeyPatch, task: Task, body: Callable[[], bytes]
) -> None:
    content = body()
    task = task if task is not UPLOAD else Task("upload", 300, 300, 50_000_000, 192 * MEGA)

    def load(*_: object) -> None:
        raise AssertionError("it was decoded")

    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", load)
    monkeypatch.setattr("PIL.WebPImagePlugin.WebPImageFile.load", load)
    monkeypatch.setattr("PIL.AvifImagePlugin.AvifImageFile.load", load)
    with pytest.raises(TooLargeError):
        decoding.develop(content, task)


@pytest.mark.parametrize("task", [UPLOAD, SQUARE, WITHIN], ids=lambda task: task.shape)
def test_s27_jpeg_of_many_scans_is_refused_before_it_is_decoded(task: Task) -> None:
    assert decoding.develop(jpeg_of_scans(100), task).content
    with pytest.raises(TooLargeError, match="scans"):
        decoding.develop(jpeg_of_scans(101), task)


def test_face_of_many_pixels_is_taken_where_decoding_it_is_cheap() -> None:
    made = decoding.develop(picture((3400, 3400), "JPEG"), SQUARE)
    assert (made.width, made.height) == (96, 96)


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"", WrongKindError),
        (b"<svg/>", WrongKindError),
        (picture(kind="BMP"), WrongKindError),
        (picture(kind="TIFF"), WrongKindError),
        (picture()[:100], BrokenError),
        (picture(kind="JPEG")[:300], BrokenError),
        (picture(kind="GIF")[:40], BrokenError),
    ],
)
async def test_what_is_no_picture_is_said_across_the_pipe(
    darkroom: Darkroom, body: bytes, error: type[Exception]
) -> None:
    with pytest.raises((error, WrongKindError)):
        await darkroom.develop(SQUARE, body, whose="a")
    assert (await darkroom.develop(SQUARE, picture(), whose="a")).width == 96


async def test_file_is_handed_over_as_bytes_are(darkroom: Darkroom, tmp_path: Path) -> None:
    path = tmp_path / "x.png"
    path.write_bytes(picture((900, 900)))
    with path.open("rb") as file:
        file.read(100)
        made = await darkroom.develop(UPLOAD, file, whose="a")
    assert (made.media_type, made.extension, made.width) == ("image/png", "png", 300)


async def test_pictures_are_developed_one_at_a_time_each_asker_in_turn(darkroom: Darkroom) -> None:
    order: list[str] = []

    async def ask(whose: str) -> None:
        await darkroom.develop(SQUARE, picture(), whose=whose)
        order.append(whose)

    await asyncio.gather(*(ask("many") for _ in range(4)), ask("one"), ask("other"))
    assert order[1:3] == ["one", "other"] or set(order[:4]) >= {"one", "other"}
    assert len(order) == 6


async def test_where_too_many_wait_the_next_is_refused(tmp_path: Path) -> None:
    room = Darkroom(Settings(data_dir=tmp_path, pictures_waiting=2))
    waiting = [asyncio.create_task(room.develop(SQUARE, picture(), whose=str(n))) for n in range(3)]
    await asyncio.sleep(0)
    with pytest.raises(BusyError):
        await room.develop(SQUARE, picture(), whose="late")
    assert [made.width for made in await asyncio.gather(*waiting)] == [96] * 3
    await room.close()


async def test_memory_of_the_largest_picture_is_bounded_and_never_the_servers(
    darkroom: Darkroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "_GROWN", 1 << 60)
    await darkroom.develop(SQUARE, picture(), whose="a")
    assert darkroom.pid is not None
    idle = memory(darkroom.pid, "VmHWM")
    width = 7001
    body = flat_png(width, 7100)
    before = memory(os.getpid(), "VmRSS")
    made = await darkroom.develop(UPLOAD, body, whose="a")
    assert made.width <= 300
    pixels = width * 7100 * 4
    assert pixels < memory(darkroom.pid, "VmHWM") - idle < pixels + 40 * MEGA
    assert memory(os.getpid(), "VmRSS") - before < 20 * MEGA


async def test_worker_that_has_grown_or_is_idle_ends(
    darkroom: Darkroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    await darkroom.develop(UPLOAD, flat_png(5000, 5000), whose="a")
    assert darkroom.pid is None
    monkeypatch.setattr(waiting_room, "_IDLE_SECONDS", 0.01)
    await darkroom.develop(SQUARE, picture(), whose="a")
    async with asyncio.timeout(PATIENCE):
        while darkroom.pid is not None:
            await asyncio.sleep(0.01)
    assert (await darkroom.develop(SQUARE, picture(), whose="a")).width == 96


def test_system_holds_the_worker_to_what_was_reckoned() -> None:
    script = (
        "from fedblog.aside.serving import bound_memory\n"
        "bound_memory(20 << 20)\n"
        "held = bytearray(20 << 20)\n"
        "try:\n"
        "    bytearray(100 << 20)\n"
        "except MemoryError:\n"
        "    print('held to it')\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout == "held to it\n", done.stderr


async def test_picture_that_takes_too_long_is_given_up(tmp_path: Path) -> None:
    room = Darkroom(Settings(data_dir=tmp_path, picture_timeout=0.001))
    with pytest.raises(BrokenError):
        await room.develop(UPLOAD, flat_png(7000, 7000), whose="a")
    await room.close()


async def test_process_that_was_killed_is_started_again(darkroom: Darkroom) -> None:
    await darkroom.develop(SQUARE, picture(), whose="a")
    pid = darkroom.pid
    assert pid is not None
    os.kill(pid, 9)
    async with asyncio.timeout(PATIENCE):
        while darkroom.pid is not None:
            await asyncio.sleep(0.01)
    assert (await darkroom.develop(SQUARE, picture(), whose="a")).width == 96
    assert darkroom.pid != pid
