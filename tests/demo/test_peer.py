"""The demo's second server, as a process of its own, against a small blog made here."""

import base64
import hashlib
import http.client
import json
import os
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_public_key,
)
from support.waiting import PATIENCE

AS = "application/activity+json"
SECRET = "a secret of this test"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Blog:
    """One group actor with one article; keeps every request to its inbox."""

    def __init__(self):
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.inbox = []
        blog = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                found = blog.documents().get(self.path.split("?")[0])
                self.answer(200 if found else 404, json.dumps(found or {}).encode())

            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                blog.inbox.append((self.path, dict(self.headers.items()), body))
                self.answer(202, b"")

            def answer(self, status, body):
                self.send_response(status)
                self.send_header("content-type", AS)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.host = f"127.0.0.1:{self.server.server_port}"
        self.base = f"http://{self.host}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def documents(self):
        actor = f"{self.base}/ap/blog"
        pem = self.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        return {
            "/.well-known/webfinger": {
                "subject": f"acct:group@{self.host}",
                "links": [{"rel": "self", "type": AS, "href": actor}],
            },
            "/ap/blog": {
                "id": actor,
                "type": "Group",
                "preferredUsername": "group",
                "inbox": f"{actor}/inbox",
                "outbox": f"{actor}/outbox",
                "publicKey": {
                    "id": f"{actor}#main-key",
                    "owner": actor,
                    "publicKeyPem": pem.decode(),
                },
            },
        }

    def article(self, **more):
        return {
            "id": f"{self.base}/ap/posts/1",
            "type": "Article",
            "attributedTo": f"{self.base}/ap/blog",
            "name": "A title",
            "content": "<p>A text</p>",
            "published": "2026-11-25T10:00:00Z",
            **more,
        }

    def deliver(self, peer, document, *, tamper=False, path="/users/ines/inbox"):
        body = json.dumps(document).encode()
        date = formatdate(usegmt=True)
        digest = "SHA-256=" + base64.b64encode(hashlib.sha256(body).digest()).decode()
        text = f"(request-target): post {path}\nhost: {peer.host}\ndate: {date}\ndigest: {digest}"
        signature = self.key.sign(text.encode(), padding.PKCS1v15(), SHA256())
        headers = {
            "date": date,
            "digest": digest,
            "content-type": AS,
            "signature": f'keyId="{self.base}/ap/blog#main-key",algorithm="rsa-sha256",'
            'headers="(request-target) host date digest",'
            f'signature="{base64.b64encode(signature).decode()}"',
        }
        return peer.ask("POST", path, body + b" " if tamper else body, headers)[0]


class Peer:
    def __init__(self, folder):
        self.port = free_port()
        self.host = f"127.0.0.1:{self.port}"
        self.file = folder / "peer.sqlite3"
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "fedblog.demo.peer"),
                *("--port", str(self.port), "--database", str(self.file)),
            ],
            env={**os.environ, "PEER_SECRET": SECRET},
        )
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            try:
                self.ask("GET", "/")
                return
            except OSError:
                time.sleep(0.05)
        raise AssertionError("the peer did not start")

    def ask(self, method, path, body=None, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        return answer.status, answer.read()

    def act(self, action, secret=SECRET, **arguments):
        status, body = self.ask(
            "POST",
            f"/control/{action}",
            json.dumps(arguments),
            {"authorization": f"Bearer {secret}"},
        )
        return status, json.loads(body)

    def rows(self, query):
        with sqlite3.connect(f"file:{self.file}?mode=ro", uri=True) as connection:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute(query)]

    def stop(self):
        self.process.terminate()
        self.process.wait(10)


@pytest.fixture(scope="module")
def peer(tmp_path_factory):
    peer = Peer(tmp_path_factory.mktemp("peer"))
    yield peer
    peer.stop()


@pytest.fixture(scope="module")
def blog():
    blog = Blog()
    yield blog
    blog.server.shutdown()


def signature_holds(peer, blog, request):
    """Checks a request of the peer over a signing string built here from draft-cavage's text."""
    path, headers, body = request
    headers = {name.lower(): value for name, value in headers.items()}
    parts = dict(part.split("=", 1) for part in headers["signature"].split(","))
    assert parts["headers"] == '"(request-target) host date digest"'
    digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
    assert headers["digest"] == f"SHA-256={digest}"
    text = (
        f"(request-target): post {path}\nhost: {blog.host}\n"
        f"date: {headers['date']}\ndigest: SHA-256={digest}"
    )
    name = parts["keyId"].strip('"').split("/users/")[1].split("#")[0]
    actor = json.loads(peer.ask("GET", f"/users/{name}")[1])
    load_pem_public_key(actor["publicKey"]["publicKeyPem"].encode()).verify(
        base64.b64decode(parts["signature"].strip('"')),
        text.encode(),
        padding.PKCS1v15(),
        SHA256(),
    )
    return json.loads(body)


