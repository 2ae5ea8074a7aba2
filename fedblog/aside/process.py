"""A process that works for this one, seen from here: started, asked, ended.

It is started when it is needed, works on one thing at a time, and its memory goes back with its
end. It ends by itself where this process does (its input ends).
"""

import itertools
import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from typing import IO, Any

from fedblog.aside.errors import BusyError, EndedError
from fedblog.aside.frames import LENGTHS, LONGEST_HEAD, begin

_CHUNK = 256 << 10
_ON_THE_CLOCK = 10
"""How much longer work may take than processor time is allowed for it: it runs at a low priority,
and a machine that is busy, or a start of the process, must not have it given up again and again."""
_AGAIN = 30.0
"""Seconds to wait where the system gives no process: it is short of memory, or of places."""
_GROWN = 64 << 20
"""Bytes that it has taken after which it is not used again."""


class Process:
    """Runs ``python -m module``, a module that calls `serving.serve`. What it is asked takes at
    most *seconds* of processor time (the system ends it after that), what it answers has at most
    *most_bytes*. Its methods are for one thread at a time."""

    def __init__(self, module: str, *, seconds: float, most_bytes: int) -> None:
        self._module = module
        self._seconds = seconds
        self._most_bytes = most_bytes
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """Its id, or None while there is none."""
        process = self._process
        return None if process is None or process.poll() is not None else process.pid

    def ask(self, head: dict[str, Any], content: bytes | IO[bytes]) -> tuple[dict[str, Any], bytes]:
        """What it answers to *head* and *content*, a head and content as well; in the head, "cpu"
        are the seconds of processor time that it took. Raises EndedError, and BusyError where the
        system gives no process."""
        process = self._process
        if process is None or process.poll() is not None:
            self.kill()
            try:
                process = self._process = self._start()
            except OSError as error:
                raise BusyError(f"no process: {error.strerror or error}", _AGAIN) from None
        deadline = time.monotonic() + _ON_THE_CLOCK * self._seconds
        try:
            told, answer = self._ask(process, head, content, deadline)
            peak = told.pop("peak")
        except (OSError, ValueError, KeyError) as error:
            self.kill()
            raise EndedError(str(error)) from None
        if peak > _GROWN:
            self.kill()
        return told, answer

    def kill(self) -> None:
        """End it, if it is there."""
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

    def _start(self) -> "subprocess.Popen[bytes]":
        process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-P", "-m", self._module],
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,  # an interrupt from the keyboard is for the server
        )
        assert process.stdin is not None
        os.set_blocking(process.stdin.fileno(), False)
        return process

    def _ask(
        self,
        process: "subprocess.Popen[bytes]",
        head: dict[str, Any],
        content: bytes | IO[bytes],
        deadline: float,
    ) -> tuple[dict[str, Any], bytes]:
        assert process.stdin is not None
        assert process.stdout is not None
        size = len(content) if isinstance(content, bytes) else content.seek(0, 2)
        head = head | {"seconds": self._seconds}
        _send(
            process.stdin.fileno(), itertools.chain([begin(head, size)], _chunks(content)), deadline
        )
        source = process.stdout.fileno()
        length, size = LENGTHS.unpack(_receive(source, LENGTHS.size, deadline))
        if length > LONGEST_HEAD or size > self._most_bytes:
            raise ValueError("the answer is too large")
        told = json.loads(_receive(source, length, deadline))
        return told, _receive(source, size, deadline)


def _chunks(content: bytes | IO[bytes]) -> Iterable[bytes]:
    if isinstance(content, bytes):
        yield content
        return
    content.seek(0)
    while chunk := content.read(_CHUNK):
        yield chunk


def _send(sink: int, parts: Iterable[bytes], deadline: float) -> None:
    for part in parts:
        rest = memoryview(part)
        while rest:
            try:
                rest = rest[os.write(sink, rest) :]
            except BlockingIOError:
                _wait(sink, select.POLLOUT, deadline)


def _receive(source: int, size: int, deadline: float) -> bytes:
    found: list[bytes] = []
    while size:
        _wait(source, select.POLLIN, deadline)
        part = os.read(source, min(size, _CHUNK))
        if not part:
            raise OSError("it ended")
        found.append(part)
        size -= len(part)
    return b"".join(found)


def _wait(file: int, event: int, deadline: float) -> None:
    """Until *file* can be read or written, or its other end is closed."""
    ready = select.poll()
    ready.register(file, event)
    left = deadline - time.monotonic()
    if left <= 0 or not ready.poll(left * 1000):
        raise OSError("it took too long")
