"""Pictures that authors upload: decoded within bounds, cleaned of all that is not the picture, and
written again under a name of our own.

What a browser gets later is never the uploaded file: a polyglot, EXIF data (where it was taken) and
colour profiles end here. Only the first frame of an animation is kept.
"""

import io
import logging
import os
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from anyio import CapacityLimiter, to_thread
from sqlalchemy import Connection

from fedblog.domain.errors import InvalidFieldError
from fedblog.domain.ids import new_id
from fedblog.domain.media import Media
from fedblog.publishing import fields as post_fields
from fedblog.publishing.once import Once, Replay
from fedblog.publishing.site import Site
from fedblog.settings import Settings
from fedblog.storage import media as media_rows
from fedblog.storage.failures import of_disk

if TYPE_CHECKING:
    from PIL.Image import Image

logger = logging.getLogger(__name__)

ALT_LENGTH = 1500
CAPTION_LENGTH = 1000
CREDIT_LENGTH = 300
AT_ONCE = 2
_READ = ("JPEG", "PNG", "WEBP", "GIF")
_WRITTEN = {
    "JPEG": ("JPEG", "image/jpeg", "jpg"),
    "PNG": ("PNG", "image/png", "png"),
    "WEBP": ("WEBP", "image/webp", "webp"),
    "GIF": ("PNG", "image/png", "png"),
}
_SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a", b"RIFF")


class NotAPictureError(Exception):
    """The file is no JPEG, PNG, WebP or GIF."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture written again: *extension* of its file, without a dot."""

    content: bytes
    media_type: str
    extension: str
    width: int
    height: int


class PictureShop:
    """Does the work on pictures, a few at a time, on threads of its own bound."""

    def __init__(self) -> None:
        self._limiter = CapacityLimiter(AT_ONCE)

    async def add(
        self,
        site: Site,
        content: bytes,
        *,
        alt: str = "",
        caption: str = "",
        credit: str = "",
        once: Once[Media] | None = None,
    ) -> Media | Replay:
        """Keep a picture with its texts (plain).

        Raises NotAPictureError for a file of another kind, InvalidFieldError naming ``file`` for
        one that is broken or too large in pixels, or naming a text that is too long.
        """
        now = datetime.now(UTC)
        item = Media(
            id=new_id(),
            blog_id=site.blog_id,
            file_name="",
            media_type="",
            width=0,
            height=0,
            size=0,
            alt=post_fields.plain("alt", alt, ALT_LENGTH),
            caption=post_fields.plain("caption", caption, CAPTION_LENGTH),
            credit=post_fields.plain("credit", credit, CREDIT_LENGTH),
            created_at=now,
        )
        picture = await to_thread.run_sync(rewrite, content, site.settings, limiter=self._limiter)
        item = replace(
            item,
            file_name=f"{item.id}.{picture.extension}",
            media_type=picture.media_type,
            width=picture.width,
            height=picture.height,
            size=len(picture.content),
        )
        folder = media_folder(site.settings)
        await to_thread.run_sync(_write, folder, item.file_name, picture.content)

        def unit(connection: Connection) -> Media | Replay:
            if once is not None and (replay := once.replay(connection)) is not None:
                return replay
            media_rows.insert_media(connection, item)
            if once is not None:
                once.keep(connection, item, now)
            return item

        kept: Media | Replay | None = None
        try:
            kept = await site.store.write(unit)
        finally:
            if kept is not item:
                await to_thread.run_sync(_remove, folder, item.file_name)
        return kept


def media_folder(settings: Settings) -> Path:
    """Where the files of pictures lie."""
    return settings.data_dir / "media"


def rewrite(content: bytes, settings: Settings) -> Picture:
    """The picture in *content*, upright, in sRGB, no larger than the settings say, and bare.

    Takes its time: call it on a thread. Raises NotAPictureError and InvalidFieldError.
    """
    if not content.startswith(_SIGNATURES):
        raise NotAPictureError("takes a JPEG, PNG, WebP or GIF picture")
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(content), formats=_READ) as opened:
            if opened.width * opened.height > settings.media_max_pixels:
                raise InvalidFieldError("file", f"has more than {settings.media_max_pixels} pixels")
            kind = opened.format or ""
            side = settings.media_max_side
            opened.draft("RGB", (side, side))  # lets JPEG decode at a fraction of its size
            image = ImageOps.exif_transpose(opened)
            image = _in_srgb(image)
    except UnidentifiedImageError:
        raise NotAPictureError("takes a JPEG, PNG, WebP or GIF picture") from None
    except Image.DecompressionBombError:
        raise InvalidFieldError("file", "has too many pixels") from None
    except (OSError, ValueError, SyntaxError, EOFError, IndexError, TypeError) as error:
        logger.info("an uploaded picture could not be decoded: %s", error)
        raise InvalidFieldError("file", "is broken: it cannot be decoded") from None
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    written, media_type, extension = _WRITTEN[kind]
    if written == "JPEG":
        image = image.convert("RGB")
    bare = Image.new(image.mode, image.size)
    bare.paste(image)
    out = io.BytesIO()
    if written == "JPEG":
        bare.save(out, "JPEG", quality=86, optimize=True, progressive=True)
    elif written == "WEBP":
        bare.save(out, "WEBP", quality=86, method=4)
    else:
        bare.save(out, "PNG", optimize=True)
    return Picture(out.getvalue(), media_type, extension, bare.width, bare.height)


def _in_srgb(image: "Image") -> "Image":
    """*image* as RGB, RGBA, or grey, its colour profile applied."""
    from PIL import Image, ImageCms

    profile = image.info.get("icc_profile")
    has_alpha = image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info
    if image.mode.startswith("I;16") or image.mode in ("I", "F"):
        image = image.point(lambda value: value * (1 / 256)).convert("L")
    if profile and image.mode in ("RGB", "RGBA", "CMYK", "L"):
        wanted = "RGBA" if image.mode == "RGBA" else "RGB"
        try:
            converted = ImageCms.profileToProfile(
                image,
                ImageCms.ImageCmsProfile(io.BytesIO(profile)),
                ImageCms.createProfile("sRGB"),
                outputMode=wanted,
            )
            image = converted or image
        except (ImageCms.PyCMSError, OSError, ValueError):
            logger.info("the colour profile of an uploaded picture was dropped")
    if has_alpha:
        return image.convert("RGBA")
    if image.mode in ("L", "1"):
        return image.convert("L")
    plain: Image.Image = image.convert("RGB")
    return plain


def _write(folder: Path, name: str, content: bytes) -> None:
    """Raises StorageError, StorageFullError where there is no room."""
    try:
        _write_whole(folder, name, content)
    except OSError as error:
        raise of_disk(error) from error


def _write_whole(folder: Path, name: str, content: bytes) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=folder, prefix=".upload-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, folder / name)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def remove_files(folder: Path, names: Iterable[str]) -> None:
    """Delete the files *names* of pictures; those that are gone already are no fault. Blocks."""
    for name in names:
        _remove(folder, name)


def _remove(folder: Path, name: str) -> None:
    (folder / name).unlink(missing_ok=True)
