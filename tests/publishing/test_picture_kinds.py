"""Every mode of every format: a picture that shows what was in it, or a clear refusal."""

import io
import struct
import warnings
import zlib
from collections.abc import Iterator
from typing import Any

import pytest
from PIL import Image, ImageCms
from support.every import for_every

from fedblog.publishing.pictures import decoding
from fedblog.publishing.pictures.errors import BrokenError, PictureError, WrongKindError
from fedblog.publishing.pictures.tasks import Picture, Task

MEGA = 1 << 20
UPLOAD = Task("upload", 2400, 2400, 50_000_000, 320 * MEGA)
SQUARE = Task("square", 96, 96, 12_000_000, 32 * MEGA)
WITHIN = Task("within", 600, 600, 20_000_000, 96 * MEGA)
TASKS = {task.shape: task for task in (UPLOAD, SQUARE, WITHIN)}
UPLOADED = {"JPEG": "image/jpeg", "MPO": "image/jpeg", "PNG": "image/png", "GIF": "image/png"}
UPLOADED["WEBP"] = "image/webp"
COLOUR = (10, 200, 30)
MODES = (
    *("1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", "LAB"),
    *("HSV", "I", "F", "I;16", "I;16B", "I;16L"),
)


def in_mode(mode: str, size: tuple[int, int] = (64, 48)) -> Image.Image:
    plain = Image.new("RGB", size, COLOUR)
    match mode:
        case "P" | "PA":
            return plain.quantize(4).convert(mode)
        case "LAB":
            profiles = [ImageCms.createProfile(name) for name in ("sRGB", "LAB")]
            made = ImageCms.profileToProfile(plain, *profiles, outputMode="LAB")
            assert made is not None
            return made
        case "I" | "F" | "I;16" | "I;16B" | "I;16L":
            return Image.new(mode, size, 125 * 257 if mode != "F" else 125)
        case "La" | "RGBa":
            return plain.convert(mode[:-1] + "A").convert(mode)
        case _:
            return plain.convert(mode)


def saved() -> Iterator[tuple[str, bytes]]:
    """A picture of each format and mode that Pillow writes, one of them and three."""
    Image.init()
    for kind in sorted(Image.SAVE):
        for mode in MODES:
            for frames in (1, 3):
                image, out = in_mode(mode), io.BytesIO()
                more = [image] * (frames - 1)
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    try:
                        image.save(
                            out, kind, **({"save_all": True, "append_images": more} if more else {})
                        )
                    except Exception:  # no such thing is written
                        continue
                yield f"{kind} of {mode}, {frames}", out.getvalue()


