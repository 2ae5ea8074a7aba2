"""What kinds of attack are made from: who sends, what is aimed at, how a request is written."""

import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from parts import people
from parts.people import Neighbourhood

INBOX = "/ap/inbox"
Answer = Callable[[str, str], Awaitable[bytes | None]]
"""``(host, path)`` of a request to an attacker's server → the whole response, None to hang up."""


@dataclass(slots=True)
class Stage:
    """Where an attack happens. *domains* is how many of the attackers' domains send: 200, or 1;
    *folder* is the server's data folder (for a kind's ``after``, which may look and not touch)."""

    base_url: str
    host: str
    posts: list[str]
    pages: list[str]
    bad: Neighbourhood
    folder: Path
    domains: int = 200
    replays: list[bytes] = field(default_factory=list)
    _private: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._private = [private for private, _ in people.keys(self.bad.keys)]

    @property
    def blog(self) -> str:
        """The blog's actor."""
        return f"{self.base_url}/ap/blog"

    def person(self, number: int) -> str:
        """The attacker who sends request *number*."""
        return self.bad.actor(number % self.domains)

    def private(self, number: int) -> str:
        """That attacker's private key, as PEM."""
        return self._private[number % self.domains % self.bad.keys]

    def post(self, number: int) -> str:
        """A post of the blog."""
        return self.posts[number % len(self.posts)]

    def note(self, number: int, serial: str, **changed: Any) -> dict[str, Any]:
        """A public Note in reply to a post, with the properties *changed*."""
        actor = self.person(number)
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        return {
            "id": f"{actor}/statuses/{serial}-{number}",
            "type": "Note",
            "attributedTo": actor,
            "inReplyTo": self.post(number),
            "published": now,
            "to": [people.PUBLIC],
            "cc": [self.blog],
            "content": "<p>Not honest.</p>",
        } | changed

    def create(self, number: int, serial: str, item: Any = None, **changed: Any) -> bytes:
        """The body of a Create of *item* (a Note where none is given)."""
        return self.activity(number, serial, "Create", item or self.note(number, serial), **changed)

    def activity(self, number: int, serial: str, kind: str, item: Any, **changed: Any) -> bytes:
        """The body of an activity about *item*."""
        actor = self.person(number)
        document = {
            "@context": "https://www.w3.org/ns/activitystreams",
            "id": f"{actor}/activities/{serial}-{number}",
            "type": kind,
            "actor": actor,
            "to": [people.PUBLIC],
            "object": item,
        }
        return json.dumps(document | changed, ensure_ascii=False).encode()

    def sign(self, body: bytes, number: int) -> bytes:
        """A POST of *body* to the inbox, signed by the attacker of *number*."""
        return self.sign_as(self.person(number), body, number)

    def sign_as(self, actor: str, body: bytes, number: int) -> bytes:
        """The same in the name of *actor*."""
        return people.signed(body, actor, self.private(number), self.host, INBOX)

    def forge(self, body: bytes, number: int) -> bytes:
        """The same by a key that is not theirs."""
        actor, other = self.person(number), self._private[-1 - number % (len(self._private) // 2)]
        if other == self.private(number):
            other = self._private[0]
        return people.signed(body, actor, other, self.host, INBOX)

    def request(
        self, body: bytes, headers: dict[str, str], method: str = "POST", path: str = INBOX
    ) -> bytes:
        """A request with just these *headers*, Host and Content-Length."""
        kind = {} if "Content-Type" in headers else {"Content-Type": "application/activity+json"}
        given = {"Host": self.host} | kind | headers | {"Content-Length": str(len(body))}
        head = "".join(f"{name}: {value}\r\n" for name, value in given.items())
        return f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode("latin-1") + body


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of hostile request.

    *make* gives the request with a number; *statuses* are the answers that are right when many
    senders share the work ("none" is a connection closed without one). A single sender may be
    answered 429, 503 or "none" besides. *rate* is of requests a second where 200 are not meant.
    *after* looks once the kind is over for what it must not have done, and says so in sentences.
    """

    name: str
    make: Callable[[Stage, int], bytes]
    statuses: frozenset[str]
    rate: float | None = None
    after: Callable[[Stage], list[str]] | None = None


def answered(*statuses: int | str) -> frozenset[str]:
    """The *statuses* as a `Kind` takes them."""
    return frozenset(map(str, statuses))


def found(body: bytes, media_type: str = "application/activity+json") -> bytes:
    """A 200 with *body*, as an `Answer` gives it."""
    head = f"HTTP/1.1 200 OK\r\ncontent-type: {media_type}\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body
