"""Answers of the page cache, ready to be sent; and what requests ask of them (RFC 9110)."""

import asyncio
import gzip
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from fedblog.endpoints.negotiation import prefers_activity
from fedblog.endpoints.whole import WholeAnswer
from fedblog.storage.changes import Change

_MADE_HERE = frozenset({b"content-length", b"content-encoding", b"etag", b"vary"})
_ON_304 = frozenset({b"etag", b"vary", b"cache-control", b"content-location", b"expires"})
_COMPRESSED = ("text/", "application/json", "application/xml", "image/svg")
_MIN_GZIP = 500
_LARGE_GZIP = 64 * 1024
_LOOKED_AT = 2048
_OVERHEAD = 2048
_TAG_OVERHEAD = 300

Headers = list[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Ready:
    """One body in one encoding: the answer with it, and the one for who holds it already."""

    etag: bytes
    answer: WholeAnswer
    unchanged: WholeAnswer


@dataclass(frozen=True, slots=True)
class Page:
    """A kept answer: its encodings (identity, gzip; the same one twice where gzip does not pay)."""

    encodings: tuple[Ready, Ready]
    tags: frozenset[Change]
    size: int
    until: datetime | None = None
    """When it ends by itself."""


def representation(accept: bytes) -> bytes:
    """Which of the representations of one address *accept* chooses (security case S31): there are
    two, and endless ways to ask for them."""
    return b"activity" if prefers_activity(accept.decode("latin-1")) else b"page"


def accepts_gzip(accept_encoding: bytes) -> bool:
    """Whether gzip may be sent (RFC 9110, section 12.5.3); of a very long header the beginning
    counts."""
    allowed: dict[str, bool] = {}
    for item in accept_encoding[:_LOOKED_AT].decode("latin-1").lower().split(","):
        coding, _, parameter = item.partition(";")
        weight = parameter.replace(" ", "").removeprefix("q=")
        allowed[coding.strip()] = not weight or weight.strip("0.") != ""
    return allowed.get("gzip", allowed.get("x-gzip", allowed.get("*", False)))


def matches(if_none_match: bytes, etag: bytes) -> bool:
    """Whether the reader holds *etag* already, by weak comparison (RFC 9110, section 13.1.2); of a
    very long header the beginning counts."""
    if if_none_match == etag or if_none_match.strip() == b"*":
        return True
    return any(
        item.strip().removeprefix(b"W/") == etag for item in if_none_match[:_LOOKED_AT].split(b",")
    )


def is_keepable(headers: Iterable[tuple[bytes, bytes]], *, is_apart: bool) -> bool:
    """Whether an answer's own headers let it be shown to others; *is_apart* as `keep_apart`."""
    for name, value in headers:
        if name == b"set-cookie":
            return False
        if is_apart:
            continue
        if name == b"cache-control" and (b"no-store" in value or b"private" in value):
            return False
    return True


async def make_page(headers: Headers, body: bytes, tags: frozenset[Change]) -> Page:
    """Make an answer ready to be sent again and again, plain and compressed."""
    media_type = next((value for name, value in headers if name == b"content-type"), b"")
    packed = body
    if len(body) >= _MIN_GZIP and _is_text(media_type.decode("latin-1").lower()):
        if len(body) > _LARGE_GZIP:
            packed = await asyncio.to_thread(gzip.compress, body, 6, mtime=0)
        else:
            packed = gzip.compress(body, 6, mtime=0)
    vary = {b"accept-encoding": b"Accept-Encoding"}
    for name, value in headers:
        if name == b"vary":
            vary |= {item.strip().lower(): item.strip() for item in value.split(b",")}
    kept = [item for item in headers if item[0] not in _MADE_HERE]
    kept.append((b"vary", b", ".join(sorted(vary.values()))))
    if not any(name == b"cache-control" for name, _ in kept):
        kept.append((b"cache-control", b"no-cache"))
    overhead = _OVERHEAD + _TAG_OVERHEAD * len(tags)
    digest = hashlib.blake2b(body, digest_size=15)
    digest.update(media_type)
    plain = _ready(kept, body, b'"%s"' % digest.hexdigest().encode())
    if len(packed) >= len(body):
        return Page((plain, plain), tags, len(body) + overhead)
    small = _ready(
        [*kept, (b"content-encoding", b"gzip")], packed, b'"%s-gz"' % digest.hexdigest().encode()
    )
    return Page((plain, small), tags, len(body) + len(packed) + overhead)


def _ready(headers: Headers, body: bytes, etag: bytes) -> Ready:
    full = [*headers, (b"etag", etag), (b"content-length", b"%d" % len(body))]
    return Ready(
        etag,
        WholeAnswer(200, full, body),
        WholeAnswer(304, (item for item in full if item[0] in _ON_304)),
    )


def _is_text(media_type: str) -> bool:
    return media_type.startswith(_COMPRESSED) or "+json" in media_type or "+xml" in media_type
