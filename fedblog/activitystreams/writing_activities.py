"""What local actors do, as JSON.

Each function takes the owner key of the local actor that acts and the ULID of the new activity.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from fedblog.activitystreams.values import stamp
from fedblog.activitystreams.vocabulary import CONTEXT, PUBLIC
from fedblog.domain.addresses import Addresses

Json = dict[str, Any]


def create(addresses: Addresses, owner: str, item: Json, *, activity_id: str) -> Json:
    """``Create`` of *item*; addressed as *item* is."""
    return _activity(
        addresses,
        owner,
        "Create",
        activity_id,
        published=item["published"],
        to=item["to"],
        cc=item["cc"],
        object=item,
    )


def update(addresses: Addresses, owner: str, item: Json, *, activity_id: str, at: datetime) -> Json:
    """``Update`` of *item* (an object, or the actor itself) at the moment *at*."""
    return _activity(
        addresses,
        owner,
        "Update",
        activity_id,
        published=stamp(at),
        to=item.get("to", [PUBLIC]),
        cc=item.get("cc", [addresses.collection(owner, "followers")]),
        object=item,
    )


def delete(
    addresses: Addresses,
    owner: str,
    gone: Json,
    *,
    activity_id: str,
    cc: Sequence[str] | None = None,
) -> Json:
    """``Delete`` whose object is the Tombstone *gone*, to everyone and to *cc* (*owner*'s followers
    when not given)."""
    return _activity(
        addresses,
        owner,
        "Delete",
        activity_id,
        published=gone["deleted"],
        to=[PUBLIC],
        cc=[addresses.collection(owner, "followers")] if cc is None else list(cc),
        object=gone,
    )


def delete_actor(addresses: Addresses, owner: str, *, activity_id: str, at: datetime) -> Json:
    """``Delete`` of the local actor *owner* by itself."""
    return _activity(
        addresses,
        owner,
        "Delete",
        activity_id,
        published=stamp(at),
        to=[PUBLIC],
        object=addresses.actor(owner),
    )


def accept(
    addresses: Addresses, owner: str, *, activity_id: str, follow_id: str | None, follower: str
) -> Json:
    """``Accept`` of *follower*'s Follow. It is embedded with all it said, so that a peer
    finds it again with or without its id."""
    follow = _follow(addresses, owner, follow_id, follower)
    return _activity(addresses, owner, "Accept", activity_id, to=[follower], object=follow)


def reject(
    addresses: Addresses, owner: str, *, activity_id: str, follow_id: str | None, follower: str
) -> Json:
    """``Reject`` of *follower*'s Follow, also of one that was accepted before."""
    follow = _follow(addresses, owner, follow_id, follower)
    return _activity(addresses, owner, "Reject", activity_id, to=[follower], object=follow)


def _follow(addresses: Addresses, owner: str, follow_id: str | None, follower: str) -> Json:
    follow: Json = {"type": "Follow", "actor": follower, "object": addresses.actor(owner)}
    return follow if follow_id is None else {"id": follow_id, **follow}


def undo(
    addresses: Addresses,
    owner: str,
    undone: Mapping[str, Any],
    *,
    activity_id: str,
    at: datetime,
) -> Json:
    """``Undo`` of an own earlier activity, embedded whole and addressed alike."""
    inner = {name: value for name, value in undone.items() if name != "@context"}
    addressed = {name: inner[name] for name in ("to", "cc") if name in inner}
    return _activity(
        addresses, owner, "Undo", activity_id, published=stamp(at), **addressed, object=inner
    )


def announce(
    addresses: Addresses,
    owner: str,
    uri: str,
    *,
    activity_id: str,
    author: str | None,
    at: datetime,
) -> Json:
    """``Announce`` (boost) of the object *uri* by its id alone, to followers and its *author*."""
    followers = addresses.collection(owner, "followers")
    return _activity(
        addresses,
        owner,
        "Announce",
        activity_id,
        published=stamp(at),
        to=[PUBLIC],
        cc=[followers, author] if author else [followers],
        object=uri,
    )


def _activity(
    addresses: Addresses, owner: str, type_: str, activity_id: str, **properties: Any
) -> Json:
    return {
        "@context": CONTEXT,
        "id": addresses.activity(activity_id),
        "type": type_,
        "actor": addresses.actor(owner),
        **properties,
    }
