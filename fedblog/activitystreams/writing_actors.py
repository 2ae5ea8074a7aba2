"""Local actors as JSON: the blog's Group, authors' Persons, the readers' Service, the instance."""

from dataclasses import dataclass
from datetime import datetime
from html import escape
from typing import Any
from urllib.parse import urlsplit

from markupsafe import Markup

from fedblog.activitystreams.vocabulary import RFC_9421, RFC_9421_ED25519
from fedblog.activitystreams.writing_authorizations import actor_policy
from fedblog.domain.addresses import BLOG, INSTANCE, READERS, Addresses
from fedblog.domain.blog import Author, Blog
from fedblog.domain.media import Media
from fedblog.text.catalogues import sentence

Json = dict[str, Any]

READERS_NAME = "readers"
"""The WebFinger name of the readers' voice."""


MARK_SIDE = 400
"""Pixels of a side of the mark drawn for an actor without a picture."""


IMPLEMENTS = (
    {"type": "Link", "href": RFC_9421, "name": "RFC-9421: HTTP Message Signatures"},
    {
        "type": "Link",
        "href": RFC_9421_ED25519,
        "name": "RFC-9421 signatures using the Ed25519 algorithm",
    },
)
"""What this server verifies and no other property shows (FEP-844e), in its registry's words."""


@dataclass(frozen=True, slots=True)
class ActorKeys:
    """An actor's public keys: the RSA one that signs requests as SPKI PEM, the Ed25519 one that
    signs proofs as multibase, each with the fragment of its id; *others* (fragment, multibase) are
    those that signed before and are not dropped yet."""

    rsa_pem: str
    ed25519_multibase: str | None = None
    rsa_fragment: str = "main-key"
    ed25519_fragment: str = "ed25519-key"
    others: tuple[tuple[str, str], ...] = ()


def instance_name(addresses: Addresses) -> str:
    """The WebFinger name of the instance actor: the host, as other servers do it."""
    return urlsplit(addresses.base_url).hostname or addresses.host


def picture(media: Media, addresses: Addresses) -> Json:
    """An uploaded picture as an Image. The text for those who cannot see it stands in ``name`` and
    in ``summary``: peers read one or the other."""
    url = addresses.media(media.file_name)
    item: Json = {
        "id": url,
        "type": "Image",
        "url": url,
        "mediaType": media.media_type,
        "width": media.width,
        "height": media.height,
    }
    if media.alt:
        item |= {"name": media.alt, "summary": media.alt}
    return item


def blog_actor(
    blog: Blog,
    addresses: Addresses,
    keys: ActorKeys,
    *,
    icon: Media | None = None,
    image: Media | None = None,
) -> Json:
    """The blog as a Group. ``postingRestrictedToMods`` and ``attributedTo`` (the collection of
    those who may) are what Lemmy reads of a community (FEP-1b12)."""
    item = _actor(BLOG, "Group", blog.handle, blog.title, addresses, keys, blog.created_at)
    about = [text for text in (blog.tagline, blog.about) if text]
    item |= {
        "summary": _paragraphs(*about),
        "url": addresses.page("/"),
        "postingRestrictedToMods": True,
        "attributedTo": addresses.collection(BLOG, "moderators"),
        "attachment": [_link_field("Blog", addresses.page("/"))],
        **_collections(BLOG, addresses),
        **_visible(addresses),
    }
    return item | _pictures(blog.handle, icon, image, addresses)


def author_actor(
    author: Author, addresses: Addresses, keys: ActorKeys, *, icon: Media | None = None
) -> Json:
    """An author as a Person."""
    item = _actor(
        author.id, "Person", author.handle, author.name, addresses, keys, author.created_at
    )
    fields = [_link_field("Blog", addresses.page("/"))]
    if author.url:
        fields.append(_link_field("Website", author.url))
    if author.fediverse:
        name, _, host = author.fediverse.removeprefix("@").partition("@")
        if name and host:
            account = f"@{name}@{host}"
            fields.append(_link_field("Fediverse", f"https://{host}/@{name}", account))
    item |= {
        "summary": _paragraphs(author.about),
        "url": addresses.author_page(author.handle),
        "attachment": fields,
        **_collections(author.id, addresses),
        **_visible(addresses),
    }
    return item | _pictures(author.handle, icon, None, addresses)


