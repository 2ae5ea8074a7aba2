"""Where pictures are developed: one at a time, in a process that ends when it is idle.

What decoding takes (see `Task.most_bytes`) is never in this process and never taken twice at once.
Who waits is served in turn by name, a few of each.
"""

import asyncio
import json
import logging
import subprocess
import sys
import threading
from contextlib import suppress
from dataclasses import asdict
from typing import IO, Any

from fedblog.domain.lane import Lane, LaneFullError
from fedblog.publishing.pictures.errors import BY_NAME, BrokenError, BusyError
from fedblog.publishing.pictures.tasks import Picture, Task
from fedblog.settings import Settings

log = logging.getLogger(__name__)

_IDLE_SECONDS = 5.0
_GROWN = 64 << 20
"""Bytes that a worker has taken after which it is not used again."""
_CHUNK = 256 << 10


class Darkroom:
    """The one place where pictures are decoded; of a server one."""

    def __init__(self, settings: Settings) -> None:
        self._lane = Lane(
            "pictures", waiting=settings.pictures_waiting, waiting_each=settings.pictures_waiting
        )
        self._worker = _Worker(settings.picture_timeout)
        self._under_way = 0
        self._idle: asyncio.TimerHandle | None = None
        self._resting: asyncio.Task[None] | None = None

    async def develop(self, task: Task, source: bytes | IO[bytes], *, whose: str) -> Picture:
        """The picture in *source* as *task* says, once it is the turn of *whose*.

        Raises PictureError, and BusyError where too many wait.
        """
        self._under_way += 1
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None
        try:
            return await self._lane.run(whose, self._worker.develop, task, source)
        except LaneFullError:
            raise BusyError("too many pictures wait") from None
        finally:
            self._under_way -= 1
            if not self._under_way:
                loop = asyncio.get_running_loop()
                self._idle = loop.call_later(_IDLE_SECONDS, self._rest, loop)

    async def close(self) -> None:
        """End the worker; what waits is dropped."""
        if self._idle is not None:
            self._idle.cancel()
        self._lane.close()
        await asyncio.to_thread(self._worker.kill)

    @property
    def pid(self) -> int | None:
        """The id of the worker's process, or None while there is none."""
        return self._worker.pid

    def _rest(self, loop: asyncio.AbstractEventLoop) -> None:
        self._idle = None
        self._resting = loop.create_task(self._lane.run("", self._worker.kill))


class _Worker:
    """A process that is started when it is needed. `develop` runs on the lane's thread."""

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        process = self._process
        return None if process is None or process.poll() is not None else process.pid

    def develop(self, task: Task, source: bytes | IO[bytes]) -> Picture:
        """Have *source* developed. Raises PictureError."""
        process = self._process
        if process is None or process.poll() is not None:
            process = self._process = self._start()
        overdue = threading.Timer(self._timeout, process.kill)
        overdue.start()
        try:
            told, content = _ask(process, task, source)
        except (OSError, ValueError) as error:
            self.kill()
            log.warning("a picture ended the process that decodes: %s", error)
            raise BrokenError("it cannot be decoded") from None
        finally:
            overdue.cancel()
        if told.pop("peak") > _GROWN:
            self.kill()
        if "error" in told:
            raise BY_NAME.get(told["error"], BrokenError)(told["detail"])
        return Picture(content=content, **told)

    def kill(self) -> None:
        """End the process, if there is one."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        for pipe in (process.stdin, process.stdout):
            with suppress(OSError):
                assert pipe is not None
                pipe.close()
        with suppress(subprocess.TimeoutExpired):
            process.wait(5)

    @staticmethod
    def _start() -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "fedblog.publishing.pictures.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,  # an interrupt from the keyboard is for the server
        )


def _ask(
    process: "subprocess.Popen[bytes]", task: Task, source: bytes | IO[bytes]
) -> tuple[dict[str, Any], bytes]:
    """Hand *source* over; gives what was told and the picture. Raises OSError and ValueError."""
    assert process.stdin is not None
    assert process.stdout is not None
    if isinstance(source, bytes):
        size = len(source)
    else:
        size = source.seek(0, 2)
        source.seek(0)
    process.stdin.write(json.dumps(asdict(task) | {"size": size}).encode() + b"\n")
    if isinstance(source, bytes):
        process.stdin.write(source)
    else:
        while chunk := source.read(_CHUNK):
            process.stdin.write(chunk)
    process.stdin.flush()
    told = json.loads(process.stdout.readline())
    content = process.stdout.read(told.pop("size"))
    return told, content
