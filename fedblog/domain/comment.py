"""Comments: replies from other servers, from here, and what moderators decide about them."""

from datetime import datetime
from enum import StrEnum

from fedblog.domain.frozen import frozen


class CommentStatus(StrEnum):
    """What readers see of a comment: only *approved* ones are shown."""

    APPROVED = "approved"
    HELD = "held"
    SPAM = "spam"


@frozen
class Comment:
    """One comment.

    *uri* is its ActivityPub id; exactly one of *actor_uri* (a remote actor), *author_id* (a local
    author) and *guest_name* says who wrote it. *post_id* and *parent_id* are None while its parent
    is not known (an orphan); *parent_id* is None for a first-level comment. *depth* begins at 0.
    A deleted one keeps its row (*deleted_at*, no text) so that its answers keep their place.

    *attachments*, *poll*, *quotes* and *emojis* are JSON, the last three None where there are none.
    *media_status* is what a moderator decided about its pictures: None (not yet), ``approved``
    or ``held``. *erased_at* is when what else was kept of a deleted one went as well.
    """

    id: str
    blog_id: int
    uri: str
    post_id: str | None
    parent_id: str | None
    in_reply_to_uri: str
    depth: int
    actor_uri: str | None
    author_id: str | None
    guest_name: str | None
    url: str
    name: str
    source_html: str
    content_html: str
    summary: str
    language: str | None
    visibility: str
    status: CommentStatus
    status_locked: bool
    attachments: str
    published_at: datetime
    received_at: datetime
    edited_at: datetime | None = None
    deleted_at: datetime | None = None
    sensitive: bool = False
    media_status: str | None = None
    poll: str | None = None
    quotes: str | None = None
    emojis: str | None = None
    erased_at: datetime | None = None

    @property
    def is_shown(self) -> bool:
        """Whether readers see its text."""
        return (
            self.status is CommentStatus.APPROVED
            and self.deleted_at is None
            and self.visibility == "public"
            and self.post_id is not None
        )
