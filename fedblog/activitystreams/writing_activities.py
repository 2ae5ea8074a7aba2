"""What local actors do, as JSON.

Each function takes the ULID of the new activity and the owner key of the local actor that acts.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from fedblog.activitystreams.values import stamp
from fedblog.activitystreams.vocabulary import CONTEXT, PUBLIC
from fedblog.domain.addresses import Addresses

Json = dict[str, Any]


def create(addresses: Addresses, activity_id: str, owner: str, item: Json) -> Json:
    """``Create`` of *item*; addressed as *item* is."""
    return _activity(
        addresses,
        activity_id,
        "Create",
        owner,
        published=item["published"],
        to=item["to"],
        cc=item["cc"],
        object=item,
    )


def update(addresses: Addresses, activity_id: str, owner: str, item: Json, at: datetime) -> Json:
    """``Update`` of *item* (an object, or the actor itself) at the moment *at*."""
    return _activity(
        addresses,
        activity_id,
        "Update",
        owner,
        published=stamp(at),
        to=item.get("to", [PUBLIC]),
        cc=item.get("cc", [addresses.collection(owner, "followers")]),
        object=item,
    )


def delete(
    addresses: Addresses,
    activity_id: str,
    owner: str,
    gone: Json,
    *,
    cc: Sequence[str] | None = None,
) -> Json:
    """``Delete`` whose object is the Tombstone *gone*, to everyone and to *cc* (*owner*'s followers
    when not given)."""
    return _activity(
        addresses,
        activity_id,
        "Delete",
        owner,
        published=gone["deleted"],
        to=[PUBLIC],
        cc=[addresses.collection(owner, "followers")] if cc is None else list(cc),
        object=gone,
    )


def delete_actor(addresses: Addresses, activity_id: str, owner: str, at: datetime) -> Json:
    """``Delete`` of the local actor *owner* by itself."""
    return _activity(
        addresses,
        activity_id,
        "Delete",
        owner,
        published=stamp(at),
        to=[PUBLIC],
        object=addresses.actor(owner),
    )


def accept(
    addresses: Addresses, activity_id: str, owner: str, *, follow_id: str | None, follower: str
) -> Json:
    """``Accept`` of *follower*'s Follow. It is embedded with all it said, so that a peer
    finds it again with or without its id."""
    follow = _follow(addresses, owner, follow_id, follower)
    return _activity(addresses, activity_id, "Accept", owner, to=[follower], object=follow)


def reject(
    addresses: Addresses, activity_id: str, owner: str, *, follow_id: str | None, follower: str
) -> Json:
    """``Reject`` of *follower*'s Follow, also of one that was accepted before."""
    follow = _follow(addresses, owner, follow_id, follower)
    return _activity(addresses, activity_id, "Reject", owner, to=[follower], object=follow)


def _follow(addresses: Addresses, owner: str, follow_id: str | None, follower: str) -> Json:
    follow: Json = {"type": "Follow", "actor": follower, "object": addresses.actor(owner)}
    return follow if follow_id is None else {"id": follow_id, **follow}


def undo(
    addresses: Addresses,
    activity_id: str,
    owner: str,
    undone: Mapping[str, Any],
    at: datetime,
) -> Json:
    """``Undo`` of an own earlier activity, embedded whole and addressed alike."""
    inner = {name: value for name, value in undone.items() if name != "@context"}
    addressed = {name: inner[name] for name in ("to", "cc") if name in inner}
    return _activity(
        addresses, activity_id, "Undo", owner, published=stamp(at), **addressed, object=inner
    )


def announce(
    addresses: Addresses,
    activity_id: str,
    owner: str,
    uri: str,
    *,
    author: str | None,
    at: datetime,
) -> Json:
    """``Announce`` (boost) of the object *uri* by its id alone, to followers and its *author*."""
    followers = addresses.collection(owner, "followers")
    return _activity(
        addresses,
        activity_id,
        "Announce",
        owner,
        published=stamp(at),
        to=[PUBLIC],
        cc=[followers, author] if author else [followers],
        object=uri,
    )


def _activity(
    addresses: Addresses, activity_id: str, type_: str, owner: str, **properties: Any
) -> Json:
    return {
        "@context": CONTEXT,
        "id": addresses.activity(activity_id),
        "type": type_,
        "actor": addresses.actor(owner),
        **properties,
    }
