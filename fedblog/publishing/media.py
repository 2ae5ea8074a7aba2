"""Pictures that authors upload: developed anew and kept under a name of our own.

What a browser gets later is never the uploaded file.
"""

import logging
import os
import tempfile
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from anyio import to_thread
from sqlalchemy import Connection

from fedblog.domain.errors import InvalidFieldError
from fedblog.domain.ids import new_id
from fedblog.domain.media import Media
from fedblog.publishing import fields as post_fields
from fedblog.publishing.once import Once, Replay
from fedblog.publishing.pictures.errors import BrokenError, TooLargeError, WrongKindError
from fedblog.publishing.pictures.tasks import Picture, Task
from fedblog.publishing.site import Site
from fedblog.settings import Settings
from fedblog.storage import media as media_rows
from fedblog.storage.failures import disk

logger = logging.getLogger(__name__)

ALT_LENGTH = 1500
CAPTION_LENGTH = 1000
CREDIT_LENGTH = 300
_KINDS = "takes a JPEG, PNG, WebP or GIF picture"


class NotAPictureError(Exception):
    """The file is no JPEG, PNG, WebP or GIF."""


async def add(
    site: Site,
    file: IO[bytes],
    *,
    author_id: str,
    alt: str = "",
    caption: str = "",
    credit: str = "",
    once: Once[Media] | None = None,
) -> Media | Replay:
    """Keep the picture in *file* with its texts (plain).

    Raises NotAPictureError for a file of another kind, InvalidFieldError naming ``file`` for
    one that is broken or too large in pixels, or naming a text that is too long; BusyError
    where too many pictures wait.
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
    picture = await _developed(site, file, author_id)
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
            await to_thread.run_sync(remove_files, folder, [item.file_name])
    return kept


async def _developed(site: Site, file: IO[bytes], author_id: str) -> Picture:
    settings = site.settings
    task = Task(
        "upload",
        settings.media_max_side,
        settings.media_max_side,
        settings.media_max_pixels,
        settings.media_max_decoded,
    )
    try:
        return await site.darkroom.develop(task, file, whose=author_id)
    except WrongKindError:
        raise NotAPictureError(_KINDS) from None
    except TooLargeError as error:
        raise InvalidFieldError("file", f"is too large: {error}") from None
    except BrokenError as error:
        logger.info("an uploaded picture could not be decoded: %s", error)
        raise InvalidFieldError("file", "is broken: it cannot be decoded") from None


def media_folder(settings: Settings) -> Path:
    """Where the files of pictures lie."""
    return settings.data_dir / "media"


def _write(folder: Path, name: str, content: bytes) -> None:
    """Raises StorageError, StorageFullError where there is no room."""
    with disk():
        _write_whole(folder, name, content)


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


def old_files(folder: Path, before: float) -> list[str]:
    """The names of the files in *folder* that were written before *before* (seconds since 1970),
    also of what an upload that was cut short left. Blocks. Raises OSError."""
    try:
        with os.scandir(folder) as entries:
            return [
                entry.name
                for entry in entries
                if entry.is_file(follow_symlinks=False) and entry.stat().st_mtime < before
            ]
    except FileNotFoundError:
        return []


def remove_files(folder: Path, names: Iterable[str]) -> None:
    """Delete the files *names* of pictures; those that are gone already are no fault, and one that
    cannot be deleted is logged and does not keep the others. Blocks."""
    for name in names:
        try:
            _remove(folder, name)
        except OSError:
            logger.exception("the file of the picture %s cannot be deleted", name)


def _remove(folder: Path, name: str) -> None:
    (folder / name).unlink(missing_ok=True)
