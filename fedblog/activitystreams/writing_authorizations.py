"""Who may interact with what is ours, and the answers to those who ask for leave.

``interactionPolicy`` as GoToSocial and Mastodon read it, authorizations of FEP-044f (quotes),
FEP-7aa9 (featuring) and GoToSocial's interaction controls (replies, likes, boosts).
"""

from datetime import datetime
from typing import Any, Final

from fedblog.activitystreams.values import stamp
from fedblog.activitystreams.vocabulary import AS, PUBLIC
from fedblog.domain.addresses import Addresses
from fedblog.domain.authorization import Authorization, Interaction
from fedblog.domain.post import CommentPolicy

Json = dict[str, Any]

_GTS_NAMES = (Interaction.REPLY, Interaction.LIKE, Interaction.ANNOUNCE)
_NAMESPACES: Final = {
    Interaction.QUOTE: "https://w3id.org/fep/044f#",
    Interaction.FEATURE: "https://w3id.org/fep/7aa9#",
} | dict.fromkeys(_GTS_NAMES, "gts:")
CONTEXT: Final = [
    AS,
    {
        "gts": "https://gotosocial.org/ns#",
        **{
            name: f"{namespace}{name}"
            for interaction, namespace in _NAMESPACES.items()
            for name in (interaction.request, interaction.authorization)
        },
        "interactingObject": {"@id": "gts:interactingObject", "@type": "@id"},
        "interactionTarget": {"@id": "gts:interactionTarget", "@type": "@id"},
    },
]
"""The context of authorizations and of the activities about them; no other document needs it."""


def article_policy(comments: CommentPolicy, owner: str, readers: str) -> Json:
    """The ``interactionPolicy`` of a post by the actor *owner*: everyone may like, boost and quote
    it; who may answer without being asked about follows from how its comments are kept (what
    *readers*, the voice of guests, says has been read here before)."""
    everyone = _allowed(PUBLIC)
    replies = {
        CommentPolicy.OPEN: everyone,
        CommentPolicy.HELD: _allowed(owner, readers, after_review=PUBLIC),
        CommentPolicy.CLOSED: _allowed(owner),
    }[comments]
    return {
        "canReply": replies,
        "canLike": everyone,
        "canAnnounce": everyone,
        "canQuote": {"automaticApproval": [PUBLIC]},
    }


def note_policy() -> Json:
    """The ``interactionPolicy`` of a comment written here. It says nothing of answers, which
    follow the post's rule; servers take what is not named as allowed."""
    everyone = _allowed(PUBLIC)
    return {
        "canLike": everyone,
        "canAnnounce": everyone,
        "canQuote": {"automaticApproval": [PUBLIC]},
    }


def actor_policy() -> Json:
    """The ``interactionPolicy`` of the blog and its authors: they may stand in anyone's
    collection (FEP-7aa9). An actor without one may stand in none."""
    return {"canFeature": {"automaticApproval": [PUBLIC]}}


def _allowed(*who: str, after_review: str | None = None) -> Json:
    """A policy, with the names of GoToSocial before 0.21 beside its present ones."""
    reviewed = [after_review] if after_review else []
    return {
        "automaticApproval": list(who),
        "manualApproval": reviewed,
        "always": list(who),
        "approvalRequired": reviewed,
    }


def authorization(item: Authorization, addresses: Addresses) -> Json:
    """The object that proves that an interaction was allowed. It embeds neither side."""
    return {
        "id": addresses.authorization(item.id),
        "type": item.interaction.authorization,
        "attributedTo": addresses.actor(item.owner),
        "interactingObject": item.object_uri,
        "interactionTarget": item.target_uri,
    }


def accept(item: Authorization, addresses: Addresses, activity_id: str) -> Json:
    """``Accept`` of a request, with the address of the authorization as ``result``."""
    return _answer("Accept", item, addresses, activity_id) | {
        "result": addresses.authorization(item.id)
    }


def reject(item: Authorization, addresses: Addresses, activity_id: str) -> Json:
    """``Reject`` of a request."""
    return _answer("Reject", item, addresses, activity_id)


def reject_interaction(item: Authorization, addresses: Addresses, activity_id: str) -> Json:
    """``Reject`` of the interaction itself, by its id: what was allowed is not any more."""
    return {
        "@context": CONTEXT,
        "id": addresses.activity(activity_id),
        "type": "Reject",
        "actor": addresses.actor(item.owner),
        "to": [item.actor_uri],
        "object": item.object_uri,
        "target": item.target_uri,
    }


def _answer(type_: str, item: Authorization, addresses: Addresses, activity_id: str) -> Json:
    """The answer to a request, or (where there was none) about the interaction itself, then also to
    the followers, whose servers would else take it for one that was not allowed."""
    document: Json = {
        "@context": CONTEXT,
        "id": addresses.activity(activity_id),
        "type": type_,
        "actor": addresses.actor(item.owner),
        "to": [item.actor_uri],
    }
    if item.request_uri is not None:
        document["object"] = {
            "id": item.request_uri,
            "type": item.interaction.request,
            "actor": item.actor_uri,
            "object": item.target_uri,
            "instrument": item.object_uri,
        }
        return document
    return document | {
        "cc": [PUBLIC, addresses.collection(item.owner, "followers")],
        "object": item.object_uri,
        "target": item.target_uri,
    }


def delete(item: Authorization, addresses: Addresses, activity_id: str, at: datetime) -> Json:
    """``Delete`` of an authorization: it is taken back (FEP-044f, FEP-7aa9)."""
    return {
        "@context": CONTEXT,
        "id": addresses.activity(activity_id),
        "type": "Delete",
        "actor": addresses.actor(item.owner),
        "published": stamp(at),
        "to": [PUBLIC],
        "cc": [item.actor_uri],
        "object": authorization(item, addresses),
    }
