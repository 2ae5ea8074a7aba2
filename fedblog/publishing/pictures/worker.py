"""The process that decodes: ``python -m fedblog.publishing.pictures.worker``.

It reads a line of JSON (a Task and the picture's size) and the picture from its standard input,
writes a line and a picture to its standard output, and so on until its input ends. Its memory is
bounded by the system while it decodes, and goes back to it with its end.
"""

import json
import os
import resource
import sys
from contextlib import suppress
from dataclasses import asdict
from typing import IO

_ROOM = 64 << 20
"""Address space beside what a task may take: the picture as it came, what is written, libraries."""


def main() -> None:
    """Work until the input ends."""
    from fedblog.publishing.pictures import decoding  # loads Pillow before the bound is set
    from fedblog.publishing.pictures.errors import PictureError, TooLargeError
    from fedblog.publishing.pictures.tasks import Task

    with suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
        file.write("1000")  # where the machine is short of memory, this goes and not the server
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    while line := source.readline():
        asked = json.loads(line)
        size = asked.pop("size")
        task = Task(**asked)
        _bound_memory(task.most_bytes + 2 * size)
        error: PictureError
        try:
            picture = decoding.develop(_read(source, size), task)
        except PictureError as refused:
            error = refused
        except MemoryError:
            error = TooLargeError(f"decoding it takes more than {task.most_bytes} bytes of memory")
        else:
            told = asdict(picture)
            content = told.pop("content")
            _answer(sink, told, content)
            continue
        _answer(sink, {"error": type(error).__name__, "detail": str(error)}, b"")


def _read(source: IO[bytes], size: int) -> bytes:
    body = source.read(size)
    if len(body) < size:
        sys.exit(0)
    return body


def _answer(sink: IO[bytes], told: dict[str, object], content: bytes) -> None:
    line = json.dumps(told | {"size": len(content), "peak": _peak()})
    sink.write(line.encode() + b"\n")
    sink.write(content)
    sink.flush()


def _peak() -> int:
    """The most bytes of memory that this process has had, 0 where the system does not tell.
    (ru_maxrss would count the process that started it.)"""
    with suppress(OSError), open("/proc/self/status") as file:
        for line in file:
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return 0


def _bound_memory(most: int) -> None:
    """Let this process take *most* bytes more than it has now (where the system tells)."""
    try:
        with open("/proc/self/statm") as file:
            now = int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (now + most + _ROOM, hard))
    except (OSError, ValueError):
        return


if __name__ == "__main__":
    main()
