"""Decoding and writing anew: bounded before it begins, and made small strip by strip.

What leaves here is never what came: a polyglot, EXIF data (where it was taken) and colour profiles
end here. Of an animation the first frame is looked at and kept.
"""

import io
import warnings
from contextlib import suppress
from typing import Any

from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from fedblog.publishing.pictures.errors import (
    BrokenError,
    PictureError,
    TooLargeError,
    WrongKindError,
)
from fedblog.publishing.pictures.tasks import Picture, Task

_READ = {
    "upload": ("JPEG", "PNG", "WEBP", "GIF"),
    "square": ("PNG", "JPEG", "WEBP", "GIF", "AVIF"),
    "within": ("PNG", "JPEG", "WEBP", "GIF", "AVIF"),
}
_BEGINNINGS = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a")
"""How the kinds that are taken begin; of these Pillow knows some only by more of the file."""
_GREY = ("1", "L", "LA", "La", "I", "F")
_BYTES_BY_MODE = {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16L": 2, "I;16B": 2, "I;16N": 2}
"""Bytes that Pillow holds a pixel in; 4 in every other mode."""
_BYTES_BY_FORMAT = {"WEBP": 16, "AVIF": 16, "GIF": 5}
"""Bytes for each pixel where the decoder keeps copies of its own (measured; an animation's canvas
among them)."""
_STRIP = 1 << 20
"""Pixels that are brought into another mode at once."""
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_ORIENTATION = 0x0112
_SCAN = b"\xff\xda"
_MOST_SCANS = 100
"""Of a JPEG: each goes over all of its blocks, with 18 bytes for 7 megapixels; encoders write ten.
Within a scan the two bytes of its mark never stand beside each other."""


def develop(body: bytes, task: Task) -> Picture:
    """The picture in *body* as *task* says. Raises PictureError and MemoryError."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(body), formats=_READ[task.shape]) as opened:
                # A camera's JPEG with a second picture behind the first is an "MPO" to Pillow.
                kind = "JPEG" if opened.format == "MPO" else opened.format or ""
                if kind == "JPEG" and body.count(_SCAN) > _MOST_SCANS:
                    raise TooLargeError(f"it has more than {_MOST_SCANS} scans")
                if kind == "PNG":
                    _scale_transparent(opened, body)
                return _developed(opened, kind, task)
    except (PictureError, MemoryError):
        raise
    except UnidentifiedImageError:
        if body.startswith(_BEGINNINGS) or (body[:4], body[8:12]) == (b"RIFF", b"WEBP"):
            raise BrokenError("it cannot be decoded: it has no picture") from None
        raise WrongKindError("it is none of the kinds of pictures that are taken") from None
    except Image.DecompressionBombError:
        raise TooLargeError("it has too many pixels") from None
    except Exception as error:  # Pillow's readers raise nearly every kind
        raise BrokenError(f"it cannot be decoded: {str(error)[:200]}") from None


def cost(image: Image.Image, original_pixels: int) -> int:
    """Bytes of memory that decoding *image* takes at most: its head was read, and where it is a
    JPEG it was told to decode smaller than the *original_pixels* that it has."""
    each = _BYTES_BY_FORMAT.get(image.format or "", _BYTES_BY_MODE.get(image.mode, 4))
    held = image.width * image.height * each
    if image.info.get("progressive"):
        held += original_pixels * _coefficients(image)
    return held


def _coefficients(image: Image.Image) -> int:
    """Bytes a pixel of the coefficients of a progressive JPEG, which are held all at once."""
    layers = getattr(image, "layer", None) or []
    try:
        across = max(layer[1] for layer in layers)
        down = max(layer[2] for layer in layers)
        shares = sum(layer[1] * layer[2] for layer in layers) / (across * down)
    except (ValueError, IndexError, TypeError, ZeroDivisionError):
        return 8
    return int(2 * shares) + 1


def _scale_transparent(opened: Any, body: bytes) -> None:
    """Bring the colour that a PNG says is transparent from its own depth to the eight bits that
    its pixels are read with; Pillow leaves it."""
    colour, depth = opened.info.get("transparency"), body[24]
    if colour is None or isinstance(colour, bytes) or depth not in (2, 4, 16):
        return
    if isinstance(colour, tuple):
        opened.info["transparency"] = tuple(part >> 8 for part in colour)
    else:
        most = (1 << depth) - 1
        opened.info["transparency"] = colour >> 8 if depth == 16 else (colour & most) * 255 // most


def _developed(opened: Any, kind: str, task: Task) -> Picture:
    if opened.width * opened.height > task.most_pixels:
        raise TooLargeError(f"it has more than {task.most_pixels} pixels")
    pixels = opened.width * opened.height
    opened.draft("RGB", (task.width, task.height))  # lets JPEG decode at a fraction of its size
    factor = _factor(opened.width, opened.height, task)
    # What is made smaller is copied once more while it is made to fit, with transparency twice.
    copies = 8 if _plain_mode(opened) == "RGBA" else 4
    held = cost(opened, pixels) + opened.width * opened.height * copies // (factor * factor)
    if held > task.most_bytes:
        raise TooLargeError(f"decoding it takes more than {task.most_bytes} bytes of memory")
    profile, is_grey = opened.info.get("icc_profile"), _is_grey(opened)
    opened.load()
    turn = _turn(opened)  # of a PNG it may stand behind the pixels
    image = _shrunk(opened, factor)
    if image is not opened:
        opened.close()  # gives its pixels back
    if turn is not None:
        image = image.transpose(turn)
    image = _in_srgb(image, profile, is_grey=is_grey)
    if task.shape == "square":
        least = max(1, min(task.width, image.width, image.height))
        image = ImageOps.fit(image, (least, least), Image.Resampling.LANCZOS)
    else:
        image.thumbnail((task.width, task.height), Image.Resampling.LANCZOS)
    return _written(image, kind if task.shape == "upload" else "")


def _turn(image: Any) -> Image.Transpose | None:
    """How the picture has to be turned to stand upright (EXIF)."""
    try:
        return _TURNS.get(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # what it says cannot be read: it stays as it is
        return None


def _factor(width: int, height: int, task: Task) -> int:
    """By how much it can be made smaller at once, whichever way it is turned."""
    if task.shape == "square":
        return max(1, min(width, height) // task.width)
    upright = max(width / task.width, height / task.height)
    turned = max(width / task.height, height / task.width)
    return max(1, int(min(upright, turned)))


def _shrunk(image: Any, factor: int) -> Image.Image:
    """*image* by *factor* smaller and in a mode that can be reckoned with: strip by strip, so that
    it never stands in memory twice at its full size."""
    mode = _plain_mode(image)
    if factor == 1 and image.mode == mode:
        made: Image.Image = image
        return made
    small = Image.new(mode, (-(-image.width // factor), -(-image.height // factor)))
    rows = max(factor, _STRIP // image.width // factor * factor)
    for top in range(0, image.height, rows):
        strip = image.crop((0, top, image.width, min(top + rows, image.height)))
        if strip.mode != mode:
            strip = _as_mode(strip, mode)
        small.paste(strip.reduce(factor) if factor > 1 else strip, (0, top // factor))
    return small


def _plain_mode(image: Any) -> str:
    """The mode that stands for that of *image*: grey, RGB, RGBA, or CMYK until its profile is
    applied."""
    mode: str = image.mode
    if mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        return "RGBA"
    if _is_grey(image):
        return "L"
    return "CMYK" if mode == "CMYK" else "RGB"


def _is_grey(image: Any) -> bool:
    return image.mode in _GREY or image.mode.startswith("I;16")


def _as_mode(strip: Image.Image, mode: str) -> Image.Image:
    if strip.mode in ("I", "F") or strip.mode.startswith("I;16"):
        transparent = strip.info.pop("transparency", None)
        strip = strip.convert("I").point(lambda value: value * (1 / 256)).convert("L")
        if transparent is not None:
            strip.info["transparency"] = transparent
    return strip.convert(mode)


def _in_srgb(image: Image.Image, profile: bytes | None, *, is_grey: bool) -> Image.Image:
    """*image* as RGB, RGBA, or grey, its colour profile applied."""
    if profile:
        with suppress(Exception):  # what does not fit: shown as it would be without one
            # Profiles of grey know nothing of transparency, and none of colours fits it.
            alpha = image.getchannel("A") if is_grey and image.mode == "RGBA" else None
            plain = image if alpha is None else image.convert("L")
            made = ImageCms.profileToProfile(
                plain,
                ImageCms.ImageCmsProfile(io.BytesIO(profile)),
                ImageCms.createProfile("sRGB"),
                outputMode="RGBA" if plain.mode == "RGBA" else "RGB",
            )
            if made is not None and alpha is not None:
                made.putalpha(alpha)
            image = made or image
    return image.convert("RGB") if image.mode == "CMYK" else image


def _written(image: Image.Image, kind: str) -> Picture:
    """The bytes of *image* in the kind of an upload, else as a small WebP; nothing else in them."""
    if kind == "JPEG":
        image = image.convert("RGB")
    bare = Image.new(image.mode, image.size)
    bare.paste(image)
    out = io.BytesIO()
    if kind == "JPEG":
        bare.save(out, "JPEG", quality=86, optimize=True, progressive=True)
        made = ("image/jpeg", "jpg")
    elif kind == "WEBP":
        bare.save(out, "WEBP", quality=86, method=4)
        made = ("image/webp", "webp")
    elif kind:
        bare.save(out, "PNG", optimize=True)
        made = ("image/png", "png")
    else:
        bare.save(out, "WEBP", quality=82, method=4)
        made = ("image/webp", "webp")
    return Picture(out.getvalue(), *made, bare.width, bare.height)
