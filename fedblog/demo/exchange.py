"""The demo's own HTTP: blocking requests to the blog and to the peer, both on this machine."""

import http.client
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit


class ExchangeError(Exception):
    """A server on this machine could not be reached or refused; the message says what it said."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: status, headers by lower-case name, body."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode("utf-8", "replace")

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


def ask(
    method: str, url: str, headers: Mapping[str, str] | None = None, body: bytes | None = None
) -> Reply:
    """One request. Raises ExchangeError when there is no answer."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=20)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        connection.request(method, target, body, dict(headers or {}))
        answer = connection.getresponse()
        content = answer.read()
        names = {name.lower(): value for name, value in answer.getheaders()}
        return Reply(answer.status, names, content)
    except (OSError, http.client.HTTPException) as error:
        raise ExchangeError(f"{method} {url}: {error}") from error
    finally:
        connection.close()


def page(url: str) -> str:
    """A page as a reader's browser gets it, following redirects. Raises ExchangeError."""
    for _ in range(4):
        reply = ask("GET", url, {"accept": "text/html", "user-agent": "fedblog-demo-reader"})
        if reply.status not in (301, 302, 307, 308):
            break
        parts = urlsplit(url)
        url = reply.headers["location"]
        url = url if "://" in url else f"{parts.scheme}://{parts.netloc}{url}"
    if reply.status != 200:
        raise ExchangeError(f"GET {url} answered {reply.status}")
    return reply.text


class BlogApi:
    """The blog's API for authors' tools, with a token."""

    def __init__(self, base_url: str, token: str) -> None:
        self._base = f"{base_url}/api/v1"
        self._headers = {"authorization": f"Bearer {token}"}

    def call(
        self, method: str, path: str, document: dict[str, Any] | None = None, key: str = ""
    ) -> Any:
        """One call; *key* is its Idempotency-Key. Raises ExchangeError on any refusal."""
        headers = dict(self._headers)
        if key:
            headers["idempotency-key"] = key
        body = None
        if document is not None:
            headers["content-type"] = "application/json"
            body = json.dumps(document).encode()
        return self._result(method, path, ask(method, self._base + path, headers, body))

    def upload(self, name: str, content: bytes, media_type: str, fields: dict[str, str]) -> Any:
        """Upload a picture with its alt text, caption and credit."""
        boundary = secrets.token_hex(16)
        parts = [
            f'--{boundary}\r\ncontent-disposition: form-data; name="{field}"\r\n\r\n{value}\r\n'
            for field, value in fields.items()
        ]
        parts.append(
            f'--{boundary}\r\ncontent-disposition: form-data; name="file"; filename="{name}"\r\n'
            f"content-type: {media_type}\r\n\r\n"
        )
        body = "".join(parts).encode() + content + f"\r\n--{boundary}--\r\n".encode()
        headers = {
            **self._headers,
            "content-type": f"multipart/form-data; boundary={boundary}",
        }
        return self._result("POST", "/media", ask("POST", self._base + "/media", headers, body))

    def everything(self, path: str) -> list[Any]:
        """All items of a list, page after page."""
        items: list[Any] = []
        cursor: str | None = None
        while True:
            mark = "&" if "?" in path else "?"
            answer = self.call("GET", f"{path}{mark}cursor={cursor}" if cursor else path)
            items += answer["items"]
            cursor = answer.get("next")
            if not cursor:
                return items

    def _result(self, method: str, path: str, reply: Reply) -> Any:
        if reply.status not in (200, 201, 202, 204):
            raise ExchangeError(f"{method} {path} answered {reply.status}: {reply.text[:300]}")
        return reply.json() if reply.body else None


class PeerControl:
    """Directs the peer's people over its control interface."""

    def __init__(self, base_url: str, secret: str) -> None:
        self._base = base_url
        self._headers = {"authorization": f"Bearer {secret}", "content-type": "application/json"}

    def act(self, action: str, **arguments: str) -> dict[str, Any]:
        """Let a person do *action*. Raises ExchangeError when it cannot be done."""
        body = json.dumps(arguments).encode()
        reply = ask("POST", f"{self._base}/control/{action}", self._headers, body)
        if reply.status != 200:
            raise ExchangeError(f"the peer could not {action}: {reply.text[:300]}")
        document: dict[str, Any] = reply.json()
        return document
