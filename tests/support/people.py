"""People on another server: documents, keys and signatures made by this file alone.

Signing strings are built from draft-cavage-http-signatures-12, section 2.3, with `cryptography`;
nothing of fedblog takes part.
"""

import base64
import functools
import hashlib
import itertools
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

import httpx
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from support.waiting import PATIENCE

PUBLIC = "https://www.w3.org/ns/activitystreams#Public"
AS_TYPE = "application/activity+json"


@functools.cache
def key_of(name: str) -> rsa.RSAPrivateKey:
    """One RSA key for each name, the same for the whole run: making them is slow."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def public_pem(name: str) -> str:
    """The public half of that key."""
    return (
        key_of(name)
        .public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode()
    )


class People:
    """A small server: an ASGI application, and what its people can do. *inbox_answers* says by
    path what an inbox answers (status and headers) where it is not *inbox_answer*."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url
        self.documents: dict[str, tuple[int, str, bytes]] = {}
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        self.inbox: list[dict[str, Any]] = []
        self.inbox_answer = 202
        self.inbox_answers: dict[str, tuple[int, dict[str, str]]] = {}
        self._counter = itertools.count(1)
        self._http = httpx.AsyncClient(
            timeout=PATIENCE, verify=False
        )  # plain http; saves 20 ms a test

    async def __aenter__(self) -> "People":
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._http.aclose()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve documents, take what comes to an inbox."""
        headers = {n.decode().lower(): v.decode("latin-1") for n, v in scope["headers"]}
        path = scope["path"]
        if scope["query_string"]:
            path += "?" + scope["query_string"].decode()
        self.requests.append((scope["method"], path, headers))
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        status, kind, answer = 404, "text/plain", b"nothing here"
        more: dict[str, str] = {}
        if scope["method"] == "POST":
            status, more = self.inbox_answers.get(path, (self.inbox_answer, {}))
            answer = b""
            self.inbox.append(
                {"path": path, "headers": headers, "body": body, "json": json.loads(body)}
            )
        elif path in self.documents:
            status, kind, answer = self.documents[path]
        await send(
            {
                "type": "http.response.start",
                "status": status,
                "headers": [
                    (b"content-type", kind.encode()),
                    (b"content-length", str(len(answer)).encode()),
                    *((name.encode(), value.encode()) for name, value in more.items()),
                ],
            }
        )
        await send({"type": "http.response.body", "body": answer})

    # --- documents ---------------------------------------------------------------------------

    def publish(
        self, path: str, document: Any, *, status: int = 200, media_type: str = AS_TYPE
    ) -> str:
        """Serve *document* at *path*; gives its address."""
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        self.documents[path] = (status, media_type, body)
        return self.base_url + path

    def add(self, name: str, **changes: Any) -> str:
        """A person; gives the actor's id."""
        return self.publish(f"/users/{name}", self.actor_document(name) | changes)

    def actor_document(self, name: str) -> dict[str, Any]:
        """The actor document of a person."""
        uri = self.uri(name)
        return {
            "@context": [
                "https://www.w3.org/ns/activitystreams",
                "https://w3id.org/security/v1",
            ],
            "id": uri,
            "type": "Person",
            "preferredUsername": name,
            "name": name.title(),
            "summary": "",
            "url": f"{self.base_url}/@{name}",
            "inbox": f"{uri}/inbox",
            "outbox": f"{uri}/outbox",
            "followers": f"{uri}/followers",
            "endpoints": {"sharedInbox": f"{self.base_url}/inbox"},
            "publicKey": {
                "id": f"{uri}#main-key",
                "owner": uri,
                "publicKeyPem": public_pem(name),
            },
        }

    def came_to(self, path: str, kind: str) -> list[dict[str, Any]]:
        """The activities of type *kind* that came to the inbox at *path*."""
        found = [entry["json"] for entry in self.inbox if entry["path"] == path]
        return [activity for activity in found if activity["type"] == kind]

    def webfinger(self, name: str, links: Sequence[dict[str, Any]] = (), **changes: Any) -> str:
        """Answer WebFinger for a person, with *links* beside the one to the actor; gives the
        handle."""
        handle = f"{name}@{urlsplit(self.base_url).netloc}"
        document = {
            "subject": f"acct:{handle}",
            "links": [{"rel": "self", "type": AS_TYPE, "href": self.uri(name)}, *links],
        }
        path = f"/.well-known/webfinger?resource=acct:{handle}"
        given: dict[str, Any] = {"media_type": "application/jrd+json"}
        self.publish(path, document, **given | changes)
        return f"@{handle}"

    def uri(self, name: str) -> str:
        """The actor id of a person."""
        return f"{self.base_url}/users/{name}"

    def new_uri(self, kind: str) -> str:
        """A fresh id on this server."""
        return f"{self.base_url}/{kind}/{next(self._counter)}"

    def note(self, name: str, in_reply_to: str | None, content: str, **changes: Any) -> dict:
        """A public reply by a person."""
        return {
            "id": self.new_uri("notes"),
            "type": "Note",
            "attributedTo": self.uri(name),
            "inReplyTo": in_reply_to,
            "content": content,
            "published": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "to": [PUBLIC],
            "cc": [f"{self.uri(name)}/followers"],
        } | changes

    def activity(self, kind: str, name: str, item: Any, **changes: Any) -> dict[str, Any]:
        """An activity by a person about *item*."""
        activity = {
            "@context": "https://www.w3.org/ns/activitystreams",
            "id": self.new_uri("activities"),
            "type": kind,
            "actor": self.uri(name),
            "object": item,
            "to": [PUBLIC],
        } | changes
        return {key: value for key, value in activity.items() if value is not ...}

    # --- sending -----------------------------------------------------------------------------

    def signed_headers(
        self,
        name: str,
        url: str,
        body: bytes,
        *,
        method: str = "post",
        date: datetime | None = None,
        covered: Sequence[str] = ("(request-target)", "host", "date", "digest"),
        key_id: str | None = None,
        algorithm: str | None = "rsa-sha256",
        overrides: dict[str, str] | None = None,
        target: str | None = None,
    ) -> dict[str, str]:
        """Headers of a signed request, by the text of draft-cavage, section 2.3."""
        parts = urlsplit(url)
        target = target or parts.path + (f"?{parts.query}" if parts.query else "")
        headers = {
            "host": parts.netloc,
            "date": format_datetime(date or datetime.now(UTC), usegmt=True),
            "digest": "SHA-256=" + base64.b64encode(hashlib.sha256(body).digest()).decode(),
            "content-type": AS_TYPE,
        } | (overrides or {})
        lines = [
            f"(request-target): {method} {target}"
            if header == "(request-target)"
            else f"{header}: {headers[header]}"
            for header in covered
        ]
        signature = key_of(name).sign(
            "\n".join(lines).encode(), padding.PKCS1v15(), hashes.SHA256()
        )
        fields = [f'keyId="{key_id or self.uri(name) + "#main-key"}"']
        if algorithm:
            fields.append(f'algorithm="{algorithm}"')
        fields.append(f'headers="{" ".join(covered)}"')
        fields.append(f'signature="{base64.b64encode(signature).decode()}"')
        return headers | {"signature": ",".join(fields)}

    async def post(self, url: str, activity: Any, *, by: str, **how: Any) -> httpx.Response:
        """POST *activity* (JSON or bytes) to *url*, signed by a person."""
        body = activity if isinstance(activity, bytes) else json.dumps(activity).encode()
        return await self.post_raw(url, body, self.signed_headers(by, url, body, **how))

    async def post_raw(self, url: str, body: bytes, headers: dict[str, str]) -> httpx.Response:
        """POST *body* with exactly these headers."""
        return await self._http.post(url, content=body, headers=headers)
