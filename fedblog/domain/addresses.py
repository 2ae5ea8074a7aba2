"""Every identifier and address of this server, built from the configured base URL alone.

A request's Host header never takes part (security case S33).
"""

from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import quote, urlsplit
from zoneinfo import ZoneInfo

from fedblog.domain.ids import is_id

BLOG = "blog"
"""Owner key of the blog's Group actor."""
READERS = "readers"
"""Owner key of the Service actor that speaks for readers without an account."""
INSTANCE = "instance"
"""Owner key of the Application actor that signs our GETs."""


@dataclass(frozen=True, slots=True)
class LocalObject:
    """What a local ActivityPub address names: *kind* is actor, post, comment, activity or
    authorization."""

    kind: str
    key: str


@dataclass(frozen=True, slots=True)
class Addresses:
    """Builds and recognises this server's addresses.

    *base_url* has no trailing slash; *handle* is the blog's WebFinger name; *handle_host* is the
    host readers see in ``@handle@handle_host`` (the base URL's host and port when not set apart).
    An *owner* is the key of a local actor: ``blog``, ``readers``, ``instance`` or an author's ULID.
    """

    base_url: str
    handle: str = "blog"
    handle_host: str = ""
    host: str = field(init=False, default="")

    def __post_init__(self) -> None:
        host = urlsplit(self.base_url).netloc
        object.__setattr__(self, "host", host)
        if not self.handle_host:
            object.__setattr__(self, "handle_host", host)

    # actors
    def actor(self, owner: str) -> str:
        """The ActivityPub id of a local actor."""
        if owner in (BLOG, READERS, INSTANCE):
            return f"{self.base_url}/ap/{owner}"
        return f"{self.base_url}/ap/authors/{owner}"

    def inbox(self, owner: str) -> str:
        """The inbox of a local actor; readers' voice and instance actor use the shared one."""
        if owner in (READERS, INSTANCE):
            return self.shared_inbox
        return f"{self.actor(owner)}/inbox"

    @property
    def shared_inbox(self) -> str:
        """The shared inbox (ActivityPub, section 7.1.3)."""
        return f"{self.base_url}/ap/inbox"

    def collection(self, owner: str, name: str) -> str:
        """A collection of a local actor: outbox, followers, following, featured."""
        return f"{self.actor(owner)}/{name}"

    def key(self, owner: str, fragment: str = "main-key") -> str:
        """The id of a local actor's key: ``main-key`` (RSA) or ``ed25519-key``."""
        return f"{self.actor(owner)}#{fragment}"

    # objects
    def post(self, post_id: str) -> str:
        """The ActivityPub id of a post."""
        return f"{self.base_url}/ap/posts/{post_id}"

    def post_collection(self, post_id: str, name: str) -> str:
        """A collection of a post: replies, likes, shares, context."""
        return f"{self.post(post_id)}/{name}"

    def comment(self, comment_id: str) -> str:
        """The ActivityPub id of a comment written here."""
        return f"{self.base_url}/ap/comments/{comment_id}"

    def activity(self, activity_id: str) -> str:
        """The ActivityPub id of an activity sent from here."""
        return f"{self.base_url}/ap/activities/{activity_id}"

    def authorization(self, authorization_id: str) -> str:
        """The ActivityPub id of an authorization to interact."""
        return f"{self.base_url}/ap/authorizations/{authorization_id}"

    # human addresses
    def page(self, path: str) -> str:
        """The full human address of *path* (which begins with a slash)."""
        return self.base_url + quote(path, safe="/:@!$&'()*+,;=~-._%?#")

    def author_page(self, handle: str) -> str:
        """The page of an author, or of the group where *handle* is the blog's."""
        return f"{self.base_url}/authors/{quote(handle)}/"

    def tag_page(self, tag: str) -> str:
        """The page that lists the posts with *tag*."""
        return f"{self.base_url}/tags/{quote(tag)}/"

    def media(self, file_name: str) -> str:
        """The address of an uploaded file."""
        return f"{self.base_url}/media/{file_name}"

    def mark(self, handle: str) -> str:
        """The address of the picture that stands for the blog or an author without one."""
        return f"{self.base_url}/marks/{quote(handle)}.png"

    def acct(self, name: str) -> str:
        """``name@host`` as readers write it, without a leading @."""
        return f"{name}@{self.handle_host}"

    # recognising
    def is_local(self, uri: str) -> bool:
        """Whether *uri* lies on this server."""
        return uri == self.base_url or uri.startswith(self.base_url + "/")

    def parse(self, uri: str) -> LocalObject | None:
        """What a local ActivityPub *uri* names, or None where it is not one of ours.

        The key of an actor is its owner key; the query and fragment of *uri* must be empty.
        """
        if not uri.startswith(self.base_url + "/ap/"):
            return None
        parts = uri[len(self.base_url) + 4 :].split("/")
        if len(parts) == 1 and parts[0] in (BLOG, READERS, INSTANCE):
            return LocalObject("actor", parts[0])
        if len(parts) == 2 and is_id(parts[1]):
            kinds = {
                "authors": "actor",
                "posts": "post",
                "comments": "comment",
                "activities": "activity",
                "authorizations": "authorization",
            }
            if kind := kinds.get(parts[0]):
                return LocalObject(kind, parts[1])
        return None


def post_path(published_at: datetime, slug: str, time_zone: str) -> str:
    """The path of a post, ``/YYYY/MM/DD/slug/``, by the date in the blog's *time_zone*."""
    local = published_at.astimezone(ZoneInfo(time_zone))
    return f"/{local:%Y/%m/%d}/{slug}/"