def readers_actor(blog: Blog, addresses: Addresses, keys: ActorKeys) -> Json:
    """The voice of readers who have no account of their own, as a Service."""
    title = Markup(blog.title)  # noqa: S704 (it goes into JSON as plain text)
    name = sentence(blog.language, "Readers of %(title)s", "%(title)s", title=title)
    item = _actor(READERS, "Service", READERS_NAME, str(name), addresses, keys, blog.created_at)
    return item | {
        "summary": _paragraphs(
            sentence(blog.language, "Comments of readers who wrote them on the blog itself.", "")
        ),
        "url": addresses.page("/"),
        "attachment": [_link_field("Blog", addresses.page("/"))],
        "discoverable": False,
        "indexable": False,
    }


def instance_actor(blog: Blog, addresses: Addresses, keys: ActorKeys) -> Json:
    """The server itself as an Application: it signs what we fetch, and nobody follows it."""
    name = instance_name(addresses)
    item = _actor(INSTANCE, "Application", name, blog.title, addresses, keys, blog.created_at)
    return item | {
        "summary": _paragraphs(
            sentence(blog.language, "Signs the requests that this server makes to others.", "")
        ),
        "implements": list(IMPLEMENTS),
        "url": addresses.page("/"),
        "attachment": [],
        "manuallyApprovesFollowers": True,
        "discoverable": False,
        "indexable": False,
    }


def _actor(
    owner: str,
    type_: str,
    handle: str,
    name: str,
    addresses: Addresses,
    keys: ActorKeys,
    created_at: datetime,
) -> Json:
    """What every local actor has. ``webfinger`` is FEP-2c59's, ``assertionMethod`` FEP-521a's; by
    ``generator`` all but the Application itself name it, without an id: it stands for no actor."""
    id_ = addresses.actor(owner)
    item: Json = {
        "id": id_,
        "type": type_,
        "preferredUsername": handle,
        "name": name,
        "webfinger": addresses.acct(handle),
        "published": created_at.strftime("%Y-%m-%dT00:00:00Z"),
        "inbox": addresses.inbox(owner),
        "outbox": addresses.collection(owner, "outbox"),
        "endpoints": {"sharedInbox": addresses.shared_inbox},
        "manuallyApprovesFollowers": False,
        "publicKey": {
            "id": addresses.key(owner, keys.rsa_fragment),
            "owner": id_,
            "publicKeyPem": keys.rsa_pem,
        },
    }
    if type_ != "Application":
        item["generator"] = {"type": "Application", "implements": list(IMPLEMENTS)}
    multikeys = list(keys.others)
    if keys.ed25519_multibase is not None:
        multikeys.insert(0, (keys.ed25519_fragment, keys.ed25519_multibase))
    if multikeys:
        # Some servers read one publicKey only, so it is the one that signs; all others stand here.
        item["assertionMethod"] = [
            {
                "id": addresses.key(owner, fragment),
                "type": "Multikey",
                "controller": id_,
                "publicKeyMultibase": value,
            }
            for fragment, value in multikeys
        ]
    return item


def _collections(owner: str, addresses: Addresses) -> Json:
    return {
        name: addresses.collection(owner, name) for name in ("followers", "following", "featured")
    }


def _visible(addresses: Addresses) -> Json:
    """Found in searches and directories; may stand in collections of others and in
    ``fediverse:creator`` of the blog's pages."""
    return {
        "interactionPolicy": actor_policy(),
        "discoverable": True,
        "indexable": True,
        "attributionDomains": [instance_name(addresses)],
    }


def _pictures(handle: str, icon: Media | None, image: Media | None, addresses: Addresses) -> Json:
    """``icon``, a drawn mark where there is no picture, and ``image`` where there is one."""
    mark = addresses.mark(handle)
    found: Json = {
        "icon": {
            "id": mark,
            "type": "Image",
            "url": mark,
            "mediaType": "image/png",
            "width": MARK_SIDE,
            "height": MARK_SIDE,
        }
    }
    if icon is not None:
        found["icon"] = picture(icon, addresses)
    if image is not None:
        found["image"] = picture(image, addresses)
    return found


def _link_field(name: str, url: str, text: str = "") -> Json:
    shown = text or url.split("://", 1)[-1].rstrip("/")
    value = f'<a href="{escape(url)}" rel="me nofollow noopener">{escape(shown, quote=False)}</a>'
    return {"type": "PropertyValue", "name": name, "value": value}


def _paragraphs(*texts: str) -> str:
    """Plain texts as HTML, a paragraph for each block of lines."""
    blocks = [block.strip() for text in texts for block in text.split("\n\n")]
    lines = (escape(block, quote=False).replace("\n", "<br>") for block in blocks if block)
    return "".join(f"<p>{line}</p>" for line in lines)
