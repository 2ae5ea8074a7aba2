"""Every real document of other servers, through a running inbox.

Each comes from its own actor, whose address and whose every other address are moved to the second
server of the tests, so that it is signed for real and nothing outside is asked. The corpus stands
beside the checkout; where it is missing, this is skipped.
"""

import json
import re
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import Connection, select
from support.outcomes import CORPUS, corpus
from support.people import PUBLIC, People, public_pem
from support.servers import Server, running_server

from fedblog.activitystreams import values
from fedblog.activitystreams.vocabulary import ACTIVITY_TYPES, REPLY_TYPES
from fedblog.settings import Settings
from fedblog.storage.tables import comments

FILES = corpus()
KEPT = ("www.w3.org", "w3id.org", "joinmastodon.org", "schema.org", "purl.org")

pytestmark = pytest.mark.skipif(not FILES, reason="the corpus is not beside the checkout")


@pytest.fixture
async def server(settings: Settings, database_url: str) -> AsyncIterator[Server]:
    """A server that does not mind how fast one host sends."""
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    changes = {"database_url": database_url, "host_burst": 100_000, "actor_burst": 100_000}
    async with running_server(settings.model_copy(update=changes)) as started:
        yield started


class Sender:
    """Sends documents of the corpus in the names of their actors."""

    def __init__(self, server: Server, people: People) -> None:
        self.server = server
        self.people = people
        self.statuses: Counter[int] = Counter()

    def moved(self, text: str) -> Any:
        """The document in *text* with its addresses on the second server."""

        def move(match: re.Match[str]) -> str:
            return match[0] if match[1].startswith(KEPT) else self.people.base_url

        return json.loads(re.sub(r'https?:(?:\\?/){2}([^/"\\\s?#<>]+)', move, text))

    async def send(self, document: dict[str, Any], name: str) -> int:
        """POST *document*, signed by its actor (made up where it has none that can sign)."""
        actor = values.uri(document.get("actor")) or ""
        base_url = self.people.base_url
        if actor != base_url and not actor.startswith(base_url + "/"):
            actor = self.people.uri("ann")
        path = actor[len(base_url) :] or "/"
        key_id = f"{actor}#main-key"
        key = {"id": key_id, "owner": actor, "publicKeyPem": public_pem("ann")}
        plain = self.people.actor_document("ann")
        self.people.publish(path, plain | {"id": actor, "publicKey": key})
        body = json.dumps(document).encode()
        answer = await self.people.post(self.server.inbox, body, by="ann", key_id=key_id)
        assert answer.status_code in (202, 400), (name, answer.status_code, answer.text)
        self.statuses[answer.status_code] += 1
        return answer.status_code


async def test_no_document_of_the_corpus_is_an_error_of_ours(server: Server, people: People):
    post = await server.publish()
    sender = Sender(server, people)
    for file in FILES:
        document = sender.moved(file.read_text())
        name = str(file.relative_to(CORPUS))
        if not isinstance(document, dict):
            continue
        if values.type_of(document) in ACTIVITY_TYPES:
            status = await sender.send(document, name)
            actor = values.web_address(values.uri(document.get("actor")))
            assert status == (202 if actor else 400), name
        else:
            actor = values.uri(document.get("attributedTo")) or people.uri("ann")
            for kind in ("Create", "Update", "Announce"):
                activity = people.activity(kind, "ann", document, actor=actor)
                await sender.send(activity, name)
    assert sender.statuses[202] > 600
    assert await server.comments(post) == []
    assert (await server.anonymous("/")).status_code == 200


async def test_every_public_reply_of_the_corpus_is_shown(server: Server, people: People):
    post = await server.publish()
    sender = Sender(server, people)
    expected: dict[str, str] = {}
    for file in FILES:
        document = sender.moved(file.read_text())
        if not isinstance(document, dict) or file.parent.name == "hostile":
            continue
        item = document.get("object") if document.get("type") == "Create" else document
        if not isinstance(item, dict) or values.type_of(item) not in REPLY_TYPES:
            continue
        name = str(file.relative_to(CORPUS))
        author = values.uri(item.get("attributedTo")) or values.uri(document.get("actor"))
        if not values.uri(item.get("id")) or not author:
            continue
        item["inReplyTo"] = post["activitypub_id"]
        item["to"] = [PUBLIC]
        is_vote = "name" in item and not item.get("content") and item["type"] == "Note"
        if not is_vote and item["id"].startswith(people.base_url + "/"):
            expected[item["id"]] = name
        await sender.send(people.activity("Create", "ann", item, actor=author), name)

    def stored(connection: Connection) -> set[str]:
        return set(connection.execute(select(comments.c.uri)).scalars())

    kept = await server.site.store.read(stored)
    missing = {name for uri, name in expected.items() if uri not in kept}
    assert missing == set()
    assert len(expected) > 60
    for path in (post["url"], f"/ap/posts/{post['id']}/replies", "/feed/"):
        answer = await server.anonymous(path)
        assert answer.status_code == 200, (path, answer.text[:300])
    assert len(await server.comments(post)) > 0
