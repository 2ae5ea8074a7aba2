"""Notes, articles, videos, polls and the like: JSON to Object, its texts as they came."""

import re
from typing import Any

from fedblog.activitystreams import values
from fedblog.activitystreams.documents import (
    Attachment,
    Collection,
    Emoji,
    Hashtag,
    Mention,
    Object,
    Poll,
    PollOption,
)
from fedblog.activitystreams.errors import MissingTypeError, ReadingError, UnexpectedTypeError
from fedblog.activitystreams.reading_collections import read_collection
from fedblog.activitystreams.reading_texts import media_type_of
from fedblog.activitystreams.values import Document
from fedblog.activitystreams.vocabulary import (
    ACTIVITY_TYPES,
    ACTOR_TYPES,
    ATTACHMENT_TYPES,
    COLLECTION_TYPES,
    LD_JSON,
)

_QUOTE_NAMES = (
    *("quote", "quoteUrl", "quoteUri", "_misskey_quote"),
    *("as:quoteUrl", "fedibird:quoteUri", "misskey:_misskey_quote"),
)
_MOST_TAGS = 500
_MOST_FILES = 100
_MOST_OPTIONS = 100
"""Of each of these more are not read; what is kept of them is less still (carried.py)."""
_ACTIVITY_MEDIA = re.compile(r"application/(?:activity\+json|ld\+json)", re.IGNORECASE)


OBJECT_MEMBERS = (
    *("id", "@id", "type", "@type", "@context", "attributedTo", "actor", "inReplyTo"),
    *("name", "nameMap", "content", "contentMap", "mediaType", "summary", "summaryMap"),
    *("formerType", "formerTypeMap", "sensitive", "as:sensitive", "language", "url", "published"),
    *("updated", "to", "cc", "audience", "attachment", "tag", "replies", "likes", "shares"),
    *("context", "conversation", "oneOf", "anyOf", "closed", "endTime", "votersCount"),
    *_QUOTE_NAMES,
)
"""What `read_object` looks at."""


def read_object(
    document: Document, *, to: tuple[str, ...] = (), cc: tuple[str, ...] = ()
) -> Object:
    """The object in *document*, of whatever type it is.

    An object that says nothing of whom it is for takes *to* and *cc*, those of the activity that
    carries it (ActivityPub, section 6.2). Raises MissingTypeError, and UnexpectedTypeError for
    activities, actors and collections.
    """
    type_ = values.type_of(document)
    if not type_:
        raise MissingTypeError("there is no usable 'type'")
    if type_ in ACTIVITY_TYPES or type_ in ACTOR_TYPES or type_ in COLLECTION_TYPES:
        raise UnexpectedTypeError(type_, "object")
    get = document.get
    id_ = values.uri(get("id"))
    content = values.text(document, "content")
    media_type = get("mediaType")
    if "to" in document or "cc" in document:
        to = values.audience(get("to"))
        cc = values.audience(get("cc"))
    tags = get("tag")
    mentions: tuple[Mention, ...] = ()
    hashtags: tuple[Hashtag, ...] = ()
    emojis: tuple[Emoji, ...] = ()
    quotes: dict[str, None] = {}
    if tags:
        mentions, hashtags, emojis = read_mentions(tags), _hashtags(tags), read_emojis(tags)
        quotes = _quote_links(tags)
    for name in _QUOTE_NAMES:
        if name in document and (quote := values.uri(document[name])):
            quotes[quote] = None
    replies, replies_collection = _replies(get("replies"))
    attachment = get("attachment")
    attachments = _attachments(attachment) if attachment else ()
    context = get("context") or get("conversation")
    return Object(
        id=id_,
        type=type_,
        attributed_to=values.uris(get("attributedTo")) or values.uris(get("actor")),
        in_reply_to=values.uri(get("inReplyTo")),
        name=values.text(document, "name"),
        content=content,
        media_type=media_type if type(media_type) is str else "",
        summary=values.text(document, "summary"),
        sensitive=get("sensitive") is True
        or get("as:sensitive") is True
        or (bool(attachment) and _is_sensitive(attachment)),
        language=values.language(document, content),
        url=page_address(get("url")) or values.web_address(id_),
        published=values.moment(get("published")),
        updated=values.moment(get("updated")),
        to=to,
        cc=cc,
        audience=values.uris(get("audience")),
        attachments=attachments,
        mentions=mentions,
        hashtags=hashtags,
        emojis=emojis,
        quotes=tuple(quotes),
        poll=_poll(document) if "oneOf" in document or "anyOf" in document else None,
        former_type=values.text(document, "formerType") if "formerType" in document else "",
        replies=replies,
        replies_collection=replies_collection,
        likes_total=_total(get("likes")),
        shares_total=_total(get("shares")),
        context=context if type(context) is str and len(context) <= values.MAX_URI else None,
    )


def page_address(value: Any) -> str:
    """The address of the page for people in *value*: a text, a Link, or a list of them."""
    if type(value) is str:
        return values.web_address(value)
    fallback = ""
    for item in values.listed(value):
        if type(item) is str:
            address, media_type = values.web_address(item), ""
        elif type(item) is dict:
            address = values.web_address(item.get("href") or item.get("url"))
            media_type = item.get("mediaType") or item.get("mimeType") or ""
        else:
            continue
        if not address:
            continue
        if media_type == "text/html":
            return address
        if not fallback and (not media_type or media_type == "application/html"):
            fallback = address
    return fallback


