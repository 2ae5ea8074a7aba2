"""Actors and their keys: JSON to ActorDocument and KeyDocument."""

from typing import Any

from fedblog.activitystreams import values
from fedblog.activitystreams.documents import ActorDocument, KeyDocument
from fedblog.activitystreams.errors import (
    MissingPropertyError,
    MissingTypeError,
    UnexpectedTypeError,
)
from fedblog.activitystreams.reading_objects import page_address, picture_address, read_emojis
from fedblog.activitystreams.values import Document
from fedblog.activitystreams.vocabulary import ACTOR_TYPES

_MAX_KEYS = 20
_MAX_IMPLEMENTED = 50
_MAX_PEM = 8192
# How the base64 of every Ed25519 SubjectPublicKeyInfo begins (its OID 1.3.101.112).
_ED25519_PREFIX = "MCowBQYDK2VwAyEA"


ACTOR_MEMBERS = (
    *("id", "type", "@type", "preferredUsername", "name", "nameMap", "summary", "summaryMap"),
    *("url", "icon", "image", "inbox", "endpoints", "sharedInbox", "outbox", "followers"),
    *("following", "featured", "movedTo", "alsoKnownAs", "publicKey", "assertionMethod"),
    *("authentication", "tag", "published", "webfinger", "manuallyApprovesFollowers"),
    *("implements", "generator", "owner", "controller", "publicKeyPem", "publicKeyMultibase"),
    "@id",
)
"""What `read_actor` and `read_key` look at."""


def read_actor(document: Document) -> ActorDocument:
    """The actor in *document*.

    Raises MissingTypeError, UnexpectedTypeError, and MissingPropertyError without a usable id.
    """
    type_ = values.type_of(document)
    if not type_:
        raise MissingTypeError("there is no usable 'type'")
    if type_ not in ACTOR_TYPES:
        raise UnexpectedTypeError(type_, "actor")
    get = document.get
    id_ = values.web_address(values.uri(get("id")))
    if not id_:
        raise MissingPropertyError("id")
    endpoints = get("endpoints")
    shared = endpoints.get("sharedInbox") if type(endpoints) is dict else None
    username = get("preferredUsername")
    webfinger = get("webfinger")
    tags = get("tag")
    return ActorDocument(
        id=id_,
        type=type_,
        preferred_username=username if type(username) is str else "",
        name=values.text(document, "name"),
        summary=values.text(document, "summary"),
        url=page_address(get("url")) or id_,
        icon_url=picture_address(get("icon")),
        image_url=picture_address(get("image")),
        inbox=values.web_address(values.uri(get("inbox"))),
        shared_inbox=values.web_address(values.uri(shared or get("sharedInbox"))) or None,
        outbox=values.uri(get("outbox")),
        followers=values.uri(get("followers")),
        following=values.uri(get("following")),
        featured=values.uri(get("featured")),
        moved_to=values.uri(get("movedTo")),
        also_known_as=values.uris(get("alsoKnownAs")),
        keys=_keys(document, id_),
        emojis=read_emojis(tags) if tags else (),
        published=values.moment(get("published")),
        webfinger=webfinger if type(webfinger) is str else "",
        manually_approves_followers=get("manuallyApprovesFollowers") is True,
        implements=_implements(document),
    )


def read_key(document: Document, key_id: str | None = None) -> KeyDocument:
    """The key in *document*: an actor, a stub that holds one key and names its owner, or the bare
    key itself. Of several the one with *key_id*. Raises MissingPropertyError where there is none.
    """
    id_ = values.uri(document.get("id")) or ""
    found = _keys(document, id_)
    if bare := _key(document, ""):
        found = (*found, bare)
    for key in found:
        if key_id is None or key.id == key_id:
            return key
    raise MissingPropertyError("publicKey")


def _implements(document: Document) -> tuple[str, ...]:
    """The addresses in ``implements`` of the actor or of its ``generator`` (FEP-844e)."""
    generator = document.get("generator")
    named = values.listed(document.get("implements"))
    if type(generator) is dict:
        named = named + values.listed(generator.get("implements"))
    found = (values.uri(item) for item in named[:_MAX_IMPLEMENTED])
    return tuple(address for address in found if address)


def _keys(document: Document, owner: str) -> tuple[KeyDocument, ...]:
    found: dict[str, KeyDocument] = {}
    looked_at = 0
    for name in ("publicKey", "assertionMethod", "authentication"):
        for item in values.listed(document.get(name)):
            if type(item) is not dict:
                continue
            if looked_at == _MAX_KEYS:
                return tuple(found.values())
            looked_at += 1
            if key := _key(item, owner):
                found.setdefault(key.id, key)
    return tuple(found.values())


def _key(document: Document, owner: str) -> KeyDocument | None:
    """A key with ``publicKeyPem``, or a Multikey with ``publicKeyMultibase`` (FEP-521a)."""
    id_ = values.uri(document.get("id"))
    named = values.uri(document.get("owner")) or values.uri(document.get("controller"))
    owner = named or owner
    if id_ is None or not owner:
        return None
    pem: Any = document.get("publicKeyPem")
    if type(pem) is dict:
        pem = pem.get("@value")
    if type(pem) is str and 0 < len(pem) <= _MAX_PEM:
        body = pem.partition("\n")[2].lstrip()
        kind = "ed25519" if body.startswith(_ED25519_PREFIX) else "rsa"
        return KeyDocument(id_, owner, pem, kind)
    multibase = document.get("publicKeyMultibase")
    if type(multibase) is str and len(multibase) <= _MAX_PEM:
        # Heavy to import, and not needed where texts are read.
        from fedblog.signatures import keys as signature_keys
        from fedblog.signatures.errors import SignatureError

        try:
            kind, pem = signature_keys.pem_from_multibase(multibase)
        except SignatureError:
            return None
        return KeyDocument(id_, owner, pem, kind)
    return None
