"""What becomes of a document that another server sends or gives: one word and why.

A document is taken as if it were about this blog: what it answers, likes, boosts or reports is put
in the place of a post here, what it follows or blocks in that of the blog, and what it takes back
or changes is known already. Nothing else in it is touched. Its sender counts as proven, because
signatures are tested elsewhere.
"""

import copy
import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, delete
from support.values import person

from fedblog.activitystreams import json, values
from fedblog.activitystreams.errors import ReadingError
from fedblog.activitystreams.reading import (
    Activity,
    read_activity,
    read_actor,
    read_collection,
    read_object,
)
from fedblog.activitystreams.vocabulary import ACTIVITY_TYPES, ACTOR_TYPES, COLLECTION_TYPES
from fedblog.domain.actor import RemoteActor
from fedblog.domain.comment import Comment, CommentStatus
from fedblog.domain.follower import Follower
from fedblog.domain.ids import new_id
from fedblog.domain.origins import same_host
from fedblog.federation import facts as fact_rows
from fedblog.federation import words
from fedblog.federation.batch import decide
from fedblog.federation.bounds import DEFAULTS
from fedblog.federation.facts import Facts, Incoming
from fedblog.publishing.site import Site
from fedblog.remote.actor_documents import remote_actor
from fedblog.remote.errors import WrongDocumentError
from fedblog.storage import actors, followers, threads
from fedblog.storage import tables as t

CORPUS = Path(
    os.environ.get("FEDBLOG_TEST_CORPUS") or Path(__file__).parents[2].parent / "shared" / "corpus"
)
"""Real documents of other servers, a folder for each software."""

Document = dict[str, Any]
REACTIONS = {"Like", "Dislike", "EmojiReact", "EmojiReaction", "Announce"}
AS_ANSWERS = {"Create", "Update"}
REQUESTS = {"QuoteRequest", "ReplyRequest", "LikeRequest", "AnnounceRequest"}


def corpus() -> list[Path]:
    """The documents of the corpus, none where there is no corpus beside this checkout."""
    return sorted(CORPUS.glob("*/*.json"))


def document_of(path: Path) -> Document:
    """A document, read as strictly as one that arrives."""
    return json.parse(path.read_bytes(), max_depth=32, max_items=1000, max_nodes=20_000)


@dataclass(frozen=True)
class Verdict:
    """What became of a document; *comment* is the id of the comment that it became."""

    outcome: str
    comment: str | None = None


async def verdict(
    site: Site, post_uri: str, document: Document, name: str = "", *, as_it_stands: bool = False
) -> Verdict:
    """What becomes of *document* where nothing came before it; *name* is that of its file, which
    tells WebFinger and NodeInfo from ActivityPub.
    One that is taken *as_it_stands* is not turned towards this blog."""
    if name.startswith("nodeinfo"):
        return Verdict("not read: nothing here asks for NodeInfo")
    if name.startswith("webfinger"):
        return Verdict(_webfinger(document))
    type_ = values.type_of(document)
    try:
        if type_ in ACTOR_TYPES:
            actor = read_actor(document)
            remote_actor(actor, datetime.now(UTC), allow_private=False)
            return Verdict("actor" if actor.keys else "actor without a key")
        if type_ in COLLECTION_TYPES:
            read_collection(document)
            return Verdict("collection")
        about_us = document
        if not as_it_stands:
            about_us = _about_us(document, post_uri, site.addresses.actor("blog"))
        if type_ in ACTIVITY_TYPES:
            activity = read_activity(about_us)
            if activity.id is not None and not same_host(activity.id, activity.actor):
                return Verdict("ignored: the activity's id is of another host")
        else:
            item = read_object(about_us)
            if item.author is None or item.id is None or not same_host(item.author, item.id):
                return Verdict("refused: names no author of its own host")
            activity = Activity(
                id=None,
                type="Create",
                actor=item.author,
                object_id=item.id,
                object_ids=(item.id,),
                object_type=item.type,
                object=item,
            )
    except ReadingError as error:
        return Verdict(f"refused: {type(error).__name__}")
    except WrongDocumentError:
        return Verdict("refused: WrongDocumentError")
    verdict: Verdict = await site.store.write(_decide, site, post_uri, activity)
    return verdict


def as_answer(document: Document, name: str = "") -> Document | None:
    """*document* as if what it carries answered something, None where it carries nothing."""
    if name.startswith(("webfinger", "nodeinfo")):
        return None
    document = copy.deepcopy(document)
    item = document
    if values.type_of(document) in ACTIVITY_TYPES:
        item = document.get("object")  # type: ignore[assignment]
        if values.type_of(document) not in AS_ANSWERS or not isinstance(item, dict):
            return None
    if values.type_of(item) in ACTIVITY_TYPES | ACTOR_TYPES | COLLECTION_TYPES:
        return None
    item.setdefault("inReplyTo", None)
    item["inReplyTo"] = item["inReplyTo"] or "https://blog.example/ap/posts/1"
    return document


def _webfinger(document: Document) -> str:
    links = document.get("links")
    for link in links if isinstance(links, list) else []:
        if isinstance(link, dict) and link.get("rel") == "self" and link.get("href"):
            kind = str(link.get("type"))
            if kind == "application/activity+json" or kind.startswith("application/ld+json"):
                return "actor's address"
    return "refused: names no actor"


def _about_us(document: Document, post_uri: str, blog_uri: str) -> Document:
    document = copy.deepcopy(document)
    type_ = values.type_of(document)
    if type_ in ACTIVITY_TYPES:
        _turn_activity(document, type_, post_uri, blog_uri)
    elif document.get("inReplyTo"):
        document["inReplyTo"] = _in_place_of(document["inReplyTo"], post_uri)
    return document


