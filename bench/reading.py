"""Measures what every activity costs at the door: reading it, and checking each kind of signature.

``python bench/reading.py [--rounds N] [--count N] [--json FILE]``. Reading is from the bytes of a
reply to the typed activity (strict JSON within bounds, then tolerant reading), at most 100 µs.
Verification is what an inbox does with headers and body once the key is known: parsing, coverage,
date, digest, signature. One thread, no server, no network; the middle of the rounds, in processor
time.
"""

import json
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from parts import people
from parts.people import Neighbourhood
from parts.report import Row, options, publish

from fedblog.activitystreams import json as strict_json
from fedblog.activitystreams.reading import read_activity
from fedblog.domain.addresses import Addresses
from fedblog.federation.verification import Verifier, gather
from fedblog.settings import Settings
from fedblog.signatures import cavage, messages, proofs
from fedblog.signatures.digest import digest_header
from fedblog.signatures.keys import SigningKey, generate_ed25519, load_private, load_public

BASE_URL = "https://blog.example.org"
HOST = "blog.example.org"
PATH = "/ap/inbox"
LARGEST_READING_US = 100
COVERED = ("(request-target)", "host", "date", "digest")

Work = Callable[[], object]


def plain_reply() -> bytes:
    """A reply as Mastodon sends it: a mention and a link."""
    crowd = Neighbourhood(1, 1, 1, 443)
    return people.reply(crowd, 0, "1", f"{BASE_URL}/ap/posts/1", f"{BASE_URL}/ap/blog")


def rich_reply() -> bytes:
    """The same with pictures, hashtags, emoji, more mentions and a collection of its replies."""
    document = json.loads(plain_reply())
    note = document["object"]
    host = "https://peer.example"
    note["attachment"] = [
        {
            "type": "Document",
            "mediaType": "image/jpeg",
            "url": f"{host}/media/{number}.jpg",
            "name": "A heron on a post",
            "blurhash": "UBL_:rOpGG-;~qRjWBay",
            "width": 1200,
            "height": 800,
        }
        for number in range(4)
    ]
    for number in range(3):
        name = f"word{number}"
        note["tag"] += [
            {"type": "Hashtag", "href": f"{host}/tags/{name}", "name": f"#{name}"},
            {"type": "Mention", "href": f"{host}/users/{name}", "name": f"@{name}@peer.example"},
            {
                "id": f"{host}/emojis/{number}",
                "type": "Emoji",
                "name": f":{name}:",
                "updated": "2026-01-01T00:00:00Z",
                "icon": {"type": "Image", "mediaType": "image/png", "url": f"{host}/{name}.png"},
            },
        ]
    note["replies"] = {
        "id": f"{note['id']}/replies",
        "type": "Collection",
        "first": {"type": "CollectionPage", "partOf": f"{note['id']}/replies", "items": []},
    }
    return json.dumps(document).encode()


def reading(body: bytes, settings: Settings) -> Work:
    """From *body* to the typed activity."""

    def read() -> object:
        document = strict_json.parse(
            body, max_depth=settings.json_max_depth, max_items=settings.json_max_items
        )
        return read_activity(document)

    return read


class Signatures:
    """Checks of one signed request in each scheme, by what the inboxes use."""

    def __init__(self, body: bytes, settings: Settings) -> None:
        self._body = body
        actor = json.loads(body)["actor"]
        private, public = people.keys(1)[0]
        self._rsa = SigningKey(f"{actor}#main-key", load_private(private)), load_public(public)
        private, public = generate_ed25519()
        self._ed25519 = (
            SigningKey(f"{actor}#ed25519-key", load_private(private)),
            load_public(public),
        )
        site: Any = SimpleNamespace(settings=settings, addresses=Addresses(BASE_URL, "blog", ""))
        nobody: Any = SimpleNamespace(holds_for=lambda uri: False)
        self._verifier = Verifier(site, nobody)

    def _checking(self, headers: dict[str, str], public: Any) -> Work:
        raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]

        def check() -> None:
            signed = self._verifier.check("POST", PATH, "", gather(raw), self._body)
            signed.check(public)

        return check

    def cavage(self) -> Work:
        """draft-cavage-12 with RSA-2048, as most servers send it."""
        key, public = self._rsa
        headers = {
            "host": HOST,
            "date": format_datetime(datetime.now(UTC), usegmt=True),
            "digest": digest_header(self._body),
        }
        signature = cavage.sign(key, method="POST", target=PATH, headers=headers, covered=COVERED)
        return self._checking({**headers, "signature": signature}, public)

    def message(self, *, by_ed25519: bool) -> Work:
        """RFC 9421 with RSA-2048 or Ed25519."""
        key, public = self._ed25519 if by_ed25519 else self._rsa
        added = messages.sign(
            key,
            method="POST",
            url=BASE_URL + PATH,
            headers={},
            body=self._body,
            created=int(time.time()),
            algorithm="ed25519" if by_ed25519 else "rsa-v1_5-sha256",
        )
        return self._checking({"host": HOST, **added}, public)

    def proof(self) -> Work:
        """FEP-8b32, eddsa-jcs-2022."""
        key, public = self._ed25519
        document = proofs.add(json.loads(self._body), key, datetime.now(UTC))
        return lambda: proofs.verify(document, public)


def measure(name: str, work: Work, rounds: int, count: int) -> Row:
    """Microseconds of processor time for one piece of *work*, round by round."""
    row = Row(name, "µs")
    work()
    for _ in range(rounds):
        begun = time.thread_time()
        for _ in range(count):
            work()
        row.ours.append((time.thread_time() - begun) / count * 1e6)
    row.details["fastest round"] = f"{min(row.ours):,.0f} µs"
    row.details["a second on one core"] = f"{1e6 / row.median:,.0f}"
    return row


def main() -> int:
    """Run the bench; 1 when reading a typical reply takes too long."""
    parser = options(__doc__ or "", rounds=5)
    parser.add_argument("--count", type=int, default=2000, help="times in each round")
    chosen = parser.parse_args()
    settings = Settings(base_url=BASE_URL)
    plain, rich = plain_reply(), rich_reply()
    signatures = Signatures(plain, settings)
    work = {
        "read a typical reply": reading(plain, settings),
        "read a rich reply": reading(rich, settings),
        "verify draft-cavage, RSA-2048": signatures.cavage(),
        "verify RFC 9421, RSA-2048": signatures.message(by_ed25519=False),
        "verify RFC 9421, Ed25519": signatures.message(by_ed25519=True),
        "verify a proof, Ed25519": signatures.proof(),
    }
    rows = [measure(name, one, chosen.rounds, chosen.count) for name, one in work.items()]
    rows[0].details["at most"] = f"{LARGEST_READING_US} µs"
    notes = {
        "bytes of the typical reply": len(plain),
        "bytes of the rich reply": len(rich),
        "reading a typical reply within its bound": rows[0].median <= LARGEST_READING_US,
    }
    publish("reading", rows, notes, chosen.json)
    return 0 if rows[0].median <= LARGEST_READING_US else 1


if __name__ == "__main__":
    sys.exit(main())
