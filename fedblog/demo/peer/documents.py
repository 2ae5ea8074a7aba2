"""The peer's own JSON: its people, their notes, the activities they send, its WebFinger answers."""

import re
from html import escape
from typing import Any
from urllib.parse import urlsplit

from fedblog.demo.peer.people import Person

PUBLIC = "https://www.w3.org/ns/activitystreams#Public"
CONTEXT = ["https://www.w3.org/ns/activitystreams", "https://w3id.org/security/v1"]


class Documents:
    """Builds every document from the peer's base URL."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url
        self.host = urlsplit(base_url).netloc

    def actor_id(self, name: str) -> str:
        """The id of one of our people."""
        return f"{self.base_url}/users/{name}"

    def key_id(self, name: str) -> str:
        """The id of that person's key."""
        return f"{self.actor_id(name)}#main-key"

    def person(self, person: Person, public_pem: str) -> dict[str, Any]:
        """The actor document."""
        actor = self.actor_id(person.name)
        return {
            "@context": CONTEXT,
            "id": actor,
            "type": "Person",
            "preferredUsername": person.name,
            "name": person.display_name,
            "summary": f"<p>{escape(person.bio)}</p>",
            "url": f"{self.base_url}/@{person.name}",
            "inbox": f"{actor}/inbox",
            "outbox": f"{actor}/outbox",
            "followers": f"{actor}/followers",
            "following": f"{actor}/following",
            "manuallyApprovesFollowers": False,
            "published": "2026-01-01T00:00:00Z",
            "icon": {
                "type": "Image",
                "mediaType": "image/png",
                "url": f"{self.base_url}/avatars/{person.name}.png",
            },
            "endpoints": {"sharedInbox": f"{self.base_url}/inbox"},
            "publicKey": {
                "id": self.key_id(person.name),
                "owner": actor,
                "publicKeyPem": public_pem,
            },
        }

    def webfinger(self, person: Person) -> dict[str, Any]:
        """The answer for ``acct:name@host`` (RFC 7033)."""
        return {
            "subject": f"acct:{person.name}@{self.host}",
            "aliases": [self.actor_id(person.name), f"{self.base_url}/@{person.name}"],
            "links": [
                {
                    "rel": "self",
                    "type": "application/activity+json",
                    "href": self.actor_id(person.name),
                },
                {
                    "rel": "http://webfinger.net/rel/profile-page",
                    "type": "text/html",
                    "href": f"{self.base_url}/@{person.name}",
                },
            ],
        }

    def note(self, row: dict[str, Any]) -> dict[str, Any]:
        """The Note of a row of ``notes``; a Tombstone when it was deleted."""
        if row["deleted_at"]:
            return {"id": row["id"], "type": "Tombstone", "deleted": row["deleted_at"]}
        actor = self.actor_id(row["person"])
        mentioned = [part.split(" ", 2) for part in row["mention"].splitlines()]
        links = "".join(
            f'<a href="{escape(page)}" class="u-url mention">@{escape(handle.split("@")[0])}</a> '
            for _, page, handle in mentioned
        )
        note: dict[str, Any] = {
            "id": row["id"],
            "type": "Note",
            "summary": None,
            "inReplyTo": row["in_reply_to"],
            "published": row["published"],
            "url": self.note_page(row),
            "attributedTo": actor,
            "to": [PUBLIC],
            "cc": [f"{actor}/followers", *(uri for uri, _, _ in mentioned)],
            "sensitive": False,
            "content": f"<p>{links}{escape(row['content'])}</p>",
            "contentMap": {"en": f"<p>{links}{escape(row['content'])}</p>"},
            "attachment": [],
            "tag": [
                {"type": "Mention", "href": uri, "name": f"@{handle}"}
                for uri, _, handle in mentioned
            ],
            "replies": {
                "id": f"{row['id']}/replies",
                "type": "Collection",
                "first": {"type": "CollectionPage", "partOf": f"{row['id']}/replies", "items": []},
            },
        }
        if row["updated"]:
            note["updated"] = row["updated"]
        return note

    def note_page(self, row: dict[str, Any]) -> str:
        """The human address of a note."""
        return f"{self.base_url}/@{row['person']}/{row['id'].rsplit('/', 1)[1]}"

    def activity(
        self, kind: str, person: str, number: str, inner: str | dict[str, Any], **more: Any
    ) -> dict[str, Any]:
        """An activity of one of our people."""
        return {
            "@context": CONTEXT,
            "id": f"{self.actor_id(person)}#{kind.lower()}s/{number}",
            "type": kind,
            "actor": self.actor_id(person),
            "object": inner,
            **more,
        }


def plain(html: str) -> str:
    """The text of a bit of HTML, for the peer's plain pages only."""
    return re.sub(r"<[^>]*>", " ", html)
