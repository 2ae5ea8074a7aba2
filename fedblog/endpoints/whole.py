"""An answer in one piece: its head as ready bytes, handed to the connection with its body.

An ASGI server looks at every header of every answer, and writes head and body one by one: for a
page from memory most of the work. Ours (front/protocol.py) offers this short way as an extension of
ASGI; where it is not there, or cannot be gone just now, the answer is sent in the ordinary way.
"""

import re
from collections.abc import Callable, Iterable
from http import HTTPStatus

from starlette.types import Message, Scope, Send

EXTENSION = "fedblog.whole"
"""Where ``scope["extensions"]`` has it: a function of head and body, False where the answer has to
be sent in the ordinary way."""

Whole = Callable[[bytes, bytes], bool]

_NOT_A_NAME = re.compile(rb"[^!#$%&'*+\-.^_`|~0-9A-Za-z]")
_NOT_A_VALUE = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")


class WholeAnswer:
    """An answer that is given again and again; *headers* have lower-case names and say how long
    the body is."""

    __slots__ = ("body", "body_message", "head", "start")

    def __init__(
        self, status: int, headers: Iterable[tuple[bytes, bytes]], body: bytes = b""
    ) -> None:
        listed = list(headers)
        self.body = body
        self.head = _head(status, listed)
        self.start: Message = {
            "type": "http.response.start",
            "status": status,
            "headers": listed,
        }
        self.body_message: Message = {
            "type": "http.response.body",
            "body": body,
            "more_body": False,
        }

    async def send(self, scope: Scope, send: Send) -> None:
        """Answer the request of *scope*; one by HEAD without the body."""
        is_head = scope["method"] == "HEAD"
        extensions = scope.get("extensions")
        if extensions is not None and EXTENSION in extensions:
            whole: Whole = extensions[EXTENSION]
            if whole(self.head, b"" if is_head else self.body):
                return
        await send(self.start)
        await send(_NO_BODY if is_head else self.body_message)


_NO_BODY: Message = {"type": "http.response.body", "body": b"", "more_body": False}


def _head(status: int, headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Status line and *headers* as HTTP/1.1 writes them, without the blank line. Raises ValueError
    for what would be more than one header."""
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n".encode("ascii")]
    for name, value in headers:
        if not name or _NOT_A_NAME.search(name) or _NOT_A_VALUE.search(value):
            raise ValueError(f"{name!r} is no header")
        lines.append(name + b": " + value + b"\r\n")
    return b"".join(lines)
