"""Whatever is sent: broken JSON, odd types, NUL, huge texts, files that are none. Nothing of it is
answered by a 5xx, and nothing of it makes a loop of the server fail.

A real server in a process of its own is sent as many requests as FEDBLOG_TEST_REQUESTS says (a few
hundred where it says nothing), a quarter each to the API, inboxes, pages and uploads.
CONTRIBUTING.md says how to send more, and others.
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from anyio.from_thread import start_blocking_portal
from hypothesis import HealthCheck, given, settings
from support.commands import Served, free_port
from support.people import People
from support.random_requests import UNKNOWN, Sent, to_api, to_inbox, to_media, to_pages
from support.servers import listening_socket, serving
from support.waiting import PATIENCE

REQUESTS = int(os.environ.get("FEDBLOG_TEST_REQUESTS", "400"))
WIDE = 1_000_000
SETTINGS = {
    # Nothing is held back for being much, and no name is looked up outside this machine.
    **dict.fromkeys(("address_rate", "host_rate", "actor_rate", "asker_rate"), str(WIDE)),
    **dict.fromkeys(("address_burst", "host_burst", "actor_burst", "asker_burst"), str(WIDE)),
    **dict.fromkeys(("asked_rate", "asked_burst", "forwarded_rate", "forwarded_burst"), str(WIDE)),
    **dict.fromkeys(("text_seconds", "text_seconds_burst", "connections_per_address"), str(WIDE)),
    "fetch_timeout": "1",
    "fetch_patience": "1",
}


@dataclass
class Ground:
    """A served blog with a post and a comment, and people who can sign."""

    http: httpx.Client
    people: People
    token: str
    names: dict[str, str] = field(default_factory=dict)

    def filled(self, text: str) -> str:
        """*text* with the names of what is there."""
        for name, value in self.names.items():
            text = text.replace(f"{{{name}}}", value)
        return text


@contextmanager
def crowd() -> Iterator[People]:
    """People served on a loop of their own."""
    listener = listening_socket()
    people = People(f"http://127.0.0.1:{listener.getsockname()[1]}")
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(serving(people, listener)),
    ):
        for name in ("ann", "ben"):
            people.add(name)
        people.webfinger("ann")
        yield people


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """What every request is sent to; afterwards its log is read."""
    folder: Path = tmp_path_factory.mktemp("random")
    named = {"name_servers": f"127.0.0.1:{free_port()}"}
    with crowd() as people, Served(folder, **SETTINGS, **named) as served:
        token = served.run("token", "create", "--author", "Owner").strip()
        with httpx.Client(base_url=served.address, timeout=PATIENCE) as http:
            made = Ground(http, people, token)
            body = {"title": "On rivers", "content": "Water.", "status": "published", "tags": ["x"]}
            post = http.post(
                "/api/v1/posts", json=body, headers={"Authorization": f"Bearer {token}"}
            ).json()
            note = people.note("ann", post["activitypub_id"], "<p>First.</p>")
            made.names = {
                "base": served.base_url,
                "host": urlsplit(served.base_url).netloc,
                "people": people.base_url,
                "ann": people.uri("ann"),
                "handle": f"@ann@{urlsplit(people.base_url).netloc}",
                "note": note["id"],
                "post": post["id"],
                "object": post["activitypub_id"],
                "path": urlsplit(post["url"]).path,
                "author": post["authors"][0]["id"],
                "unknown": UNKNOWN,
            }
            body_of_note = json.dumps(people.activity("Create", "ann", note)).encode()
            signed = people.signed_headers("ann", f"{served.base_url}/ap/inbox", body_of_note)
            assert http.post("/ap/inbox", content=body_of_note, headers=signed).status_code == 202
            comments = http.get(
                f"/api/v1/posts/{post['id']}/comments", headers={"Authorization": f"Bearer {token}"}
            ).json()
            made.names["comment"] = comments["items"][0]["id"]
            yield made
            assert http.get("/healthz").status_code == 200
        assert "Traceback" not in served.said, served.said[-5000:]


numbers = iter(range(10**9))


def send(ground: Ground, sent: Sent) -> httpx.Response:
    """The answer to *sent*."""
    ground.names["number"] = str(next(numbers))
    body = sent.body
    if isinstance(body, str):
        body = ground.filled(body).encode("utf-8", "surrogatepass")
    path = ground.filled(sent.target).replace("{", "%7B").replace("}", "%7D")
    headers = {name: ground.filled(value).encode("latin-1") for name, value in sent.headers.items()}
    if sent.by_owner:
        headers["authorization"] = f"Bearer {ground.token}".encode()
    if sent.signed_by:
        signed = ground.people.signed_headers(sent.signed_by, ground.names["base"] + path, body)
        headers |= {name: value.encode() for name, value in signed.items()}
    headers = {name: value.strip() for name, value in headers.items()}
    return ground.http.request(
        sent.method, "/", content=body, headers=headers, extensions={"target": path.encode("ascii")}
    )


@pytest.mark.parametrize(
    "requests",
    [to_api(), to_inbox(), to_pages(), to_media()],
    ids=["api", "inbox", "pages", "media"],
)
def test_nothing_that_is_sent_is_answered_by_a_5xx(ground: Ground, requests: Any) -> None:
    seen: dict[int, int] = {}

    @settings(
        max_examples=max(1, REQUESTS // 4),
        deadline=None,
        suppress_health_check=list(HealthCheck),
        database=None,
    )
    @given(requests)
    def check(sent: Sent) -> None:
        answer = send(ground, sent)
        seen[answer.status_code] = seen.get(answer.status_code, 0) + 1
        assert answer.status_code < 500, (answer.status_code, answer.text[:500])

    check()
    print(dict(sorted(seen.items())))
    assert len(seen) > 1  # some of it is taken, some is not
    assert min(seen) < 400 <= max(seen)