def shown(picture: Picture) -> tuple[int, ...]:
    with Image.open(io.BytesIO(picture.content)) as image:
        return image.convert("RGBA").getpixel((image.width // 2, image.height // 2))  # type: ignore


def near(one: tuple[int, ...], other: tuple[int, ...], by: int = 12) -> bool:
    return all(abs(a - b) <= by for a, b in zip(one, other, strict=True))


def expected(body: bytes) -> tuple[int, ...]:
    """What Pillow itself shows of it, 16 bits brought down to eight."""
    with Image.open(io.BytesIO(body)) as image:
        if image.mode.startswith("I;16"):
            return (125, 125, 125, 255)
        return image.convert("RGBA").getpixel((image.width // 2, image.height // 2))  # type: ignore


@pytest.fixture(scope="module")
def pictures() -> dict[str, bytes]:
    return dict(saved())


@pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)
def test_every_mode_of_every_format_is_shown_or_refused(
    pictures: dict[str, bytes], task: Task
) -> None:
    wrong, taken = [], set()
    for name, body in pictures.items():
        kind = name.split()[0]
        try:
            made = decoding.develop(body, task)
        except WrongKindError:
            continue
        except Exception as error:
            wrong.append(f"{name}: {error!r}")
            continue
        taken.add(kind)
        if task is UPLOAD and made.media_type != UPLOADED[kind]:
            wrong.append(f"{name}: became {made.media_type}")
        black_or_white = " of 1," in name and task is not UPLOAD  # dithered, and made smaller
        if not black_or_white and not near(shown(made), expected(body)):
            wrong.append(f"{name}: {shown(made)}, not {expected(body)}")
    assert wrong == []
    assert taken == set(UPLOADED) | (set() if task is UPLOAD else {"AVIF"})


@pytest.mark.parametrize(
    ("orientation", "red"), [(1, (40, 240)), (3, (600, 240)), (6, (240, 40)), (8, (240, 600))]
)
def test_camera_jpeg_with_a_second_picture_is_a_jpeg(
    orientation: int, red: tuple[int, int]
) -> None:
    first, out, exif = Image.effect_noise((640, 480), 60).convert("RGB"), io.BytesIO(), Image.Exif()
    first.paste("red", (0, 0, 320, 480))
    exif[0x0112] = orientation
    first.save(out, "MPO", save_all=True, append_images=[first.resize((64, 48))], exif=exif)
    with Image.open(io.BytesIO(out.getvalue())) as opened:
        assert opened.format == "MPO"
    made = decoding.develop(out.getvalue(), UPLOAD)
    assert (made.media_type, made.extension) == ("image/jpeg", "jpg")
    assert (made.width, made.height) == ((640, 480) if orientation in (1, 3) else (480, 640))
    with Image.open(io.BytesIO(made.content)) as upright:
        assert near(upright.getpixel(red), (255, 0, 0))  # type: ignore[arg-type]


def test_second_picture_does_not_lift_the_bound_on_scans() -> None:
    out = io.BytesIO()
    image = Image.new("RGB", (64, 64), "red")
    image.save(out, "MPO", save_all=True, append_images=[image])
    with pytest.raises(PictureError, match="scans"):
        decoding.develop(out.getvalue() + b"\xff\xda" * 100, UPLOAD)


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(width: int, height: int, depth: int, kind: int, row: bytes, *more: bytes) -> bytes:
    head = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)
    rows = zlib.compress((b"\0" + row) * height)
    parts = [chunk(b"IHDR", head), *more, chunk(b"IDAT", rows), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def transparent(*values: int) -> bytes:
    return chunk(b"tRNS", struct.pack(f">{len(values)}H", *values))


HALVES = {
    "grey of 1 bit": (png(8, 8, 1, 0, b"\xf0", transparent(1)), (0, 0, 0)),
    "grey of 2 bits": (png(8, 8, 2, 0, b"\xff\x00", transparent(3)), (0, 0, 0)),
    "grey of 4 bits": (png(8, 8, 4, 0, b"\xaa\xaa\x77\x77", transparent(10)), (119,) * 3),
    "grey of 8 bits": (png(8, 8, 8, 0, b"\5" * 4 + b"\xc8" * 4, transparent(5)), (200,) * 3),
    "grey of 16 bits": (
        png(8, 8, 16, 0, struct.pack(">8H", *[0x1234] * 4, *[51200] * 4), transparent(0x1234)),
        (200,) * 3,
    ),
    "colours of 8 bits": (
        png(8, 8, 8, 2, bytes([1, 2, 3] * 4 + [10, 200, 30] * 4), transparent(1, 2, 3)),
        COLOUR,
    ),
    "colours of 16 bits": (
        png(
            *(8, 8, 16, 2),
            struct.pack(">24H", *[65535, 2, 3] * 4, *[2560, 51200, 7680] * 4),
            transparent(65535, 2, 3),
        ),
        COLOUR,
    ),
    "a palette": (
        png(
            *(8, 8, 8, 3, bytes([1] * 4 + [0] * 4)),
            chunk(b"PLTE", bytes([10, 200, 30, 1, 2, 3])),
            chunk(b"tRNS", bytes([255, 0])),
        ),
        COLOUR,
    ),
}


@for_every(half=HALVES, task={"upload": UPLOAD, "within": WITHIN})
def test_what_is_transparent_stays_so_at_every_depth(
    half: tuple[bytes, tuple[int, ...]], task: Task
) -> None:
    body, colour = half
    with Image.open(io.BytesIO(decoding.develop(body, task).content)) as made:
        assert made.mode == "RGBA"
        assert made.getpixel((1, 4))[3] == 0  # type: ignore[index]
        seen: Any = made.getpixel((6, 4))
        assert near(seen, (*colour, 255)), seen


def grey_profile() -> bytes:
    """A colour profile of grey whose values are light itself, so that it makes things lighter."""
    white = struct.pack(">iii", 63190, 65536, 54061)
    tags = {
        b"desc": b"desc" + bytes(4) + struct.pack(">I", 5) + b"grey\0" + bytes(79),
        b"wtpt": b"XYZ " + bytes(4) + white,
        b"kTRC": b"curv" + bytes(4) + struct.pack(">IH", 1, 256) + bytes(2),
    }
    at = 128 + 4 + 12 * len(tags)
    table, data = struct.pack(">I", len(tags)), b""
    for name, value in tags.items():
        table += name + struct.pack(">II", at + len(data), len(value))
        data += value
    head = struct.pack(">I4sI", at + len(data), b"lcms", 0x02100000) + b"mntrGRAYXYZ "
    head += struct.pack(">6H", 2020, 1, 1, 0, 0, 0) + b"acsp" + bytes(28) + white
    return head.ljust(128, b"\0") + table + data


@for_every(mode={name: name for name in ("L", "LA", "I;16")}, task=TASKS)
def test_profile_of_grey_is_applied_with_transparency_and_without(mode: str, task: Task) -> None:
    image = Image.new("I;16", (64, 64), 100 * 257) if mode == "I;16" else None
    out = io.BytesIO()
    (image or Image.new("L", (64, 64), 100).convert(mode)).save(
        out, "PNG", icc_profile=grey_profile()
    )
    assert near(shown(decoding.develop(out.getvalue(), task)), (168, 168, 168, 255))


def test_profile_that_does_not_fit_is_left_out() -> None:
    for mode in ("L", "RGB", "CMYK"):
        for profile in (b"", b"x", b"x" * 300, grey_profile()[:140], grey_profile()):
            out = io.BytesIO()
            image = Image.new("RGB", (64, 64), COLOUR).convert(mode)
            image.save(out, "JPEG", icc_profile=profile, quality=95)
            assert decoding.develop(out.getvalue(), UPLOAD).media_type == "image/jpeg"


def test_what_ends_too_early_is_broken_at_whatever_byte() -> None:
    for kind in UPLOADED:
        out = io.BytesIO()
        image = Image.effect_noise((40, 30), 60).convert("RGB")
        more: dict[str, Any] = {"save_all": True, "append_images": [image]} if kind == "MPO" else {}
        image.save(out, kind, **more)
        whole = out.getvalue()
        for length in range(30, len(whole) // 2 - 200, max(1, len(whole) // 80)):
            with pytest.raises(BrokenError):
                decoding.develop(whole[:length], UPLOAD)


EMPTY = {
    "no width": png(0, 4, 8, 2, b""),
    "no height": png(4, 0, 8, 2, b""),
    "no pixels": b"\x89PNG\r\n\x1a\n"
    + chunk(b"IHDR", struct.pack(">IIBBBBB", 4, 4, 8, 2, 0, 0, 0))
    + chunk(b"IEND", b""),
    "no frame": b"GIF89a" + struct.pack("<HH", 4, 4) + b"\0\0\0;",
    "nothing but its name": b"GIF89a",
    "a JPEG of nothing": b"\xff\xd8\xff\xd9",
}


@for_every(body=EMPTY, task=TASKS)
def test_picture_without_a_pixel_is_broken(body: bytes, task: Task) -> None:
    with pytest.raises(BrokenError):
        decoding.develop(body, task)


@for_every(size={f"{w} by {h}": (w, h) for w, h in ((1, 1), (1, 16000), (16000, 1))}, task=TASKS)
def test_thinnest_pictures_keep_a_pixel(size: tuple[int, int], task: Task) -> None:
    for kind in ("PNG", "JPEG", "GIF", "WEBP"):
        out = io.BytesIO()
        Image.new("RGB", size, COLOUR).save(out, kind)
        made = decoding.develop(out.getvalue(), task)
        assert min(made.width, made.height) == 1
        assert near(shown(made), (*COLOUR, 255))
