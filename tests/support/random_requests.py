"""Requests at random: right ones that were altered, and what is none, as hypothesis strategies.

Names in braces ({post}, {ann}) are filled in when a request is sent.
"""

import io
import json
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from hypothesis import strategies as st
from PIL import Image
from support.people import PUBLIC

UNKNOWN = "01ARZ3NDEKTSV4RRFFQ69G5FAV"

# --- what is odd ---------------------------------------------------------------------------------

HUGE = (
    *("x" * 70_000, "<" * 50_000, "&#" * 30_000, "\u202e" * 5_000, "[" * 9_000, "*a" * 20_000),
    *("> " * 9_000, "<b>" * 20_000, "a@b.example " * 4_000, "https://a.example/" + "x" * 50_000),
    *("\U0001f600" * 9_000, "\r\n" * 20_000, "%00" * 9_000, "#" * 9_000, "\u0301" * 9_000),
)
TEXTS = (
    *("", " ", "\0", "a\0b", "\ud800", "\udfff\ud800", "\x7f", "\x1b[2J", "\ufeff", "\u200b", "\r"),
    *("null", "true", "0", "-1", "1e999", "NaN", "{}", "[]", "..", "../..", "/", "//", "?", "#"),
    *("as:Public", PUBLIC, "acct:", "@", "@@", "a@", "mailto:x@y", "javascript:alert(1)", "data:,"),
    *("https://", "http://[", "http://[::1", "https://a:b", "http://127.0.0.1:1/", "urn:x", "x:y"),
    *("http://127.0.0.1:99999/", "https://\0.example/", "https://ex ample.org/", "did:key:z6Mk"),
    *("2026-13-45T99:99:99Z", "0000-00-00T00:00:00Z", "9999-12-31T23:59:59-23:59", "2026-02-30"),
    *("0001-01-01T00:00:00+23:59", "2026-01-01T00:00:00", "2026-01-01T00:00:00+99:99", "en", "x-y"),
    *("Follow", "Create", "Undo", "Delete", "Announce", "Note", "Article", "Tombstone", "Person"),
    *("{base}", "{object}", "{note}", "{ann}", "{post}", "{comment}", "{path}", "{base}{path}"),
    *("{ann}#main-key", "{base}/ap/blog", "{base}/ap/inbox", "{base}/ap/posts/%00", "{handle}"),
)
TEXT = st.sampled_from(TEXTS) | st.sampled_from(HUGE) | st.text(max_size=12)
SIMPLE = (
    TEXT
    | st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from((10**30, -(10**400), 2**31, 2**63, -(2**63) - 1, 0, -1))
    | st.floats()
)
KEYS = st.sampled_from(
    (
        *("id", "type", "actor", "object", "to", "cc", "name", "content", "tag", "url", "href"),
        *("inReplyTo", "@context", "attachment", "published", "updated", "summary", "icon"),
        *("publicKey", "proof", "replies", "items", "oneOf", "endTime", "target", "", "\0"),
        *("title", "authors", "domain", "source", "contentMap", "mediaType", "interactionPolicy"),
    )
)
VALUE = st.recursive(
    SIMPLE,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=8,
)


