"""The only way anything is sent: recorded in the caller's unit, delivered by the loop.

The activity's bytes are made once, here; what is signed and sent at every try are these bytes.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection

from fedblog.activitystreams.json import dump
from fedblog.domain.addresses import BLOG
from fedblog.domain.ids import new_id
from fedblog.signatures.keys import ED25519, PrivateKey, SigningKey, load_private
from fedblog.storage import activities, fan_out
from fedblog.storage import keys as key_rows
from fedblog.storage.activities import StoredActivity
from fedblog.storage.slices import Allowance


@dataclass(frozen=True, slots=True)
class Outgoing:
    """An activity of the local actor *owner*, complete with its ``id``.

    *activity_id* is the ULID in that id; *object_uri* and *object_version* say what it is about
    and which version of it; *post_id* under which post it belongs; *is_public* whether outbox
    collections may list it.
    """

    owner: str
    type: str
    document: Mapping[str, Any]
    activity_id: str
    object_uri: str | None = None
    object_version: int | None = None
    post_id: str | None = None
    is_public: bool = False


@dataclass(frozen=True, slots=True)
class Recipients:
    """Everyone who follows one of *follower_owners*, the people in the *conversation* under a post,
    and the inboxes at *inboxes* (few); an inbox that several recipients share gets one delivery."""

    follower_owners: tuple[str, ...] = ()
    inboxes: tuple[str, ...] = ()
    conversation: str | None = None


def record(
    connection: Connection,
    blog_id: int,
    outgoing: Outgoing,
    recipients: Recipients,
    now: datetime,
    at_once: Allowance | None = None,
) -> None:
    """Store the activity and one waiting delivery for each distinct inbox, in the present unit; of
    very many recipients all but what *at_once* allows are left to slices.

    It gets a proof (FEP-8b32) by its owner's newest Ed25519 key.
    """
    activities.insert_activity(
        connection,
        StoredActivity(
            id=outgoing.activity_id,
            blog_id=blog_id,
            owner=outgoing.owner,
            type=outgoing.type,
            object_uri=outgoing.object_uri,
            object_version=outgoing.object_version,
            post_id=outgoing.post_id,
            is_public=outgoing.is_public,
            body=dump(_proven(connection, blog_id, outgoing, now)),
            created_at=now,
        ),
    )
    fan_out.enqueue(
        connection,
        outgoing.activity_id,
        blog_id=blog_id,
        follower_owners=recipients.follower_owners,
        conversation=recipients.conversation,
        inbox_urls=recipients.inboxes,
        now=now,
        at_once=at_once,
    )


def forward(
    connection: Connection,
    blog_id: int,
    *,
    type: str,
    body: bytes,
    object_uri: str,
    post_id: str,
    except_origins: Collection[str],
    now: datetime,
    at_once: Allowance | None = None,
) -> None:
    """Send another's activity on to the blog's followers, in the present unit: its *body* as it
    came, signed over HTTP by the blog (ActivityPub, section 7.1.2).

    Inboxes of *except_origins* (scheme, host and port) have it already. No outbox lists it.
    """
    activity_id = new_id()
    activities.insert_activity(
        connection,
        StoredActivity(
            id=activity_id,
            blog_id=blog_id,
            owner=BLOG,
            type=type,
            object_uri=object_uri,
            object_version=None,
            post_id=post_id,
            is_public=False,
            body=body,
            created_at=now,
        ),
    )
    fan_out.enqueue(
        connection,
        activity_id,
        blog_id=blog_id,
        follower_owners=(BLOG,),
        now=now,
        except_origins=except_origins,
        at_once=at_once,
    )


def _proven(
    connection: Connection, blog_id: int, outgoing: Outgoing, now: datetime
) -> Mapping[str, Any]:
    """The document with its proof. The key is read in the unit: whatever process signs, it is the
    one that the actor publishes at this moment."""
    from fedblog.signatures import proofs

    document = outgoing.document
    stored = key_rows.signing(connection, blog_id, outgoing.owner, ED25519)
    if stored is None or "actor" not in document:
        return document
    if "@context" in document:
        document = {**document, "@context": _with_proofs(document["@context"], proofs.CONTEXT)}
    key = SigningKey(f"{document['actor']}#{stored.fragment}", _loaded(stored.private_pem))
    return proofs.add(document, key, now)


def _with_proofs(context: Any, added: str) -> list[Any]:
    """*context* with that of proofs, which stands before terms of our own."""
    listed = context if isinstance(context, list) else [context]
    if added in listed:
        return listed
    names = [item for item in listed if isinstance(item, str)]
    return [*names, added, *(item for item in listed if not isinstance(item, str))]


@lru_cache(maxsize=64)
def _loaded(pem: str) -> PrivateKey:
    return load_private(pem)
