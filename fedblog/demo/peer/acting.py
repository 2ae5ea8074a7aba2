"""What the peer's people do: look someone up, follow, reply, like, boost, edit, delete.

Everything here blocks (network and database) and runs on a thread.
"""

import itertools
import json
import time
from typing import Any
from urllib.parse import urlsplit

from fedblog.demo.peer import fetching
from fedblog.demo.peer.documents import PUBLIC, Documents
from fedblog.demo.peer.records import Records, now_text


class ActingError(Exception):
    """What was asked of a person cannot be done; the message says why."""


class Acting:
    """Carries out what the control interface asks for."""

    def __init__(self, records: Records, documents: Documents) -> None:
        self._records = records
        self._documents = documents
        self._numbers = itertools.count(time.time_ns() // 1000)

    def resolve(self, handle: str) -> dict[str, Any]:
        """Look *handle* up by WebFinger, fetch its actor and keep it."""
        uri = fetching.webfinger(handle)
        return self.fetch_actor(uri, handle.removeprefix("@"))

    def fetch_actor(self, uri: str, handle: str = "") -> dict[str, Any]:
        """Fetch an actor and keep it. Raises ActingError when a part is missing."""
        document = fetching.get_activity(uri, *self._key("ines"))
        key = document.get("publicKey")
        if not isinstance(key, dict) or key.get("owner") != document["id"]:
            raise ActingError(f"{uri} has no key of its own")
        if not all(document.get(part) for part in ("type", "preferredUsername", "inbox", "outbox")):
            raise ActingError(f"{uri} is not a whole actor")
        handle = handle or f"{document['preferredUsername']}@{urlsplit(uri).netloc}"
        self._records.keep_actor(document, handle)
        return document

    def follow(self, person: str, actor: str) -> dict[str, Any]:
        """Send a Follow; the answer comes to the inbox later."""
        activity = self._documents.activity("Follow", person, self._number(), actor, to=[actor])
        self._records.run(
            "INSERT OR REPLACE INTO following VALUES (?, ?, ?, 'asked', ?, NULL, NULL)",
            (person, actor, activity["id"], now_text()),
        )
        self._send(person, activity, [self._actor(actor)["inbox"]])
        return activity

    def reply(self, person: str, target: str, content: str) -> dict[str, Any]:
        """Write a reply to a post or a note of anyone and send it to those it concerns."""
        note_id = f"{self._documents.actor_id(person)}/notes/{self._number()}"
        mentions = self._people_of(target)
        row = {
            "id": note_id,
            "person": person,
            "content": content,
            "in_reply_to": target,
            "mention": "\n".join(
                f"{actor['id']} {json.loads(actor['document']).get('url') or actor['id']}"
                f" {actor['handle']}"
                for actor in mentions
            ),
            "published": now_text(),
            "updated": None,
            "deleted_at": None,
        }
        self._records.run("INSERT INTO notes VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row.values())
        return self._send_note("Create", row, mentions)

    def like(self, person: str, target: str) -> dict[str, Any]:
        """Send a Like to the author of *target*."""
        authors = self._people_of(target)
        activity = self._documents.activity(
            "Like", person, self._number(), target, to=[actor["id"] for actor in authors]
        )
        self._send(person, activity, [actor["inbox"] for actor in authors])
        return activity

    def boost(self, person: str, target: str) -> dict[str, Any]:
        """Send an Announce of *target* to its author."""
        authors = self._people_of(target)
        followers = f"{self._documents.actor_id(person)}/followers"
        activity = self._documents.activity(
            "Announce",
            person,
            self._number(),
            target,
            published=now_text(),
            to=[PUBLIC],
            cc=[followers, *(actor["id"] for actor in authors)],
        )
        self._send(person, activity, [actor["inbox"] for actor in authors])
        return activity

    def undo(self, person: str, activity_id: str) -> dict[str, Any]:
        """Take back a follow, a like or a boost that was sent before."""
        sent = self._records.row(
            "SELECT type, object FROM sent WHERE id = ? AND person = ?", (activity_id, person)
        )
        if sent is None:
            raise ActingError(f"{person} never sent {activity_id}")
        inner = self._documents.activity(sent["type"], person, "0", sent["object"])
        inner["id"] = activity_id
        del inner["@context"]
        activity = self._documents.activity("Undo", person, self._number(), inner, to=[PUBLIC])
        actor = self._records.row("SELECT * FROM actors WHERE id = ?", (sent["object"],))
        people = [actor] if actor else self._people_of(sent["object"])
        self._send(person, activity, [each["inbox"] for each in people])
        return activity

    def edit(self, note_id: str, content: str) -> dict[str, Any]:
        """Change the text of a reply and say so with an Update."""
        row = self._note(note_id)
        self._records.run(
            "UPDATE notes SET content = ?, updated = ? WHERE id = ?",
            (content, now_text(), note_id),
        )
        return self._send_note("Update", self._note(note_id), self._people_of(row["in_reply_to"]))

    def delete(self, note_id: str) -> dict[str, Any]:
        """Take a reply back with a Delete."""
        row = self._note(note_id)
        self._records.run("UPDATE notes SET deleted_at = ? WHERE id = ?", (now_text(), note_id))
        row = {**row, "deleted_at": now_text()}
        return self._send_note("Delete", row, self._people_of(row["in_reply_to"]))

    def accept(self, person: str, follow: dict[str, Any]) -> dict[str, Any]:
        """Answer a Follow of one of our people."""
        activity = self._documents.activity(
            "Accept", person, self._number(), follow, to=[follow["actor"]]
        )
        self._send(person, activity, [self._actor(follow["actor"])["inbox"]])
        return activity

    def _send_note(
        self, kind: str, row: dict[str, Any], mentions: list[dict[str, Any]]
    ) -> dict[str, Any]:
        note = self._documents.note(row)
        activity = self._documents.activity(
            kind,
            row["person"],
            self._number(),
            note,
            published=now_text(),
            to=[PUBLIC],
            cc=note.get("cc", []),
        )
        self._send(row["person"], activity, [actor["inbox"] for actor in mentions])
        return activity

    def _people_of(self, target: str) -> list[dict[str, Any]]:
        """The remote people a reply to *target* concerns, the nearest first."""
        people: list[dict[str, Any]] = []
        uri: str | None = target
        for _ in range(20):
            if uri is None:
                break
            own = self._records.row("SELECT * FROM notes WHERE id = ?", (uri,))
            if own is not None:
                uri = own["in_reply_to"]
                continue
            held = self._records.row("SELECT * FROM objects WHERE id = ?", (uri,))
            if held is None:
                document = fetching.get_activity(uri, *self._key("ines"))
                self._records.keep_object(document, str(document.get("attributedTo")))
                held = self._records.row("SELECT * FROM objects WHERE id = ?", (uri,))
            if held is None:
                break
            actor = self._actor(held["author"])
            if actor not in people:
                people.append(actor)
            uri = held["in_reply_to"]
        if not people:
            raise ActingError(f"nobody else takes part in {target}")
        return people

    def _actor(self, uri: str) -> dict[str, Any]:
        held = self._records.row("SELECT * FROM actors WHERE id = ?", (uri,))
        if held is None:
            self.fetch_actor(uri)
            held = self._records.row("SELECT * FROM actors WHERE id = ?", (uri,))
        if held is None:
            raise ActingError(f"{uri} is not known")
        return held

    def _note(self, note_id: str) -> dict[str, Any]:
        row = self._records.row("SELECT * FROM notes WHERE id = ?", (note_id,))
        if row is None or row["deleted_at"]:
            raise ActingError(f"there is no note {note_id}")
        return row

    def _key(self, person: str) -> tuple[str, str]:
        row = self._records.row("SELECT private_pem FROM people WHERE name = ?", (person,))
        if row is None:
            raise ActingError(f"nobody here is called {person}")
        return self._documents.key_id(person), str(row["private_pem"])

    def _send(self, person: str, activity: dict[str, Any], inboxes: list[str]) -> None:
        key = self._key(person)
        for inbox in dict.fromkeys(inboxes):
            status = fetching.post_activity(inbox, activity, *key)
            self._records.keep_sent(activity, person, status)
            if status not in (200, 201, 202, 204):
                raise ActingError(f"{inbox} answered {status} to {activity['id']}")

    def _number(self) -> str:
        return str(next(self._numbers))