def _turn_activity(document: Document, type_: str, post_uri: str, blog_uri: str) -> None:
    inner = document.get("object")
    first = inner[0] if isinstance(inner, list) and inner else inner
    inner_type = values.type_of(first) if isinstance(first, dict) else ""
    if inner_type in ACTIVITY_TYPES:
        _turn_activity(first, inner_type, post_uri, blog_uri)
    elif type_ in REACTIONS | REQUESTS | {"Flag", "FeatureRequest"}:
        target = blog_uri if type_ == "FeatureRequest" else post_uri
        document["object"] = _in_place_of(inner, target)
        asked = document.get("instrument")
        for name in ("inReplyTo", "object", "quote"):
            if type_ in REQUESTS and isinstance(asked, dict) and asked.get(name):
                asked[name] = _in_place_of(asked[name], post_uri)
    elif type_ in ("Follow", "Block"):
        document["object"] = _in_place_of(inner, blog_uri)
    elif type_ in ("Create", "Update"):
        for item in values.listed(inner):
            if isinstance(item, dict) and item.get("inReplyTo"):
                item["inReplyTo"] = _in_place_of(item["inReplyTo"], post_uri)


def _in_place_of(value: Any, uri: str) -> Any:
    """*uri* in the shape of *value*: a text, an object with an id, a list that begins with one."""
    if isinstance(value, list):
        return [_in_place_of(value[0], uri), *value[1:]] if value else []
    if isinstance(value, dict):
        name = next((key for key in ("id", "@id", "href") if value.get(key)), None)
        return {**value, name: uri} if name else value
    return uri if isinstance(value, str) else value


def _decide(connection: Connection, site: Site, post_uri: str, activity: Activity) -> Verdict:
    now = datetime.now(UTC)
    for table in (t.reactions, t.comments, t.followers, t.tombstones, t.jobs):
        connection.execute(delete(table))
    sender = person(activity.actor, fetched_at=now)
    actors.save(connection, sender, [])
    _know_before(connection, site, post_uri, activity, sender, now)
    written = words.of_activity(activity, words.Limits())
    incoming = Incoming(activity, sender, activity.id or new_id(), now, 0, words=written)
    facts = fact_rows.load(connection, site.addresses, site.blog_id, [incoming], now, DEFAULTS)
    before = {uri: row for row in facts.comments for uri in [row.uri]}
    outcome = decide(incoming, facts)
    if outcome.result == "failed":
        raise AssertionError(f"the handler of {activity.type} failed")
    found = _effect(facts, before)
    fact_rows.save(connection, facts, [])
    if outcome.result != "stored":
        return Verdict(f"{outcome.result}: {outcome.reason}")
    return Verdict(found[0] or f"stored: {outcome.reason}", found[1])


def _effect(facts: Facts, before: dict[str, Comment]) -> tuple[str, str | None]:
    for row in facts.comments.added():
        return ("comment" if row.post_id else "comment that waits"), row.id
    for row in facts.comments.changed():
        return ("comment deleted" if row.deleted_at else "comment edited"), None
    for reaction in facts.reactions.added():
        return f"reaction: {reaction.kind.value}", None
    if list(facts.reactions.removed()):
        return "reaction undone", None
    if list(facts.followers.added()):
        return "follower", None
    if list(facts.followers.removed()):
        return "follower gone", None
    if list(facts.gone_actors):
        return "actor gone", None
    if list(facts.reports):
        return "report", None
    return "", None


def _know_before(
    connection: Connection,
    site: Site,
    post_uri: str,
    activity: Activity,
    sender: RemoteActor,
    now: datetime,
) -> None:
    """Let what *activity* changes or takes back be known."""
    inner = activity.inner
    uri = activity.object_id
    if activity.type == "Undo":
        if inner is not None and inner.type in REACTIONS | {"Follow"} and inner.actor == sender.uri:
            written = words.of_activity(inner, words.Limits())
            earlier = Incoming(inner, sender, "", now, 0, words=written)
            facts = fact_rows.load(
                connection, site.addresses, site.blog_id, [earlier], now, DEFAULTS
            )
            decide(earlier, facts)
            fact_rows.save(connection, facts, [])
        elif inner is None and uri:
            _follows(connection, site, sender, uri, now)
    elif uri and uri != sender.uri and same_host(uri, sender.uri):
        item = activity.object
        if activity.type == "Delete" or (
            activity.type == "Update" and item is not None and item.in_reply_to
        ):
            threads.insert_all(connection, [_comment(site, post_uri, uri, sender, now)])
    elif activity.type in ("Delete", "Block"):
        _follows(connection, site, sender, f"{sender.uri}#follow", now)


def _follows(
    connection: Connection, site: Site, sender: RemoteActor, uri: str, now: datetime
) -> None:
    inbox = sender.inbox
    followers.save_all(connection, [Follower(site.blog_id, "blog", sender.uri, uri, inbox, now)])


def _comment(site: Site, post_uri: str, uri: str, sender: RemoteActor, now: datetime) -> Comment:
    named = site.addresses.parse(post_uri)
    assert named is not None
    long_ago = datetime(1999, 1, 1, tzinfo=UTC)
    return Comment(
        id=new_id(), blog_id=site.blog_id, uri=uri, post_id=named.key, parent_id=None,
        in_reply_to_uri=post_uri, depth=0, actor_uri=sender.uri, author_id=None, guest_name=None,
        url=uri, name="", source_html="", content_html="<p>Before</p>", summary="", language=None,
        visibility="public", status=CommentStatus.APPROVED, status_locked=False, attachments="[]",
        published_at=long_ago, received_at=now - timedelta(days=1),
    )  # fmt: skip
