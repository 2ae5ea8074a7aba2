"""The peer's requests to other servers: blocking, small, and to this machine only."""

import http.client
import json
from ipaddress import ip_address
from typing import Any
from urllib.parse import quote, urlsplit

from fedblog.demo.peer.signing import signed_headers

ACTIVITY = "application/activity+json"
AGENT = "fedblog-demo-peer/1.0"
_LIMIT = 1 << 20
_TIMEOUT = 10


class FetchError(Exception):
    """Another server could not be asked, or its answer cannot be used."""


def request(
    method: str, url: str, headers: dict[str, str], body: bytes | None = None
) -> tuple[int, str, bytes]:
    """One request without redirects: status, media type, body. Raises FetchError."""
    parts = urlsplit(url)
    if parts.scheme != "http" or not _is_this_machine(parts.hostname or ""):
        raise FetchError(f"{url} is not on this machine")
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=_TIMEOUT)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        connection.request(method, target, body, {"user-agent": AGENT, **headers})
        answer = connection.getresponse()
        content = answer.read(_LIMIT + 1)
    except (OSError, http.client.HTTPException) as error:
        raise FetchError(f"{method} {url}: {error}") from error
    finally:
        connection.close()
    if len(content) > _LIMIT:
        raise FetchError(f"{url} is too large")
    media_type = (answer.getheader("content-type") or "").split(";")[0].strip().lower()
    return answer.status, media_type, content


def get_activity(url: str, key_id: str, private_pem: str) -> dict[str, Any]:
    """The ActivityPub document at *url*, asked for with a signature. Raises FetchError."""
    url = url.split("#")[0]
    headers = signed_headers(key_id, private_pem, "get", url, None)
    status, media_type, content = request("GET", url, {**headers, "accept": ACTIVITY})
    if status != 200:
        raise FetchError(f"{url} answered {status}")
    if media_type not in (ACTIVITY, "application/ld+json"):
        raise FetchError(f"{url} is {media_type}, not an ActivityPub document")
    document = _json(url, content)
    if document.get("id") != url:
        raise FetchError(f"{url} calls itself {document.get('id')}")
    return document


def post_activity(inbox: str, document: dict[str, Any], key_id: str, private_pem: str) -> int:
    """Send an activity, signed; gives the status. Raises FetchError."""
    body = json.dumps(document).encode()
    headers = signed_headers(key_id, private_pem, "post", inbox, body)
    return request("POST", inbox, {**headers, "content-type": ACTIVITY}, body)[0]


def webfinger(handle: str) -> str:
    """The ActivityPub id behind ``@name@host`` (RFC 7033). Raises FetchError."""
    name, _, host = handle.removeprefix("@").partition("@")
    if not name or not host:
        raise FetchError(f"{handle} is not of the form @name@host")
    url = f"http://{host}/.well-known/webfinger?resource={quote(f'acct:{name}@{host}')}"
    status, _, content = request("GET", url, {"accept": "application/jrd+json"})
    if status != 200:
        raise FetchError(f"WebFinger for {handle} answered {status}")
    document = _json(url, content)
    if document.get("subject") != f"acct:{name}@{host}":
        raise FetchError(f"WebFinger for {handle} answered for {document.get('subject')}")
    for link in document.get("links", []):
        if link.get("rel") == "self" and link.get("type") == ACTIVITY:
            return str(link["href"])
    raise FetchError(f"WebFinger for {handle} names no actor")


def _json(url: str, content: bytes) -> dict[str, Any]:
    try:
        document = json.loads(content)
    except ValueError as error:
        raise FetchError(f"{url} is not JSON") from error
    if not isinstance(document, dict):
        raise FetchError(f"{url} is not a JSON object")
    return document


def _is_this_machine(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
