"""Pictures that are small to send and large to decode, as the faces of people who are known."""

import hashlib
import struct
import zlib
from base64 import urlsafe_b64encode
from functools import cache

from parts.attacks.stage import Kind, Stage, answered, found

_SIDES = {"small": (2900, 2800), "large": (5000, 4000)}
"""The first is about the largest that is decoded, the second has 20 megapixels."""


@cache
def _png(width: int, height: int) -> bytes:
    """A PNG of one colour."""

    def chunk(name: bytes, data: bytes) -> bytes:
        whole = name + data
        return struct.pack(">I", len(data)) + whole + struct.pack(">I", zlib.crc32(whole))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = zlib.compress((b"\0" + b"\x20\x60\xa0" * width) * height, 1)
    parts = [chunk(b"IHDR", head), chunk(b"IDAT", rows), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def face(actor: str) -> str:
    """Where the face of *actor* lies on the attackers' server."""
    host, _, number = actor.removeprefix("http://").partition("/users/")
    size = "large" if int(number) % 2 else "small"
    return f"http://{host}/faces/{size}/{number}.png"


async def _face(host: str, path: str) -> bytes | None:
    return found(_png(*_SIDES[path.split("/")[2]]), "image/png")


def _faces(stage: Stage, number: int) -> bytes:
    actor = stage.person(number)
    who = urlsafe_b64encode(actor.encode()).rstrip(b"=").decode()
    version = hashlib.blake2b(face(actor).encode(), digest_size=6).hexdigest()
    return stage.request(b"", {"Accept": "image/*"}, "GET", f"/proxy/avatars/{who}/{version}")


ANSWERS = {"/faces/": _face}
KINDS = [Kind("large faces", _faces, answered(200, 503), rate=60)]
