"""Invented people on loopback hosts, their keys, and activities signed for them beforehand.

Signing is written here apart from fedblog, on `cryptography` alone: our own code never vouches
for itself.
"""

import base64
import hashlib
import json
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from email.utils import formatdate
from functools import cache
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

PUBLIC = "https://www.w3.org/ns/activitystreams#Public"
KEYS = Path(__file__).resolve().parent.parent / "results" / "keys.json"


@dataclass(frozen=True, slots=True)
class Neighbourhood:
    """*count* people on *hosts* addresses 127.n.x.y (n is the *network*), all behind one *port*,
    with *keys* keys."""

    count: int
    hosts: int
    keys: int
    port: int
    network: int = 0

    def host(self, number: int) -> str:
        """Host and port of a person; neighbours in number live on different hosts."""
        place = number % self.hosts
        return f"127.{self.network}.{1 + place // 250}.{1 + place % 250}:{self.port}"

    def actor(self, number: int) -> str:
        """The person's actor id."""
        return f"http://{self.host(number)}/users/{number}"


def keys(count: int) -> list[tuple[str, str]]:
    """*count* RSA-2048 pairs as PEM; made once and kept, since making them takes long."""
    kept: list[tuple[str, str]] = []
    if KEYS.exists():
        kept = [(pair[0], pair[1]) for pair in json.loads(KEYS.read_text())]
    if len(kept) < count:
        with ProcessPoolExecutor() as pool:
            kept += pool.map(_new_key, range(count - len(kept)))
        KEYS.parent.mkdir(exist_ok=True)
        KEYS.touch(0o600)
        KEYS.write_text(json.dumps(kept))
    return kept[:count]


def _new_key(_: int) -> tuple[str, str]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return private.decode(), public.decode()


def actor_document(actor: str, number: int, public_pem: str) -> dict[str, Any]:
    """A person as Mastodon would serve one."""
    return {
        "@context": ["https://www.w3.org/ns/activitystreams", "https://w3id.org/security/v1"],
        "id": actor,
        "type": "Person",
        "preferredUsername": f"person{number}",
        "name": f"Person {number}",
        "summary": "<p>Made for a measurement.</p>",
        "url": actor,
        "inbox": f"{actor}/inbox",
        "outbox": f"{actor}/outbox",
        "followers": f"{actor}/followers",
        "publicKey": {"id": f"{actor}#main-key", "owner": actor, "publicKeyPem": public_pem},
    }


def reply(people: Neighbourhood, number: int, serial: str, post: str, blog: str) -> bytes:
    """The body of a Create of a public Note in reply to *post*."""
    actor = people.actor(number)
    note = f"{actor}/statuses/{serial}"
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    text = (
        f'<p><span class="h-card"><a href="{blog}" class="u-url mention">@<span>blog</span></a>'
        f"</span> Reply {serial}: we asked at the meeting on Tuesday, and they <em>did</em> name a"
        " day. Two of us are going back on the ninth to see whether they keep it; anyone who can"
        ' spare an hour is welcome. See also <a href="https://example.org/notes">our notes</a>.</p>'
    )
    return json.dumps(
        {
            "@context": "https://www.w3.org/ns/activitystreams",
            "id": f"{note}/activity",
            "type": "Create",
            "actor": actor,
            "published": now,
            "to": [PUBLIC],
            "cc": [f"{actor}/followers", blog],
            "object": {
                "id": note,
                "type": "Note",
                "summary": None,
                "inReplyTo": post,
                "published": now,
                "url": note,
                "attributedTo": actor,
                "to": [PUBLIC],
                "cc": [f"{actor}/followers", blog],
                "sensitive": False,
                "content": text,
                "contentMap": {"en": text},
                "attachment": [],
                "tag": [{"type": "Mention", "href": blog, "name": "@blog@localhost"}],
            },
        }
    ).encode()


def follow(people: Neighbourhood, number: int, blog: str) -> bytes:
    """The body of a Follow of the blog."""
    actor = people.actor(number)
    return json.dumps(
        {
            "@context": "https://www.w3.org/ns/activitystreams",
            "id": f"{actor}#follows/1",
            "type": "Follow",
            "actor": actor,
            "object": blog,
        }
    ).encode()


@cache
def _private(pem: str) -> rsa.RSAPrivateKey:
    key = load_pem_private_key(pem.encode(), None, unsafe_skip_rsa_key_validation=True)
    assert isinstance(key, rsa.RSAPrivateKey)
    return key


def signed(body: bytes, actor: str, private_pem: str, host: str, path: str) -> bytes:
    """A whole signed HTTP/1.1 POST (draft-cavage: (request-target) host date digest)."""
    date = formatdate(usegmt=True)
    digest = "SHA-256=" + base64.b64encode(hashlib.sha256(body).digest()).decode()
    text = f"(request-target): post {path}\nhost: {host}\ndate: {date}\ndigest: {digest}"
    signature = _private(private_pem).sign(text.encode(), padding.PKCS1v15(), SHA256())
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {host}\r\nDate: {date}\r\nDigest: {digest}\r\n"
        f"User-Agent: fedblog-bench\r\nAccept: */*\r\nContent-Type: application/activity+json\r\n"
        f'Signature: keyId="{actor}#main-key",algorithm="rsa-sha256",'
        f'headers="(request-target) host date digest",'
        f'signature="{base64.b64encode(signature).decode()}"\r\n'
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


Work = tuple[bytes, str, str, str, str]


def sign_all(work: list[Work], file: Path) -> None:
    """Sign all of *work* (the arguments of `signed`) on all cores, into *file*."""
    with ProcessPoolExecutor() as pool, file.open("wb") as out:
        for part in pool.map(_sign_some, [work[at : at + 500] for at in range(0, len(work), 500)]):
            out.write(part)


def _sign_some(work: list[Work]) -> bytes:
    requests = [signed(*arguments) for arguments in work]
    return b"".join(len(request).to_bytes(4, "little") + request for request in requests)