def test_handle_is_resolved_and_the_actor_stands_in_the_database(peer, blog):
    status, actor = peer.act("resolve", handle=f"@group@{blog.host}")
    assert (status, actor["type"]) == (200, "Group")
    assert [row["handle"] for row in peer.rows("SELECT handle FROM actors")] == [
        f"group@{blog.host}"
    ]


def test_follow_is_signed_and_counts_as_accepted_only_after_the_accept(peer, blog):
    actor = f"{blog.base}/ap/blog"
    status, follow = peer.act("follow", person="ines", actor=actor)
    assert status == 200
    assert signature_holds(peer, blog, blog.inbox[-1]) == follow
    assert peer.rows("SELECT state FROM following")[0]["state"] == "asked"
    accept = {"id": f"{actor}/a/1", "type": "Accept", "actor": actor, "object": follow}
    assert blog.deliver(peer, accept) == 202
    assert peer.rows("SELECT state FROM following")[0]["state"] == "accepted"


def test_article_with_a_good_signature_is_stored_and_a_later_update_replaces_it(peer, blog):
    actor = f"{blog.base}/ap/blog"
    create = {"id": f"{actor}/a/2", "type": "Create", "actor": actor, "object": blog.article()}
    assert blog.deliver(peer, create) == 202
    assert blog.deliver(peer, create) == 202
    edited = blog.article(name="A better title", updated="2026-11-25T10:00:01Z")
    update = {"id": f"{actor}/a/3", "type": "Update", "actor": actor, "object": edited}
    assert blog.deliver(peer, update, path="/inbox") == 202
    assert [row["name"] for row in peer.rows("SELECT name FROM objects")] == ["A better title"]


def test_altered_body_is_refused_and_nothing_is_stored(peer, blog):
    actor = f"{blog.base}/ap/blog"
    create = {
        "id": f"{actor}/a/9",
        "type": "Create",
        "actor": actor,
        "object": blog.article(id=f"{blog.base}/ap/posts/9"),
    }
    assert blog.deliver(peer, create, tamper=True) == 401
    assert peer.rows("SELECT * FROM received WHERE id LIKE '%/a/9'") == []
    assert "digest" in peer.rows("SELECT reason FROM refused")[-1]["reason"]


def test_reply_to_an_own_reply_still_addresses_the_blog_and_edit_and_delete_follow(peer, blog):
    post = f"{blog.base}/ap/posts/1"
    _, first = peer.act("reply", person="ines", target=post, content="Yes & no")
    _, second = peer.act("reply", person="ines", target=first["object"]["id"], content="Rather no")
    sent = signature_holds(peer, blog, blog.inbox[-1])
    assert sent["object"]["inReplyTo"] == first["object"]["id"]
    assert f"{blog.base}/ap/blog" in sent["object"]["cc"]
    assert "Yes &amp; no" in first["object"]["content"]
    _, update = peer.act("edit", note_id=first["object"]["id"], content="Yes")
    assert (update["type"], update["object"]["updated"] is not None) == ("Update", True)
    _, delete = peer.act("delete", note_id=second["object"]["id"])
    assert (delete["type"], delete["object"]["type"]) == ("Delete", "Tombstone")
    path = second["object"]["id"].removeprefix(f"http://{peer.host}")
    assert peer.ask("GET", path)[0] == 410


def test_like_and_boost_are_sent_to_the_author_and_can_be_taken_back(peer, blog):
    post = f"{blog.base}/ap/posts/1"
    kinds = []
    for action in ("like", "boost"):
        status, activity = peer.act(action, person="wick", target=post)
        assert (status, activity["object"]) == (200, post)
        kinds.append(signature_holds(peer, blog, blog.inbox[-1])["type"])
        _, undo = peer.act("undo", person="wick", activity_id=activity["id"])
        assert undo["object"]["id"] == activity["id"]
    assert kinds == ["Like", "Announce"]


@pytest.mark.parametrize(
    ("secret", "action", "arguments", "status"),
    [
        ("wrong", "follow", {}, 401),
        (SECRET, "dance", {}, 404),
        (SECRET, "follow", {"whom": "x"}, 400),
        (SECRET, "resolve", {"handle": "nobody"}, 502),
        (SECRET, "resolve", {"handle": "a@192.0.2.1"}, 502),
        (SECRET, "delete", {"note_id": "none"}, 502),
    ],
)
def test_control_refuses_what_it_cannot_do(peer, secret, action, arguments, status):
    assert peer.act(action, secret=secret, **arguments)[0] == status


def test_people_have_pages_and_portraits(peer):
    status, picture = peer.ask("GET", "/avatars/ines.png")
    assert (status, picture[:8]) == (200, b"\x89PNG\r\n\x1a\n")
    assert "Ines Varga" in peer.ask("GET", "/@ines")[1].decode()
    assert peer.ask("GET", "/users/nobody")[0] == 404
