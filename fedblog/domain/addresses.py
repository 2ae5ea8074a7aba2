"""Every identifier and address of this server, built from the configured base URL alone.

A request's Host header never takes part (security case S33). What an address says by its form is
read here (`Addresses.parse`); what it means, which takes the database, in `storage/resolving.py`.
"""

import re
import unicodedata
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import quote, unquote, urlsplit
from zoneinfo import ZoneInfo

from fedblog.domain.ids import is_id
from fedblog.domain.origins import in_ascii

BLOG = "blog"
"""Owner key of the blog's Group actor."""
READERS = "readers"
"""Owner key of the Service actor that speaks for readers without an account."""
INSTANCE = "instance"
"""Owner key of the Application actor that signs our GETs."""


_KINDS = {
    "authors": "actor",
    "posts": "post",
    "comments": "comment",
    "activities": "activity",
    "authorizations": "authorization",
}
_DEFAULT_PORTS = {"http": "80", "https": "443"}
_END_OF_AUTHORITY = re.compile(r"[/?#]")
_LEFT_OUT = {ord(sign): None for sign in "\t\r\n"}
"""What browsers leave out of an address (WHATWG URL, section 4.4)."""
_COMMENT_FRAGMENT = "comment-"


@dataclass(frozen=True, slots=True)
class LocalObject:
    """What an address of ours says by its form. *kind* is actor, post, comment, activity or
    authorization, named by its id (an actor by its owner key), or author (*key* is a WebFinger
    name) or page (*key* is a path). *comment* is the id of the comment that is meant of those
    below a post or page, or ""."""

    kind: str
    key: str
    comment: str = ""


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
    _authority: tuple[str, str] = field(init=False, repr=False, default=("", ""))

    def __post_init__(self) -> None:
        parts = urlsplit(self.base_url)
        host = parts.netloc
        object.__setattr__(self, "host", host)
        object.__setattr__(self, "_authority", _authority(parts.scheme, host))
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
        return self.base_url + percent_encoded(path)

    def comment_page(self, path: str, comment_id: str) -> str:
        """The human address of a comment below the post at *path*, whoever wrote it: it leads to
        the page of comments that shows it."""
        return self.page(comment_path(path, comment_id))

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
        """Whether *uri* lies on this server, however it is written: `http` or `https`, with the
        port or without where it is the scheme's own, the host in capitals."""
        return self._rest(uri) is not None

    def parse(self, uri: str) -> LocalObject | None:
        """What *uri*, an address that was given out here, says by its form; None where it is not
        ours or names no object (a collection, a feed of the `/ap/` folder, somebody elsewhere).

        The object of an address is that of its other spellings: with and without the slash at its
        end, with a query, with escapes where none are needed, with a fragment (of which
        ``comment-ID`` names a comment). Also read are ``acct:`` and the forms of `is_local`.
        """
        if not uri.isprintable():
            uri = uri.translate(_LEFT_OUT)
        rest = self._rest(uri)
        if rest is None:
            return self._by_handle(uri[5:]) if uri[:5].lower() == "acct:" else None
        rest, _, fragment = rest.partition("#")
        path = unquote(rest.partition("?")[0])
        if "\0" in path:
            return None
        folders = [folder for folder in unicodedata.normalize("NFC", path).split("/") if folder]
        named = self._named(folders)
        if named is None or named.comment or named.kind not in ("post", "page"):
            return named
        fragment = unquote(fragment)
        comment = fragment.removeprefix(_COMMENT_FRAGMENT)
        if comment == fragment or not is_id(comment):
            return named
        return LocalObject(named.kind, named.key, comment)

    def id_of(self, named: LocalObject) -> str | None:
        """The ActivityPub id that *named* has by its form; None where the form does not say it."""
        made = {
            "actor": self.actor,
            "post": self.post,
            "comment": self.comment,
            "activity": self.activity,
            "authorization": self.authorization,
        }.get(named.kind)
        return None if made is None or named.comment else made(named.key)

    def _named(self, folders: list[str]) -> LocalObject | None:
        if not folders:
            return LocalObject("actor", BLOG)
        if folders[0] == "ap":
            if len(folders) == 2 and folders[1] in (BLOG, READERS, INSTANCE):
                return LocalObject("actor", folders[1])
            if len(folders) == 3 and is_id(folders[2]) and (kind := _KINDS.get(folders[1])):
                return LocalObject(kind, folders[2])
            return None
        if len(folders) == 2 and folders[0] == "authors":
            return self._author(folders[1])
        if len(folders) == 1 and folders[0].startswith("@"):
            return self._author(folders[0][1:])
        comment = ""
        if len(folders) > 2 and folders[-2] == "comments" and is_id(folders[-1]):
            comment = folders[-1]
            folders = folders[:-2]
        return LocalObject("page", f"/{'/'.join(folders)}/", comment)

    def _by_handle(self, handle: str) -> LocalObject | None:
        name, _, host = unquote(handle).removeprefix("@").rpartition("@")
        if not name or host.lower() not in (self.host.lower(), self.handle_host.lower()):
            return None
        return self._author(name)

    def _author(self, name: str) -> LocalObject | None:
        name = name.lower()
        if name == self.handle:
            return LocalObject("actor", BLOG)
        return LocalObject("author", name) if name.isprintable() else None

    def _rest(self, uri: str) -> str | None:
        """What follows scheme and authority in *uri*, where they are ours."""
        if uri.startswith(self.base_url):
            rest = uri[len(self.base_url) :]
            if not rest or rest[0] in "/?#":
                return rest
        scheme, separator, after = uri.partition("://")
        if not separator or scheme.lower() not in _DEFAULT_PORTS:
            return None
        end = _END_OF_AUTHORITY.search(after)
        place = end.start() if end is not None else len(after)
        if _authority(scheme.lower(), after[:place]) != self._authority:
            return None
        return after[place:]


def comment_path(path: str, comment_id: str) -> str:
    """The path of a comment below the post at *path*."""
    return f"{path.rstrip('/')}/comments/{comment_id}/"


def _authority(scheme: str, text: str) -> tuple[str, str]:
    """Host and port of an authority in their one form, the port "" where it is the scheme's own."""
    host, colon, port = text.rpartition(":")
    if not colon or not (port.isdigit() or not port):
        host, port = text, ""
    if port == _DEFAULT_PORTS.get(scheme):
        port = ""
    return in_ascii(host.lower().removesuffix(".")), port


def percent_encoded(path: str) -> str:
    """*path* (with its query and fragment) as it stands in an address: letters beyond ASCII as
    their bytes in UTF-8 (RFC 3987, section 3.1). What is encoded already stays."""
    return quote(path, safe="/:@!$&'()*+,;=~-._%?#")


def post_path(published_at: datetime, slug: str, time_zone: str) -> str:
    """The path of a post, ``/YYYY/MM/DD/slug/``, by the date in the blog's *time_zone*."""
    local = published_at.astimezone(ZoneInfo(time_zone))
    return f"/{local:%Y/%m/%d}/{slug}/"
