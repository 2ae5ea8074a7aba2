"""What peers demand of a post, rule by rule, and what of an article they do not show."""

from collections.abc import Mapping
from typing import Any

from fedblog.activitystreams import values
from fedblog.activitystreams.vocabulary import PUBLIC, PUBLIC_FORMS, REPLY_TYPES
from fedblog.doctor.findings import EVERYBODY, Notes
from fedblog.doctor.looking import host_of
from fedblog.publishing import looks
from fedblog.remote.documents import Document
from fedblog.text.sanitise import remote_html

SHAPE, SHOWN = "post", "shown"
_CONVERTED = frozenset({"Article", "Page", "Image", "Audio", "Video", "Event"})
"""Types that Mastodon shows as title and link."""


def check(document: Document, notes: Notes) -> None:
    """Note what is wrong with the post in *document*."""
    kind = values.type_of(document)
    if kind not in REPLY_TYPES:
        notes.wrong(SHAPE, f"its type is {kind or 'missing'}, which is no kind of post", EVERYBODY)
    _author(document, notes)
    _audience(document, notes)
    _times(document, notes)
    _text(document, kind, notes)
    _lists(document, notes)


def show(document: Document, author: Document | None, notes: Notes) -> None:
    """Note what becomes of the Article in *document* by *author* on each kind of server."""
    if values.type_of(document) != "Article":
        return
    author_type = values.type_of(author) if author else ""
    restricted = (author or {}).get("postingRestrictedToMods") is True
    for rendering in looks.renderings(
        _plain(document), author_type=author_type, restricted=restricted
    ):
        if rendering.refused:
            notes.mind(SHOWN, f"it is not shown: {rendering.refused}", rendering.peer)
            continue
        if rendering.place:
            notes.mind(SHOWN, f"it stands {rendering.place}", rendering.peer)
        missing = [part for part in ("title", "link") if part in rendering.lost]
        if missing:
            lost = " and no ".join(missing)
            notes.wrong(SHOWN, f"its readers see no {lost} of it", rendering.peer)
        elif rendering.lost:
            notes.mind(SHOWN, f"lost: {', '.join(rendering.lost)}", rendering.peer)


def author_of(document: Document) -> str | None:
    """The address of the first author."""
    return values.uri(document.get("attributedTo"))


def _author(document: Document, notes: Notes) -> None:
    author, written = author_of(document), document.get("attributedTo")
    if author is None:
        notes.wrong(SHAPE, "there is no attributedTo: it is dropped, also by those who answer 202")
        return
    if host_of(author) != host_of(document.get("id")):
        notes.wrong(SHAPE, f"its author is on another host, {host_of(author)} (S1)")
    if type(written) is list and any(type(item) is str for item in written):
        notes.wrong(SHAPE, "attributedTo is a list of addresses and cannot be read", "Lemmy")
    if type(written) is list and len(written) > 1:
        notes.mind(SHAPE, "only the first author is shown", "Mastodon, GoToSocial")


def _audience(document: Document, notes: Notes) -> None:
    audience = (*values.uris(document.get("to")), *values.uris(document.get("cc")))
    written = {item for item in audience if type(item) is str}
    raw = {
        item
        for name in ("to", "cc")
        for item in values.listed(document.get(name))
        if type(item) is str
    }
    if not (written | raw) & PUBLIC_FORMS:
        notes.mind(SHAPE, "it is not addressed to everyone (to, cc): it is shown to nobody else")
    elif PUBLIC not in raw:
        notes.mind(
            SHAPE, "it writes Public in a short form: it counts as private", "Mastodon before 3.4"
        )


def _times(document: Document, notes: Notes) -> None:
    published = values.moment(document.get("published"))
    updated = values.moment(document.get("updated"))
    if published is None:
        notes.wrong(
            SHAPE,
            "`published` is missing or unreadable: it appears in no timeline, or at a wrong place",
            "Mastodon, GoToSocial",
        )
    if published and updated and updated < published:
        notes.wrong(SHAPE, "`updated` lies before `published`: it is rejected", "GoToSocial")


def _text(document: Document, kind: str, notes: Notes) -> None:
    name, content = values.text(document, "name"), values.text(document, "content")
    summary = values.text(document, "summary")
    if not content.strip() and kind in ("Note", "Article"):
        notes.wrong(SHAPE, "it has no content", "GoToSocial, Misskey, Lemmy")
    if kind in _CONVERTED and not name.strip():
        notes.wrong(SHAPE, "it has no name: its readers see an address alone", "Mastodon")
    if kind in ("Article", "Page") and summary:
        notes.mind(
            SHAPE,
            "its summary hides the text like a content warning",
            "GoToSocial, Misskey, Friendica",
        )
    if "<" in summary:
        notes.mind(SHAPE, "its summary has HTML, which is shown as it is written", "GoToSocial")
    if not document.get("contentMap"):
        notes.mind(SHAPE, "it does not say its language (contentMap)", "Mastodon")
    if host_of(values.uri(document.get("url"))) != host_of(document.get("id")):
        notes.mind(SHAPE, "its page is missing or on another host than its id", "Mastodon, Lemmy")
    source = document.get("source")
    if type(source) is dict and "markdown" in str(source.get("mediaType")):
        notes.mind(SHAPE, "`source` is shown in place of content", "Lemmy, NodeBB")


def _lists(document: Document, notes: Notes) -> None:
    for name in ("tag", "attachment"):
        if name in document and type(document[name]) is not list:
            notes.wrong(SHAPE, f"`{name}` is not an array: the post is refused", "Lemmy")
    if type(document.get("image")) is list:
        notes.wrong(SHAPE, "`image` is a list: the post is refused", "Lemmy")
    if "context" in document and type(document["context"]) is not str:
        notes.mind(SHAPE, "`context` is no plain address", "NodeBB, PieFed")
    replies = document.get("replies")
    if type(replies) is str:
        notes.mind(
            SHAPE, "`replies` is not embedded: every server that gets it asks for them", "Mastodon"
        )
    elif replies is None:
        notes.mind(SHAPE, "it has no `replies`: its conversation cannot be found", "Mastodon")
    policy = document.get("interactionPolicy")
    if type(policy) is not dict or "canQuote" not in policy:
        notes.mind(SHAPE, "it does not say who may quote it: nobody may", "Mastodon")


def _plain(document: Document) -> Mapping[str, Any]:
    """*document* in the forms that our own articles have, whatever it was written in."""
    tags = [
        {"type": "Hashtag", "name": str(tag.get("name"))}
        for tag in values.listed(document.get("tag"))
        if type(tag) is dict and tag.get("type") == "Hashtag"
    ]
    images = values.listed(document.get("image"))
    image = images[0] if images else {}
    if type(image) is not dict:
        image = {"url": image}
    preview, languages = document.get("preview"), document.get("contentMap")
    plain = {
        "id": document["id"],
        "url": values.uri(document.get("url")) or "",
        "name": values.text(document, "name"),
        "summary": values.text(document, "summary"),
        # Well-formed afterwards: parsers that are slow on broken HTML get none (S18).
        "content": remote_html(values.text(document, "content")),
        "preview": preview if type(preview) is dict else {},
        "image": {
            "url": values.uri(image.get("url")) or "",
            "name": str(image.get("name") or ""),
        },
        "attachment": [a for a in values.listed(document.get("attachment")) if type(a) is dict],
        "contentMap": languages if type(languages) is dict else {},
        "tag": tags,
        **{name: document.get(name) for name in ("attributedTo", "to", "cc", "audience")},
    }
    return {name: value for name, value in plain.items() if value or name == "id"}