def places(document: Any, here: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every value in *document*."""
    inner = document.items() if isinstance(document, dict) else enumerate(document)
    for key, value in inner:
        yield (*here, key)
        if isinstance(value, dict | list):
            yield from places(value, (*here, key))


@st.composite
def altered(draw: st.DrawFn, document: Any) -> Any:
    """*document* with some of its values replaced, doubled or left out."""
    made = deepcopy(document)
    for _ in range(draw(st.integers(0, 3))):
        ways = list(places(made))
        if not ways:
            break
        *way, last = draw(st.sampled_from(ways))
        at = made
        for key in way:
            at = at[key]
        match draw(st.integers(0, 9)):
            case 0:
                del at[last]
            case 1:
                at[last] = [at[last], at[last]]
            case 2:
                at[last] = {"id": at[last], "type": draw(TEXT)}
            case 3 if isinstance(at, dict):
                at[draw(KEYS)] = draw(VALUE)
            case _:
                at[last] = draw(VALUE)
    return made


@st.composite
def written(draw: st.DrawFn, document: Any) -> str:
    """*document* altered, as JSON, which may be broken in turn."""
    text = json.dumps(draw(altered(document)), ensure_ascii=draw(st.booleans()))
    if draw(st.integers(0, 4)):
        return text
    at = draw(st.integers(0, len(text)))
    match draw(st.integers(0, 4)):
        case 0:
            return text[:at]
        case 1:
            return (
                text[:at]
                + draw(st.sampled_from(("\0", "\\", "}", '"', "\\u0000", "\ud800")))
                + text[at:]
            )
        case 2:
            return "[" * draw(st.sampled_from((1, 31, 40, 5000))) + text
        case 3:
            return text + text
        case _:
            return draw(st.text(max_size=50))


# --- what is sent --------------------------------------------------------------------------------


@dataclass
class Sent:
    """A request; names in braces are filled in when it is sent."""

    method: str
    target: str
    body: str | bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    signed_by: str = ""
    by_owner: bool = False


POST = {
    "title": "On rivers",
    "content": "Water *finds* [its](https://a.example/) way.\n\n![a](/media/x.png)",
    "content_format": "markdown",
    "summary": "In short.",
    "language": "en",
    "status": "published",
    "slug": "on-rivers",
    "tags": ["river", "water"],
    "categories": ["nature"],
    "authors": ["owner", {"name": "Guest", "url": "https://guest.example/"}],
    "featured_media": None,
    "voice": "group",
    "comments": "open",
}
SCHEDULED = {"title": "T", "content": "x", "status": "scheduled", "publish_at": "2099-01-01T00:00Z"}
BODIES = {
    ("POST", "/api/v1/posts"): (POST, SCHEDULED, POST | {"content_format": "html"}),
    ("PATCH", "/api/v1/posts/{post}"): (POST, SCHEDULED, {"title": "Other"}),
    ("POST", "/api/v1/comments/{comment}/reply"): ({"content": "Yes.", "content_format": "html"},),
    ("POST", "/api/v1/blocks"): ({"domain": "bad.example"}, {"actor": "{ann}/none"}),
}
BARE = (
    *("/api/v1/posts", "/api/v1/posts/{post}", "/api/v1/posts/{post}/comments", "/api/v1/comments"),
    *("/api/v1/comments/{comment}", "/api/v1/followers", "/api/v1/deliveries", "/api/v1/blocks"),
    *("/api/v1/reports", "/api/v1/authorizations", "/api/v1/media", "/api/v1/posts/{unknown}"),
    *("/api/v1/comments/{comment}/hold", "/api/v1/comments/{comment}/approve", "/api/v1/none"),
)
PAGES = (
    *("/", "{path}", "{path}comments/{comment}/", "/authors/owner/", "/tags/x/", "/categories/x/"),
    *("/feed/", "/feed/atom/", "/feed.json", "/interact", "/marks/blog.png", "/media/x.png"),
    *("/proxy/avatars/x/y", "/proxy/comments/{comment}/pictures/0/x", "/static/site.css"),
    *("/.well-known/webfinger", "/.well-known/nodeinfo", "/nodeinfo/2.1", "/.well-known/host-meta"),
    *("/ap/blog", "/ap/authors/{author}", "/ap/instance", "/ap/readers", "/ap/posts/{post}"),
    *(
        "/ap/comments/{comment}",
        "/ap/blog/outbox",
        "/ap/blog/followers",
        "/ap/posts/{post}/replies",
    ),
    *("/ap/posts/{post}/likes", "/ap/posts/{post}/context", "/robots.txt", "/healthz", "/readyz"),
)
QUERIES = (
    *("resource", "page", "before", "after", "cursor", "limit", "status", "post", "object"),
    *("action", "handle", "min_id", "rel", "utm_source", ""),
)
UNRESERVED = frozenset(
    b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~/?=&:@{}"
)


def quoted(text: str) -> str:
    """*text* as it may stand in a request's target, percent-encoded where it must be."""
    encoded = text.encode("utf-8", "surrogatepass")
    return "".join(chr(byte) if byte in UNRESERVED else f"%{byte:02X}" for byte in encoded)


@st.composite
def target(draw: st.DrawFn, paths: tuple[str, ...]) -> str:
    """One of *paths*, perhaps altered, perhaps with a query."""
    made = draw(st.sampled_from(paths))
    odd = TEXT.map(lambda text: quoted(text[:300]))
    match draw(st.integers(0, 5)):
        case 0:
            parts = made.split("/")
            parts[draw(st.integers(0, len(parts) - 1))] = draw(odd)
            made = "/" + "/".join(parts).lstrip("/")
        case 1:
            made += draw(odd)
    names = draw(st.lists(st.sampled_from(QUERIES), max_size=3))
    pairs = [f"{name}={draw(odd)}" for name in names]
    return made + ("?" + "&".join(pairs) if pairs else "")


@st.composite
def to_api(draw: st.DrawFn) -> Sent:
    headers = {
        "content-type": draw(st.sampled_from(("application/json",) * 8 + ("text/plain", "x")))
    }
    if draw(st.integers(0, 5)) == 0:
        headers["idempotency-key"] = draw(st.text("abc \xe9", max_size=300))
    if draw(st.integers(0, 3)) == 0:
        method = draw(st.sampled_from(("GET", "HEAD", "POST", "PATCH", "DELETE", "PUT", "OPTIONS")))
        path = draw(target(BARE))
        if method == "DELETE" and ("{post}" in path or "{comment}" in path):
            method = "GET"  # they are still needed
        return Sent(method, path, draw(written({})), headers, by_owner=True)
    (method, path), bodies = draw(st.sampled_from(list(BODIES.items())))
    body = draw(written(draw(st.sampled_from(bodies))))
    return Sent(method, draw(target((path,) * 3)), body, headers, by_owner=True)


NOTE = {
    "id": "{people}/notes/{number}",
    "type": "Note",
    "attributedTo": "{ann}",
    "inReplyTo": "{object}",
    "content": '<p>More <a href="https://a.example/">words</a>.</p>',
    "contentMap": {"en": "<p>More.</p>"},
    "summary": "Mind",
    "sensitive": True,
    "published": "2026-11-20T10:00:00Z",
    "updated": "2026-11-20T11:00:00Z",
    "url": "{people}/@ann/1",
    "to": [PUBLIC],
    "cc": ["{ann}/followers"],
    "tag": [
        {"type": "Mention", "href": "{base}/ap/blog", "name": "@blog"},
        {"type": "Emoji", "name": ":x:", "icon": {"type": "Image", "url": "{people}/e.png"}},
        {"type": "Hashtag", "href": "{people}/tags/x", "name": "#x"},
    ],
    "attachment": [
        {"type": "Document", "mediaType": "image/png", "url": "{people}/1.png", "name": "A river",
         "width": 4, "height": 3, "focalPoint": [0, 0]}
    ],
    "replies": {"type": "Collection", "first": {"type": "CollectionPage", "items": []}},
    "interactionPolicy": {"canQuote": {"automaticApproval": [PUBLIC]}},
}  # fmt: skip
QUESTION = {
    "type": "Question",
    "oneOf": [{"type": "Note", "name": "Yes", "replies": {"type": "Collection", "totalItems": 3}}],
    "endTime": "2027-01-01T00:00:00Z",
    "votersCount": 3,
}
PERSON = {
    "id": "{ann}",
    "type": "Person",
    "preferredUsername": "ann",
    "name": "Ann",
    "inbox": "{ann}/inbox",
    "endpoints": {"sharedInbox": "{people}/inbox"},
    "icon": {"type": "Image", "url": "{people}/ann.png"},
    "publicKey": {"id": "{ann}#main-key", "owner": "{ann}", "publicKeyPem": "PEM"},
}
PROOF = {
    "type": "DataIntegrityProof",
    "cryptosuite": "eddsa-jcs-2022",
    "verificationMethod": "{ann}#ed25519-key",
    "proofPurpose": "assertionMethod",
    "proofValue": "z5xyz",
    "created": "2026-11-20T10:00:00Z",
}


def activity(kind: str, item: Any, **more: Any) -> dict[str, Any]:
    return {
        "@context": ["https://www.w3.org/ns/activitystreams"],
        "id": "{people}/activities/{number}",
        "type": kind,
        "actor": "{ann}",
        "object": item,
        "to": [PUBLIC],
        **more,
    }


FOLLOW = activity("Follow", "{base}/ap/blog")
ACTIVITIES = (
    *(activity(kind, NOTE) for kind in ("Create", "Update")),
    activity("Create", NOTE | QUESTION),
    activity("Create", NOTE, proof=PROOF),
    *(activity(kind, "{object}") for kind in ("Like", "Announce", "Dislike", "View", "Flag")),
    activity("EmojiReact", "{object}", content=":x:", tag=NOTE["tag"]),
    activity("Flag", ["{object}", "{base}/ap/blog"], content="Bad."),
    activity("Announce", activity("Create", NOTE)),
    FOLLOW,
    *(activity("Undo", inner) for inner in (FOLLOW, activity("Like", "{object}"), "{note}")),
    activity("Delete", {"type": "Tombstone", "id": "{people}/notes/1"}),
    activity("Delete", "{people}/notes/2"),
    activity("Update", PERSON),
    *(activity(kind, FOLLOW) for kind in ("Accept", "Reject", "Block", "Add", "Remove", "Move")),
    activity("Move", "{ann}", target="{people}/users/ben"),
    activity("QuoteRequest", "{object}", instrument=NOTE | {"quote": "{object}"}),
    activity("FeatureRequest", "{base}/ap/blog", instrument="{people}/collections/1"),
)
INBOXES = ("/ap/inbox", "/ap/blog/inbox", "/ap/authors/{author}/inbox")


@st.composite
def to_inbox(draw: st.DrawFn) -> Sent:
    body = draw(written(draw(st.sampled_from(ACTIVITIES))))
    signed = draw(st.sampled_from(("ann", "ann", "ann", "ann", "ben", "")))
    path = draw(st.sampled_from(INBOXES))
    if signed:
        return Sent("POST", path, body, signed_by=signed)
    name = st.sampled_from(("signature", "signature-input", "digest", "content-digest", "date"))
    odd = st.text('abc=",:;()\'"@{}[]0 \xe9', max_size=80)
    headers = draw(st.dictionaries(name, odd, max_size=4))
    kind = st.sampled_from(
        ("application/activity+json", "application/ld+json", "text/html", "\xe9")
    )
    return Sent("POST", path, body, headers | {"content-type": draw(kind)})


MORE_HEADERS = (
    *("if-none-match", "range", "cookie", "origin", "accept-encoding", "x-forwarded-for"),
)


@st.composite
def to_pages(draw: st.DrawFn) -> Sent:
    kinds = (
        "text/html",
        "application/activity+json",
        "application/ld+json;q=x",
        "*/*",
        "",
        "\xe9;,",
    )
    headers = {"accept": draw(st.sampled_from(kinds))}
    for name in draw(st.lists(st.sampled_from(MORE_HEADERS), max_size=2)):
        headers[name] = draw(st.text('abc=",:;-0* \xe9', max_size=40))
    if draw(st.integers(0, 4)):
        method = draw(st.sampled_from(("GET",) * 8 + ("HEAD", "POST", "PUT", "DELETE", "OPTIONS")))
        return Sent(method, draw(target(PAGES)), b"", headers)
    fields = {"object": "{object}", "action": "reply", "handle": "{handle}"}
    changed = {**fields, **draw(st.dictionaries(st.sampled_from(list(fields)), TEXT, max_size=2))}
    body = "&".join(f"{name}={quoted(value[:5000])}" for name, value in changed.items())
    headers |= {"content-type": "application/x-www-form-urlencoded", "origin": "{base}"}
    return Sent("POST", "/interact", body, headers)


@cache
def pictures() -> tuple[bytes, ...]:
    """A small picture of each kind and some modes."""
    made = []
    exif = Image.Exif()
    exif[0x0112] = 6
    for kind in ("JPEG", "PNG", "GIF", "WEBP", "MPO", "BMP", "TIFF", "AVIF"):
        for mode in ("RGB", "RGBA", "L", "LA", "P", "1", "CMYK", "I;16"):
            out = io.BytesIO()
            image = Image.new("RGB", (24, 16), "teal")
            image = Image.new(mode, (24, 16)) if mode == "I;16" else image.convert(mode)
            more = {"save_all": True, "append_images": [image]} if kind in ("GIF", "MPO") else {}
            try:
                image.save(out, kind, **more, **({"exif": exif} if kind in ("JPEG", "MPO") else {}))
            except Exception:  # no such thing is written
                continue
            made.append(out.getvalue())
    return tuple(made)


FIELDS = (*("alt", "caption", "credit") * 4, "file", "", "x\0")


@st.composite
def to_media(draw: st.DrawFn) -> Sent:
    content = bytearray(draw(st.sampled_from(pictures())))
    for _ in range(draw(st.sampled_from((0, 0, 0, 1, 2, 8)))):
        content[draw(st.integers(0, len(content) - 1))] = draw(st.integers(0, 255))
    if draw(st.integers(0, 4)) == 0:
        content = content[: draw(st.integers(0, len(content)))]
    names = draw(st.lists(st.sampled_from(FIELDS), max_size=draw(st.sampled_from((0, 1, 3)))))
    parts = [("file", b"a.jpg", bytes(content))] if draw(st.integers(0, 9)) else []
    parts += [(name, b"", draw(TEXT).encode("utf-8", "surrogatepass")) for name in names]
    body = b""
    for name, file, value in parts:
        named = b'; filename="' + file + b'"' if file else b""
        body += b'--b\r\nContent-Disposition: form-data; name="' + name.encode() + b'"' + named
        body += b"\r\n\r\n" + value + b"\r\n"
    body += b"--b--\r\n"
    if draw(st.integers(0, 9)) == 0:
        body = body[: draw(st.integers(0, len(body)))]
    kinds = ("multipart/form-data; boundary=b",) * 8 + ("multipart/form-data", "image/jpeg", "x; =")
    headers = {"content-type": draw(st.sampled_from(kinds))}
    return Sent("POST", "/api/v1/media", body, headers, by_owner=True)