def _tagged(tags: Any, type_: str) -> list[Document]:
    return [
        tag
        for tag in values.listed(tags)[:_MOST_TAGS]
        if type(tag) is dict and values.type_of(tag) == type_
    ]


def read_mentions(tags: Any) -> tuple[Mention, ...]:
    """The mentions in *tags* that name someone by address."""
    found = []
    for tag in _tagged(tags, "Mention"):
        href = values.web_address(tag.get("href"))
        if href:
            name = tag.get("name")
            found.append(Mention(href, name if type(name) is str else ""))
    return tuple(found)


def _hashtags(tags: Any) -> tuple[Hashtag, ...]:
    found: dict[str, Hashtag] = {}
    for tag in _tagged(tags, "Hashtag"):
        name = values.text(tag, "name").strip().lstrip("#")
        if name:
            found.setdefault(name, Hashtag(name, values.web_address(tag.get("href"))))
    return tuple(found.values())


def read_emojis(tags: Any) -> tuple[Emoji, ...]:
    """The custom emojis in *tags* that have a picture."""
    found = []
    for tag in _tagged(tags, "Emoji"):
        shortcode = values.text(tag, "name").strip().strip(":")
        url = picture_address(tag.get("icon"))
        if shortcode and url:
            found.append(Emoji(shortcode, url))
    return tuple(found)


def picture_address(value: Any) -> str:
    """The address of the first picture in *value*: a text, an Image, a Link, a list of them."""
    for item in values.listed(value):
        if type(item) is str:
            address = values.web_address(item)
        elif type(item) is dict:
            address = media_link(item.get("url"))[0] or values.web_address(item.get("href"))
        else:
            continue
        if address:
            return address
    return ""


def media_link(value: Any) -> tuple[str, str]:
    """The first usable address in *value* (a text, a Link, or a list of them) and the media type
    that its Link gives ("" where it gives none)."""
    for item in values.listed(value):
        is_link = type(item) is dict
        address = values.web_address(item.get("href") if is_link else item)
        if address:
            media_type = item.get("mediaType") if is_link else None
            return address, media_type if type(media_type) is str else ""
    return "", ""


def _quote_links(tags: Any) -> dict[str, None]:
    """Quotes written as Link tags (FEP-e232): links to something of ActivityPub's media type."""
    found: dict[str, None] = {}
    for tag in _tagged(tags, "Link"):
        media_type = tag.get("mediaType")
        if type(media_type) is str and _ACTIVITY_MEDIA.match(media_type):
            if "profile" not in media_type and "ld+json" in media_type and media_type != LD_JSON:
                continue
            if href := values.web_address(tag.get("href")):
                found[href] = None
    return found


def _attachments(value: Any) -> tuple[Attachment, ...]:
    found = []
    for item in values.listed(value)[:_MOST_FILES]:
        if type(item) is not dict:
            continue
        type_ = values.type_of(item)
        if type_ and type_ not in ATTACHMENT_TYPES:
            continue
        address, of_link = media_link(item.get("url"))
        address = address or values.web_address(item.get("href"))
        if not address:
            continue
        media_type = item.get("mediaType")
        found.append(
            Attachment(
                type=type_ or "Document",
                url=address,
                media_type=media_type
                if type(media_type) is str
                else of_link or media_type_of(address),
                name=values.text(item, "name") or values.text(item, "summary"),
                width=values.count(item.get("width")),
                height=values.count(item.get("height")),
            )
        )
    return tuple(found)


def _is_sensitive(value: Any) -> bool:
    """Whether an attachment of its own is to be covered."""
    return any(
        type(item) is dict and item.get("sensitive") is True
        for item in values.listed(value)[:_MOST_FILES]
    )


def _poll(document: Document) -> Poll:
    multiple = "anyOf" in document and bool(document["anyOf"])
    options = []
    for item in values.listed(document.get("anyOf" if multiple else "oneOf"))[:_MOST_OPTIONS]:
        if type(item) is dict and (name := values.text(item, "name")):
            options.append(PollOption(name, _total(item.get("replies"))))
    # Some say only when it will be closed, some when it was.
    ends_at = values.moment(document.get("closed")) or values.moment(document.get("endTime"))
    return Poll(
        tuple(options),
        multiple,
        ends_at,
        values.count(document.get("votersCount")),
        document.get("closed") is True,
    )


def _total(value: Any) -> int | None:
    return values.count(value.get("totalItems")) if type(value) is dict else None


def _replies(value: Any) -> tuple[str | None, Collection | None]:
    """The collection of replies: its address, and what of it is embedded."""
    if value is None or type(value) is str:
        return values.uri(value), None
    if type(value) is list:
        return None, Collection(None, "Collection", values.uris(value))
    if type(value) is dict:
        try:
            return values.uri(value), read_collection(value)
        except ReadingError:
            return values.uri(value), None
    return None, None
