"""What the peer does with what arrives: verify, deduplicate, store.

Everything here blocks and runs on a thread.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from fedblog.demo.peer import signing
from fedblog.demo.peer.acting import Acting, ActingError
from fedblog.demo.peer.documents import Documents
from fedblog.demo.peer.fetching import FetchError
from fedblog.demo.peer.records import Records


class Inbox:
    """Takes deliveries for all people of the peer."""

    def __init__(self, records: Records, documents: Documents, acting: Acting) -> None:
        self._records = records
        self._documents = documents
        self._acting = acting

    def take(self, target: str, headers: Mapping[str, str], body: bytes) -> int:
        """Verify and store one delivery; gives the HTTP status."""
        try:
            document = json.loads(body)
            actor, _ = str(document["actor"]), str(document["id"])
        except (ValueError, KeyError, TypeError):
            return 400
        try:
            claim = signing.read_claim(headers.get("signature"))
            if headers.get("host") != self._documents.host:
                raise signing.RefusedError("the host is not this one")
            if claim.key_id.split("#")[0] != actor:
                raise signing.RefusedError("the signer is not the actor")
            signing.verify(
                claim,
                self._public_key(claim.key_id, actor),
                method="post",
                target=target,
                headers=headers,
                body=body,
                now=datetime.now(UTC),
            )
        except (signing.RefusedError, FetchError, ActingError, ValueError) as error:
            self._records.keep_refused(str(error), body)
            return 401
        if self._records.keep_received(document, target, claim.key_id):
            self._apply(document, actor)
        return 202

    def _public_key(self, key_id: str, actor: str) -> str:
        held = self._records.row("SELECT * FROM actors WHERE id = ?", (actor,))
        if held is None or held["key_id"] != key_id:
            self._acting.fetch_actor(actor)
            held = self._records.row("SELECT * FROM actors WHERE id = ?", (actor,))
        if held is None or held["key_id"] != key_id:
            raise signing.RefusedError(f"{actor} does not list the key {key_id}")
        return str(held["public_pem"])

    def _apply(self, document: dict[str, Any], actor: str) -> None:
        kind, inner = document["type"], document.get("object")
        inner_id = inner.get("id") if isinstance(inner, dict) else inner
        if kind in ("Create", "Update") and isinstance(inner, dict) and inner_id:
            if inner.get("attributedTo") == actor:
                self._records.keep_object(inner, actor)
        elif kind == "Delete" and inner_id:
            self._records.forget_object(str(inner_id), actor)
        elif kind == "Accept" and inner_id:
            self._records.accept(str(inner_id), actor, document["id"])
        elif kind == "Follow" and isinstance(inner_id, str):
            person = inner_id.removeprefix(self._documents.actor_id(""))
            self._acting.accept(person, document)
