"""Leave to interact, as moderators give it and take it back."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection

from fedblog.activitystreams import writing_authorizations as writing
from fedblog.domain.addresses import BLOG, READERS
from fedblog.domain.authorization import Authorization, AuthorizationState, Interaction
from fedblog.domain.comment import Comment, CommentStatus
from fedblog.domain.errors import ConflictError, NotFoundError
from fedblog.domain.ids import new_id
from fedblog.domain.post import CommentPolicy
from fedblog.publishing.outbox import Outgoing, Recipients, record
from fedblog.publishing.site import Site
from fedblog.storage import actors, authorizations, comments, reactions, threads, tombstones

_REJECTED = frozenset({Interaction.REPLY, Interaction.LIKE, Interaction.ANNOUNCE})
"""What is taken back by a ``Reject`` of the interaction too: GoToSocial, whose authorizations these
are, knows no ``Delete`` of one. Its ``Reject`` counts after an ``Accept`` as well."""


async def revoke(site: Site, authorization_id: str) -> None:
    """Take an authorization back: its address answers 410, and a ``Delete`` of it goes to the one
    who had it and to the followers, whose servers may show the interaction (FEP-044f, FEP-7aa9).
    The reply that it covered is held, the like or boost does not count any more. A request that
    still waits is refused.

    Raises NotFoundError, and ConflictError where it is taken back already.
    """

    def unit(connection: Connection) -> None:
        found = authorizations.get(connection, site.blog_id, authorization_id)
        if found is None:
            raise NotFoundError("there is no such authorization")
        if found.state is AuthorizationState.REVOKED:
            raise ConflictError("it is taken back already")
        now = datetime.now(UTC)
        _take_back(connection, site, found, now)
        _hide(connection, site, found, now)

    await site.store.write(unit)


def comment_decided(
    connection: Connection, site: Site, comment: Comment, status: CommentStatus, now: datetime
) -> None:
    """A moderator decided about a remote *comment*: who asked for leave is answered.

    Servers that keep to ``canReply`` show a reply to a post whose comments are held only with an
    authorization; for one that came without a request it is made now, and the followers are told
    as well.
    """
    if comment.actor_uri is None or comment.post_id is None:
        return
    found = authorizations.for_comment(connection, comment)
    if status is CommentStatus.SPAM:
        if found is not None and found.state is not AuthorizationState.REVOKED:
            _take_back(connection, site, found, now)
        return
    if status is not CommentStatus.APPROVED:
        return
    if found is None:
        found = _unasked(connection, site, comment, now)
        if found is None:
            return
        granted = found.granted(now)
        authorizations.insert_all(connection, [granted])
    elif found.state is AuthorizationState.GRANTED:
        return
    else:
        granted = found.granted(now)
        authorizations.update_all(connection, [granted])
    activity_id = new_id()
    document = writing.accept(granted, site.addresses, activity_id)
    _send(connection, site, granted, "Accept", activity_id, document, now)


def _unasked(
    connection: Connection, site: Site, comment: Comment, now: datetime
) -> Authorization | None:
    """Leave for a reply that nobody asked about, where its post's policy demands one and it answers
    something of ours."""
    assert comment.post_id is not None
    assert comment.actor_uri is not None
    post = threads.find_posts(connection, [comment.post_id]).get(comment.post_id)
    if post is None or post.comments is not CommentPolicy.HELD:
        return None
    target_uri, owner = site.addresses.post(comment.post_id), BLOG
    if comment.parent_id is not None:
        parent = comments.get(connection, site.blog_id, comment.parent_id)
        if parent is None or parent.actor_uri is not None:
            return None
        target_uri, owner = parent.uri, parent.author_id or READERS
    return Authorization(
        id=new_id(),
        blog_id=site.blog_id,
        interaction=Interaction.REPLY,
        owner=owner,
        target_uri=target_uri,
        object_uri=comment.uri,
        actor_uri=comment.actor_uri,
        request_uri=None,
        post_id=comment.post_id,
        state=AuthorizationState.WAITING,
        was_granted=False,
        created_at=now,
    )


def _hide(connection: Connection, site: Site, revoked: Authorization, now: datetime) -> None:
    """Take what *revoked* covered from pages and counts. A like or boost that comes after its
    request is not counted again; a reply can be approved again."""
    if revoked.interaction is Interaction.REPLY:
        for comment in threads.find(connection, [revoked.object_uri]):
            if comment.actor_uri == revoked.actor_uri and comment.status is CommentStatus.APPROVED:
                comments.decide(connection, comment, CommentStatus.HELD)
    elif revoked.interaction in (Interaction.LIKE, Interaction.ANNOUNCE):
        reactions.delete_activity(connection, revoked.object_uri, revoked.actor_uri)
        until = now + timedelta(days=site.settings.keep_tombstones)
        tombstones.save(connection, {(revoked.object_uri, revoked.actor_uri): until})


def _take_back(connection: Connection, site: Site, found: Authorization, now: datetime) -> None:
    authorizations.update_all(connection, [found.revoked(now)])
    activity_id = new_id()
    if found.state is AuthorizationState.WAITING:
        document = writing.reject(found, site.addresses, activity_id)
        _send(connection, site, found, "Reject", activity_id, document, now)
    else:
        document = writing.delete(found, site.addresses, activity_id, now)
        _send(connection, site, found, "Delete", activity_id, document, now, to_followers=True)
        if found.interaction in _REJECTED:
            activity_id = new_id()
            document = writing.reject_interaction(found, site.addresses, activity_id)
            _send(connection, site, found, "Reject", activity_id, document, now, to_followers=False)


def _send(
    connection: Connection,
    site: Site,
    about: Authorization,
    kind: str,
    activity_id: str,
    document: writing.Json,
    now: datetime,
    *,
    to_followers: bool | None = None,
) -> None:
    """Tell the one whom *about* is about, and the followers where *to_followers* says so or (where
    it says nothing) there was no request."""
    asker = actors.find(connection, [about.actor_uri]).get(about.actor_uri)
    reach_followers = about.request_uri is None if to_followers is None else to_followers
    inboxes = (asker.inbox,) if asker is not None and asker.deleted_at is None else ()
    record(
        connection,
        about.blog_id,
        Outgoing(
            owner=about.owner,
            type=kind,
            document=document,
            activity_id=activity_id,
            object_uri=site.addresses.authorization(about.id),
        ),
        Recipients((about.owner,) if reach_followers else (), tuple(filter(None, inboxes))),
        now,
    )
