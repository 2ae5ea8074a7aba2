"""What peers demand of an actor's document, rule by rule."""

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from fedblog.activitystreams import reading, values
from fedblog.activitystreams.errors import ReadingError
from fedblog.activitystreams.reading import ActorDocument
from fedblog.doctor.findings import EVERYBODY, Notes
from fedblog.doctor.looking import host_of
from fedblog.remote import guard
from fedblog.remote.documents import Document
from fedblog.remote.errors import BlockedAddressError
from fedblog.signatures import keys as signature_keys
from fedblog.signatures.errors import KeyFormatError

SHAPE, KEYS = "actor", "keys"
_RSA_BITS = 2048


def check(document: Document, notes: Notes) -> None:
    """Note what is wrong with the actor in *document*."""
    try:
        actor = reading.read_actor(document)
    except ReadingError as error:
        notes.wrong(SHAPE, f"it cannot be read as an actor: {error}")
        return
    _addresses(actor, document, notes)
    if not actor.preferred_username:
        notes.wrong(SHAPE, "there is no preferredUsername, so it has no handle")
    if "attachment" in document and type(document["attachment"]) is not list:
        notes.wrong(SHAPE, "`attachment` is not an array: its fields are not shown", "Mastodon")
    if actor.moved_to:
        notes.mind(SHAPE, f"it has moved to {actor.moved_to}: nobody can follow it any more")
    if actor.manually_approves_followers:
        notes.mind(SHAPE, "a Follow of it waits until somebody there approves it")
    _keys(actor, document, notes)


def _addresses(actor: ActorDocument, document: Document, notes: Notes) -> None:
    host = host_of(actor.id)
    if not actor.inbox:
        notes.wrong(SHAPE, "there is no inbox: nothing can be sent to it")
    elif host_of(actor.inbox) != host and not _related(actor.inbox, actor.id):
        notes.wrong(
            SHAPE, f"the inbox is on another host, {host_of(actor.inbox)}", "fedblog and GoToSocial"
        )
    if actor.shared_inbox is None:
        notes.mind(SHAPE, "there is no sharedInbox: every follower there gets a copy of its own")
    elif not _related(actor.shared_inbox, actor.id):
        notes.mind(SHAPE, "the sharedInbox is on another host and not used", "GoToSocial, fedblog")
    if not actor.outbox:
        notes.wrong(SHAPE, "there is no outbox, which ActivityPub demands", "Lemmy and PieFed")
    if not actor.followers:
        notes.mind(SHAPE, "there is no followers collection: no figure is shown", "Mastodon")
    if host_of(actor.url) != host:
        notes.mind(SHAPE, f"its page is on another host, {host_of(actor.url)}", "Mastodon, Lemmy")
    if not values.text(document, "name"):
        notes.mind(SHAPE, "it has no `name`: its handle is shown instead")


def _keys(actor: ActorDocument, document: Document, notes: Notes) -> None:
    about_own = f"{actor.id} cannot prove what it sends"
    published = values.listed(document.get("publicKey"))
    if not published:
        notes.wrong(KEYS, f"there is no publicKey: {about_own}", EVERYBODY)
        return
    if len(published) > 1:
        notes.mind(
            KEYS, "publicKey is a list: most read one key of it", "Mastodon before 4.6 and others"
        )
    read = {key.id: key for key in actor.keys}
    has_rsa = is_sound = False
    for entry in published:
        if type(entry) is not dict:
            notes.wrong(KEYS, "publicKey is an address and no key", "Mastodon, Misskey")
            continue
        key = read.get(values.uri(entry.get("id")) or "")
        if key is None:
            notes.wrong(KEYS, f"a key of publicKey lacks id, owner or PEM: {about_own}")
            continue
        if key.owner != actor.id:
            notes.wrong(KEYS, f"the key {key.id} says that its owner is {key.owner} (S4)")
        if host_of(key.id) != host_of(actor.id):
            notes.wrong(KEYS, f"the key {key.id} is on another host than its actor")
        is_rsa = _is_usable(key.id, key.public_pem, notes)
        has_rsa |= is_rsa
        is_sound |= is_rsa and key.owner == actor.id
    if not has_rsa:
        notes.wrong(KEYS, "there is no RSA key that can be read, the only kind that all verify")
    others = [key for key in actor.keys if key.kind == signature_keys.ED25519]
    if others:
        notes.good(KEYS, "an Ed25519 key is published as well: its proofs can be verified")
    if is_sound:
        notes.good(KEYS, "the RSA key can be read, and it names the actor as its owner")


def _is_usable(key_id: str, pem: str, notes: Notes) -> bool:
    """Whether the key in *pem* is RSA and readable; a short one is noted."""
    try:
        key = signature_keys.load_public(pem)
    except KeyFormatError as error:
        notes.wrong(KEYS, f"the key {key_id} cannot be read: {error}")
        return False
    if not isinstance(key, RSAPublicKey):
        return False
    if key.key_size < _RSA_BITS:
        notes.wrong(
            KEYS,
            f"the key {key_id} has {key.key_size} bits; fewer than {_RSA_BITS} are refused",
            "fedblog, Fedify",
        )
    return True


def _related(url: str, actor_id: str) -> bool:
    try:
        return guard.are_related(url, actor_id)
    except BlockedAddressError:
        return False
