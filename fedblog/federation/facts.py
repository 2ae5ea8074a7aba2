"""What handlers may know and change: the facts for one batch, loaded and written set-based.

A statement costs far more than a row in it, so each kind of fact is one query for the whole batch.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from fedblog.activitystreams.reading import Activity, Object
from fedblog.activitystreams.vocabulary import REQUEST_TYPES
from fedblog.domain.actor import RemoteActor
from fedblog.domain.addresses import BLOG, Addresses
from fedblog.domain.authorization import Authorization
from fedblog.domain.comment import Comment
from fedblog.domain.follower import Follower
from fedblog.domain.frozen import frozen
from fedblog.domain.ids import is_id, new_id
from fedblog.domain.origins import counted_host, same_host
from fedblog.domain.reaction import Reaction
from fedblog.federation.bounds import DEFAULTS, Bounds
from fedblog.federation.kept import Kept
from fedblog.federation.words import Words
from fedblog.publishing import outbox
from fedblog.storage import actors as actor_rows
from fedblog.storage import authorizations as authorization_rows
from fedblog.storage import authors as author_rows
from fedblog.storage import (
    blocks,
    changes,
    erasing,
    followers,
    jobs,
    reactions,
    received,
    reports,
    resolving,
    slices,
    threads,
)
from fedblog.storage import tombstones as tombstone_rows
from fedblog.storage.changes import NEWS, Change
from fedblog.storage.inboxes import domain_of
from fedblog.storage.received import Receipt

ReactionKey = tuple[str, str, str, str]
AuthorizationKey = tuple[str, str, str, str]

_REACTING = frozenset({"Like", "EmojiReact", "Dislike", "Announce", "Undo"})
_FOLLOWING = frozenset({"Follow", "Undo", "Block", "Move"})
_NAMING_ACTORS = frozenset({"Follow", "Undo", "Block", "FeatureRequest"})
_TALKING = frozenset({"Create", "Update", "Delete"})
_REPORTING = frozenset({"Flag"})


@frozen
class Incoming:
    """One activity whose sender is proven: *actor* is who signed it, or whose own server gave it.

    *receipt_key* is the activity's id, or a digest of actor, type and object where it has none;
    empty for an object that we fetched ourselves. *ancestors_left* bounds the look-up of parents.
    *forwarded* are its bytes where they carry its actor's proof, so that they may be forwarded;
    *sender_uri* is who brought them, *asker* the host on whose behalf others are asked about it.
    *words* are those of the activity, None until they are made.
    """

    activity: Activity
    actor: RemoteActor
    receipt_key: str
    received_at: datetime
    ancestors_left: int
    forwarded: bytes | None = None
    sender_uri: str = ""
    asker: str = ""
    words: Words | None = None

    def worded(self, words: Words) -> "Incoming":
        """The same with its *words*."""
        return Incoming(
            self.activity,
            self.actor,
            self.receipt_key,
            self.received_at,
            self.ancestors_left,
            self.forwarded,
            self.sender_uri,
            self.asker,
            words,
        )


@frozen
class Outcome:
    """What became of an activity: *result* is stored, duplicate, ignored, deferred or failed."""

    result: str
    reason: str = ""


@frozen
class FollowUp:
    """A job for the network, written in the same unit. One of a kind and key waits at a time.
    *asker* is the host on whose behalf it is."""

    kind: str
    key: str
    payload: Mapping[str, Any]
    asker: str


@frozen
class Report:
    """A Flag: who reported what, and why."""

    activity_uri: str | None
    actor_uri: str
    object_uris: tuple[str, ...]
    content: str


@dataclass(slots=True)
class Facts:
    """The state that the activities of one batch look at and change. *meant* says what the
    addresses of ours among those named mean; *owners* are the keys of the
    local actors among those named that can be followed; *asker* is the host on whose behalf the
    activity at hand has others asked; *blocked* are the actors that were blocked since they were
    let in; *actors* are those who ask for an answer, as they are stored now. *reports_of* and
    *asked_by* count what is kept of actors, *followers_at* how many follow in the domains of the
    batch, before it."""

    addresses: Addresses
    blog_id: int
    now: datetime
    bounds: Bounds = field(default_factory=Bounds)
    posts: Mapping[str, threads.PostFacts] = field(default_factory=dict)
    meant: Mapping[str, resolving.Found] = field(default_factory=dict)
    owners: set[str] = field(default_factory=lambda: {BLOG})
    receipts: set[tuple[str, str]] = field(default_factory=set)
    blocked: frozenset[str] = frozenset()
    comments: Kept[str, Comment] = field(default_factory=Kept)
    reactions: Kept[ReactionKey, Reaction] = field(
        default_factory=lambda: Kept(group=lambda row: row.actor_uri)
    )
    followers: Kept[tuple[str, str], Follower] = field(default_factory=Kept)
    authorizations: Kept[AuthorizationKey, Authorization] = field(default_factory=Kept)
    tombstones: Kept[tuple[str, str], datetime] = field(default_factory=Kept)
    gone_actors: Kept[str, str] = field(default_factory=Kept)
    outgoing: Kept[str, tuple[outbox.Outgoing, outbox.Recipients]] = field(default_factory=Kept)
    followups: Kept[tuple[str, str, str], FollowUp] = field(default_factory=Kept)
    reports: Kept[str, Report] = field(default_factory=Kept)
    asker: str = ""
    reports_of: Mapping[str, int] = field(default_factory=dict)
    asked_by: Mapping[str, int] = field(default_factory=dict)
    followers_at: Mapping[str, int] = field(default_factory=dict)
    actors: Mapping[str, RemoteActor] = field(default_factory=dict)
    _waiting: dict[str, list[str]] = field(default_factory=dict)

    def follow_up(self, kind: str, key: str, payload: Mapping[str, Any]) -> None:
        """Have a job of *kind* done after this unit."""
        asker = counted_host(self.asker)
        self.followups.put((kind, key, asker), FollowUp(kind, key, payload, asker))

    def current(self, actor: RemoteActor) -> RemoteActor:
        """*actor*, who was known when its signature was looked at, as it is known now."""
        return self.actors.get(actor.uri, actor)

    def put_comment(self, comment: Comment) -> None:
        """Keep *comment*, new or changed."""
        if comment.post_id is None:
            self._waiting.setdefault(comment.in_reply_to_uri, []).append(comment.uri)
        self.comments.put(comment.uri, comment)

    def orphans_of(self, uri: str) -> list[Comment]:
        """The comments that answer *uri* and hang under no post yet."""
        named = dict.fromkeys(self._waiting.get(uri, ()))
        found = [self.comments.get(name) for name in named]
        return [row for row in found if row is not None and row.post_id is None]

    def _all(self) -> tuple[Kept[Any, Any], ...]:
        return (
            self.comments,
            self.reactions,
            self.followers,
            self.authorizations,
            self.tombstones,
            self.gone_actors,
            self.outgoing,
            self.followups,
            self.reports,
        )

    def commit(self) -> None:
        """Keep what the last activity did."""
        for kept in self._all():
            if kept.steps:  # of most kinds there are none
                kept.commit()

    def undo(self) -> None:
        """Take back what the last activity did."""
        for kept in self._all():
            kept.undo()

    def bury(self, uri: str, actor_uri: str) -> None:
        """Remember that *actor_uri* deleted or undid *uri*."""
        until = self.now + timedelta(days=self.bounds.keep_tombstones)
        self.tombstones.put((uri, actor_uri), until)

    def is_buried(self, uri: str | None, actor_uri: str) -> bool:
        """Whether *actor_uri* deleted or undid *uri* before."""
        return uri is not None and (uri, actor_uri) in self.tombstones

    def post_at(self, uri: str) -> threads.PostFacts | None:
        """The post that *uri* (any address that was given out for it) names."""
        found = self.meant.get(uri)
        return self.posts.get(found.key) if found is not None and found.kind == "post" else None

    def comment_at(self, uri: str) -> Comment | None:
        """The comment that *uri* (its id, or an address that was given out for it here) names."""
        return self.comments.get(self.id_of(uri))

    def id_of(self, uri: str) -> str:
        """The id of what *uri* names: of what is ours the one form of its many addresses."""
        found = self.meant.get(uri)
        return uri if found is None else found.uri

    def owner_at(self, uri: str | None) -> str | None:
        """The owner key of the local actor that *uri* names."""
        found = self.meant.get(uri) if uri is not None else None
        return found.key if found is not None and found.kind == "actor" else None


def load(
    connection: Connection,
    addresses: Addresses,
    blog_id: int,
    batch: Sequence[Incoming],
    now: datetime,
    bounds: Bounds = DEFAULTS,
) -> Facts:
    """The facts for *batch*, with one query for each kind that it needs."""
    facts = Facts(addresses, blog_id, now, bounds)
    actor_uris = {item.actor.uri for item in batch}
    actor_rows.take_turns(connection, actor_uris)
    named: set[str] = set()
    created: dict[str, str] = {}
    for item in batch:
        named.update(_mentioned(item.activity))
        if item.activity.type == "Flag":
            named.update(item.activity.object_ids)
        for written in _written(item.activity):
            # Another host's claim about an id must not stand in the way of the true one.
            if written.id and written.in_reply_to and same_host(written.id, item.actor.uri):
                created[written.id] = written.in_reply_to
    types = {item.activity.type for item in batch}
    facts.meant = resolving.resolve(connection, addresses, blog_id, named)
    uris = {facts.id_of(uri) for uri in named}
    created = {uri: facts.id_of(above) for uri, above in created.items()}

    facts.blocked = blocks.held(
        connection, blog_id, {(item.actor.uri, item.actor.host) for item in batch}
    )
    facts.receipts = received.find(
        connection, {item.receipt_key for item in batch if item.receipt_key}
    )
    own_ids = {item.activity.id for item in batch if item.activity.id}
    facts.tombstones = Kept(tombstone_rows.find(connection, uris | own_ids | actor_uris).items())
    if types & (_TALKING | _REACTING | _REPORTING | REQUEST_TYPES):
        _load_thread(connection, facts, uris, created)
    if types & (_REACTING | REQUEST_TYPES):
        rows = reactions.find(connection, uris, actor_uris)
        facts.reactions = Kept(
            ((reaction_key(row), row) for row in rows), group=lambda row: row.actor_uri
        )
    if types & _FOLLOWING:
        # A Move may come from the new account and name the old one.
        moved = {item.activity.object_id for item in batch if item.activity.type == "Move"}
        following = actor_uris | {uri for uri in moved if uri is not None}
        facts.followers = Kept(
            ((row.owner, row.actor_uri), row) for row in followers.find(connection, following)
        )
    if types & ({"Follow"} | REQUEST_TYPES):
        facts.actors = actor_rows.find(connection, actor_uris)
    if "Follow" in types:
        domains = {
            inbox_domain(facts.current(item.actor))
            for item in batch
            if item.activity.type == "Follow"
        }
        facts.followers_at = followers.count_at(connection, domains, bounds.followers_per_host)
    if types & _REPORTING:
        facts.reports_of = reports.counts(connection)
    if types & _NAMING_ACTORS:
        owners = {found.key for found in facts.meant.values() if found.kind == "actor"}
        authors = author_rows.find(connection, {key for key in owners if is_id(key)})
        facts.owners |= {key for key, author in authors.items() if author.blog_id == blog_id}
    if types & REQUEST_TYPES:
        asking = {item.activity.instrument_id for item in batch if item.activity.instrument_id}
        facts.authorizations = Kept(
            (row.key, row) for row in authorization_rows.find(connection, asking)
        )
        facts.asked_by = authorization_rows.counts(
            connection, actor_uris, bounds.authorizations_per_actor
        )
    return facts


def _load_thread(
    connection: Connection, facts: Facts, uris: set[str], created: Mapping[str, str]
) -> None:
    """Posts and comments among *uris*, the posts above those comments, and the orphans that hang
    somewhere below what this batch hangs under a post; *created* says what answers what."""
    ours = facts.addresses.is_local
    comment_uris = {one.uri for one in facts.meant.values() if one.kind == "comment"}
    comment_uris.update(uri for uri in uris if not ours(uri))
    found = {row.uri: row for row in threads.find(connection, comment_uris)}
    post_ids = {one.key for one in facts.meant.values() if one.kind == "post"}
    post_ids.update(row.post_id for row in found.values() if row.post_id is not None)
    facts.posts = threads.find_posts(connection, post_ids)
    looked_below: set[str] = set()
    while placed := _placed(facts, created, found) - looked_below:
        looked_below |= placed
        orphans = threads.find_orphans(connection, placed)
        found.update((row.uri, row) for row in orphans)
        if not orphans:
            break
    facts.comments = Kept(found.items())
    for row in found.values():
        if row.post_id is None:
            facts._waiting.setdefault(row.in_reply_to_uri, []).append(row.uri)


def _placed(facts: Facts, created: Mapping[str, str], found: Mapping[str, Comment]) -> set[str]:
    """Which of *created* stand under a post, directly or through each other and *found* ones."""
    placed: set[str] = set()
    for uri in created:
        above: str | None = uri
        way: dict[str, None] = {}
        while above is not None and above not in way:
            way[above] = None
            known = found.get(above)
            if above in placed or (known is not None and known.post_id is not None):
                break
            if facts.post_at(above) is not None:
                break
            above = created.get(above) or (known.in_reply_to_uri if known is not None else None)
        else:
            continue
        placed.update(one for one in way if one in created)
    return placed


def save(connection: Connection, facts: Facts, receipts: Sequence[Receipt]) -> None:
    """Write what the batch changed, set-based, and say so in the feed of changes."""
    said: dict[Change, None] = {}
    received.insert_all(connection, receipts)
    # A late parent adopts children that were stored before it, so rows come in order of depth.
    new, changed = facts.comments.added(), facts.comments.changed()
    threads.insert_all(connection, sorted(new, key=lambda row: row.depth))
    threads.update_all(connection, changed)
    # What is held as it comes alters no page: a flood of it must not have them all made anew. What
    # is shown no longer has to go at once, all else may wait for a moment.
    shown = (row for row in (*new, *changed) if row.is_shown)
    said.update((Change(NEWS, row.post_id or ""), None) for row in shown)
    hidden = (row for row in changed if not row.is_shown and row.post_id is not None)
    said.update((Change("comments", row.post_id or ""), None) for row in hidden)
    reactions.delete_all(connection, facts.reactions.removed())
    reactions.insert_all(connection, facts.reactions.added())
    reactions.replace_all(connection, facts.reactions.changed())
    for reaction in (*facts.reactions.added(), *facts.reactions.removed()):
        if post_id := _post_of(facts, reaction):
            said[Change(NEWS, post_id)] = None
    followers.delete_all(connection, facts.followers.removed())
    followers.save_all(connection, [*facts.followers.added(), *facts.followers.changed()])
    for follower in (*facts.followers.added(), *facts.followers.removed()):
        said[Change("followers", follower.owner)] = None
    authorization_rows.insert_all(connection, facts.authorizations.added())
    authorization_rows.update_all(connection, facts.authorizations.changed())
    tombstone_rows.save(connection, facts.tombstones.fresh())
    at_once = slices.Allowance()
    for actor_uri in facts.gone_actors:
        erasing.remove_actor(connection, actor_uri, facts.now, at_once)
    for report in facts.reports:
        reports.insert(
            connection,
            new_id(),
            facts.blog_id,
            activity_uri=report.activity_uri,
            actor_uri=report.actor_uri,
            object_uris=report.object_uris,
            content=report.content,
            created_at=facts.now,
        )
    if facts.reports.added():
        reports.keep_newest(connection, facts.bounds.reports_kept)
    for job in facts.followups:
        jobs.add(connection, job.kind, job.key, job.payload, facts.now, asker=job.asker)
    for outgoing, recipients in facts.outgoing:
        outbox.record(connection, facts.blog_id, outgoing, recipients, facts.now, at_once)
    changes.record(connection, *said)


def bound(connection: Connection, facts: Facts) -> None:
    """Drop what is too much of what waits for a parent; the last step of a unit, when nothing that
    hangs on a reply which goes is still to be written."""
    if waiting := {row.actor_uri or "" for row in facts.comments.added() if row.post_id is None}:
        bounds = facts.bounds
        threads.keep_orphans(connection, waiting, bounds.orphans_per_actor, bounds.orphans_kept)


def reaction_key(reaction: Reaction) -> ReactionKey:
    """By what a reaction is unique."""
    return (reaction.object_uri, reaction.actor_uri, reaction.kind.value, reaction.emoji)


def _post_of(facts: Facts, reaction: Reaction) -> str | None:
    """The post that *reaction* is about, or below which what it is about stands."""
    comment = facts.comments.get(reaction.object_uri)
    return reaction.post_id or (comment.post_id if comment is not None else None)


def _mentioned(activity: Activity | None) -> Iterable[str]:
    """Every URI in *activity* that facts may be needed about."""
    if activity is None:
        return
    inner = activity.inner
    named = [activity.object_id, activity.instrument_id, inner.id if inner is not None else None]
    for item in _written(activity):
        named += (item.id, item.in_reply_to)
    if activity.instrument is not None:
        named += activity.instrument.quotes
    yield from filter(None, named)
    yield from _mentioned(inner)
    yield from _mentioned(activity.instrument_activity)


def _written(activity: Activity) -> list[Object]:
    """What *activity* carries: a request may have what it asks for and what it is about."""
    return [item for item in (activity.object, activity.instrument) if item is not None]


def inbox_domain(actor: RemoteActor) -> str:
    """Whose the host is where *actor* gets what its followers get."""
    return domain_of(actor.shared_inbox or actor.inbox)
