"""Answers of the page cache, ready to be sent; and what requests ask of them (RFC 9110)."""

import asyncio
import gzip
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import parse_qsl

from starlette.types import Message

from fedblog.storage.changes import Change

KNOWN_QUERY_KEYS = frozenset({"page", "cursor", "resource"})
"""A request with any other query key goes past the cache: its answers would be endless."""

_MADE_HERE = frozenset({b"content-length", b"content-encoding", b"etag", b"vary"})
_ON_304 = frozenset({b"etag", b"vary", b"cache-control", b"content-location", b"expires"})
_COMPRESSED = ("text/", "application/json", "application/xml", "image/svg")
_MIN_GZIP = 500
_LARGE_GZIP = 64 * 1024
_OVERHEAD = 2048
_TAG_OVERHEAD = 300

Headers = list[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Ready:
    """One body in one encoding, as the messages that send it."""

    etag: bytes
    start: Message
    body: Message
    unchanged: Message


@dataclass(frozen=True, slots=True)
class Page:
    """A kept answer: its encodings (identity, gzip; the same one twice where gzip does not pay)."""

    encodings: tuple[Ready, Ready]
    tags: frozenset[Change]
    size: int


def representation(accept: bytes) -> bytes:
    """The part of *accept* that may decide between representations of one address.

    Whatever speaks of JSON is kept apart by its exact words (security case S31); of the rest only
    whether HTML is asked for by name can matter.
    """
    accept = accept.lower()
    if b"json" in accept:
        return accept
    return b"html" if b"html" in accept else b"any"


def accepts_gzip(accept_encoding: bytes) -> bool:
    """Whether gzip may be sent (RFC 9110, section 12.5.3)."""
    allowed: dict[str, bool] = {}
    for item in accept_encoding.decode("latin-1").lower().split(","):
        coding, _, parameter = item.partition(";")
        weight = parameter.replace(" ", "").removeprefix("q=")
        allowed[coding.strip()] = not weight or weight.strip("0.") != ""
    return allowed.get("gzip", allowed.get("x-gzip", allowed.get("*", False)))


def matches(if_none_match: bytes, etag: bytes) -> bool:
    """Whether the reader holds *etag* already, by weak comparison (RFC 9110, section 13.1.2)."""
    if if_none_match == etag or if_none_match.strip() == b"*":
        return True
    return any(item.strip().removeprefix(b"W/") == etag for item in if_none_match.split(b","))


def has_known_keys(query: bytes) -> bool:
    """Whether *query* has only keys that handlers look at, each once."""
    try:
        pairs = parse_qsl(query.decode("ascii"), keep_blank_values=True, max_num_fields=8)
    except ValueError:
        return False
    names = [name for name, _ in pairs]
    return len(names) == len(set(names)) and KNOWN_QUERY_KEYS.issuperset(names)


def is_keepable(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Whether an answer's own headers let it be shown to others."""
    for name, value in headers:
        if name == b"set-cookie":
            return False
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
        {"type": "http.response.start", "status": 200, "headers": full},
        {"type": "http.response.body", "body": body, "more_body": False},
        {
            "type": "http.response.start",
            "status": 304,
            "headers": [item for item in full if item[0] in _ON_304],
        },
    )


def _is_text(media_type: str) -> bool:
    return media_type.startswith(_COMPRESSED) or "+json" in media_type or "+xml" in media_type
