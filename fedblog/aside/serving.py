"""A process that works for another, seen from within; nothing but the standard library.

It reads what it is asked from its standard input, writes its answers to its standard output, and so
on until its input ends. The system holds it to its bounds.
"""

import math
import os
import resource
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from json import loads
from typing import IO, Any

from fedblog.aside.frames import LENGTHS, begin

_ROOM = 64 << 20
"""Address space beside what work may take: what came, what is written, libraries."""

Work = Callable[[dict[str, Any], bytes], tuple[dict[str, Any], bytes]]


def serve(work: Work, *, niceness: int = 0) -> None:
    """Answer with what *work* makes of each head and content, until the input ends."""
    with suppress(OSError):
        os.nice(niceness)
    with suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
        file.write("1000")  # where the machine is short of memory, this goes and not the server
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    while len(lengths := source.read(LENGTHS.size)) == LENGTHS.size:
        length, size = LENGTHS.unpack(lengths)
        head = loads(_exactly(source, length))
        content = _exactly(source, size)
        begun = time.process_time()
        _bound_time(begun + head.pop("seconds"))
        told, answer = work(head, content)
        told["cpu"] = time.process_time() - begun
        told["peak"] = _peak()
        try:
            sink.write(begin(told, len(answer)))
            sink.write(answer)
            sink.flush()
        except BrokenPipeError:
            os._exit(0)  # nobody is there any more


def bound_memory(most: int) -> None:
    """Let this process take *most* bytes more than it has now (where the system tells)."""
    try:
        with open("/proc/self/statm") as file:
            now = int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (now + most + _ROOM, hard))
    except (OSError, ValueError):
        return


def _exactly(source: IO[bytes], size: int) -> bytes:
    found = source.read(size)
    if len(found) < size:
        sys.exit(0)
    return found


def _bound_time(seconds: float) -> None:
    """Have the system end this process at *seconds* of processor time, also where who asked is
    gone. It counts whole seconds."""
    with suppress(OSError, ValueError):
        _, hard = resource.getrlimit(resource.RLIMIT_CPU)
        resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(seconds), hard))


def _peak() -> int:
    """The most bytes of memory that this process has had, 0 where the system does not tell.
    (ru_maxrss would count the process that started it.)"""
    with suppress(OSError), open("/proc/self/status") as file:
        for line in file:
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return 0
