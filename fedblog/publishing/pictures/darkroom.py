"""Where pictures are developed: one at a time, in a process that ends when it is idle.

What decoding takes (see `Task.most_bytes`) is never in this process and never taken twice at once.
Who waits is served in turn by name, a few of each.
"""

import logging
from dataclasses import asdict
from typing import IO, Any

from fedblog.aside import errors
from fedblog.aside.process import Process
from fedblog.aside.room import Room
from fedblog.publishing.pictures.errors import BY_NAME, BrokenError, BusyError
from fedblog.publishing.pictures.tasks import Picture, Task
from fedblog.settings import Settings

log = logging.getLogger(__name__)

_MODULE = "fedblog.publishing.pictures.worker"
_MOST_BYTES = 256 << 20
"""Of a picture that comes back: more than any that is kept."""


class Darkroom:
    """The one place where pictures are decoded; of a server one."""

    def __init__(self, settings: Settings) -> None:
        self._room = Room(
            "pictures",
            Process(_MODULE, seconds=settings.picture_timeout, most_bytes=_MOST_BYTES),
            waiting=settings.pictures_waiting,
            waiting_each=settings.pictures_waiting,
        )

    async def develop(self, task: Task, source: bytes | IO[bytes], *, whose: str) -> Picture:
        """The picture in *source* as *task* says, once it is the turn of *whose*.

        Raises PictureError, and BusyError where too many wait.
        """
        try:
            return await self._room.ask(whose, asdict(task), source, read=_picture)
        except errors.BusyError as error:
            log.warning("a picture cannot be decoded now: %s", error)
            raise BusyError("too many pictures wait") from None
        except errors.EndedError as error:
            log.warning("a picture ended the process that decodes: %s", error)
            raise BrokenError("it cannot be decoded") from None

    async def close(self) -> None:
        """End the process; what waits is dropped."""
        await self._room.close()

    @property
    def pid(self) -> int | None:
        """The id of the process, or None while there is none."""
        return self._room.pid


def _picture(told: dict[str, Any], content: bytes) -> Picture:
    if "error" in told:
        raise BY_NAME.get(told["error"], BrokenError)(told["detail"])
    return Picture(content=content, **told)
