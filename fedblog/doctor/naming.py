"""WebFinger in both directions: from the handle to the actor, and from the actor to its handle."""

from urllib.parse import quote

from fedblog.activitystreams import values
from fedblog.doctor.findings import Notes
from fedblog.doctor.looking import Eyes, Look, are_same, host_of
from fedblog.remote import documents, webfinger
from fedblog.remote.documents import Document
from fedblog.remote.errors import WrongDocumentError
from fedblog.remote.webfinger import Handle

ABOUT = "WebFinger"
_ACCEPT = "application/jrd+json, application/json"
_FIND = "Mastodon, GoToSocial, Misskey and Pleroma"


async def actor_of(eyes: Eyes, handle: Handle, notes: Notes) -> str | None:
    """The actor that *handle*'s host names for it, or None. What is wrong on the way is noted."""
    look = await _ask(eyes, handle.host, f"acct:{handle}")
    if look.document is None:
        notes.wrong(ABOUT, f"{handle.host} says nothing of @{handle}: {look.problem}", _FIND)
        return None
    _media_type(look, notes)
    actor = _self_link(look.document)
    if actor is None:
        notes.wrong(
            ABOUT,
            f"{handle.host} names no actor for @{handle}: there is no link with rel “self” and "
            "the type application/activity+json",
            _FIND,
        )
        return None
    subject = _subject(look.document)
    if subject is None:
        notes.wrong(ABOUT, f"the answer for @{handle} has no subject “acct:…”", "Mastodon")
    elif not subject.is_same(handle):
        await _confirm(eyes, subject, actor, notes)
    notes.good(ABOUT, f"@{handle} leads to {actor}")
    return actor


async def handle_of(eyes: Eyes, actor: Document, notes: Notes) -> None:
    """Note whether *actor* can be found by its name, as peers do before they believe it."""
    actor_id, name = str(actor.get("id")), actor.get("preferredUsername")
    if not isinstance(name, str) or not name:
        return  # noted with the actor's properties
    try:
        handle = webfinger.parse_handle(f"{name}@{host_of(actor_id)}")
    except WrongDocumentError:
        notes.wrong(ABOUT, "preferredUsername and host make no handle", _FIND)
        return
    look = await _ask(eyes, handle.host, f"acct:{handle}")
    if look.document is None:
        notes.wrong(
            ABOUT,
            f"{handle.host} says nothing of @{handle}: {look.problem}. The actor can be neither "
            "searched for nor mentioned, and some refuse what it sends",
            _FIND,
        )
        return
    _media_type(look, notes)
    found = _self_link(look.document)
    if not are_same(found, actor_id):
        notes.wrong(ABOUT, f"@{handle} leads to {found or 'no actor'}, not to {actor_id}", _FIND)
        return
    subject = _subject(look.document) or handle
    if subject.name.lower() != handle.name.lower():
        notes.wrong(
            ABOUT,
            f"the actor calls itself {name}, WebFinger calls it {subject.name}",
            "Mastodon",
        )
    if subject.host != handle.host:
        await _confirm(eyes, subject, actor_id, notes)
    said = actor.get("webfinger")
    if isinstance(said, str) and said.removeprefix("acct:").lower() != str(subject).lower():
        notes.mind(ABOUT, f"`webfinger` of the actor says {said}, WebFinger {subject}", "Mastodon")
    by_address = await _ask(eyes, handle.host, actor_id)
    if by_address.document is None or not are_same(_self_link(by_address.document), actor_id):
        notes.mind(ABOUT, "the actor is not found by its address, only by its handle")
    notes.good(ABOUT, f"the actor is known as @{subject}")


async def _ask(eyes: Eyes, host: str, resource: str) -> Look:
    scheme = webfinger.scheme(host, eyes.settings)
    url = f"{scheme}://{host}/.well-known/webfinger?resource={quote(resource, safe='')}"
    return await eyes.look(url, accept=_ACCEPT)


async def _confirm(eyes: Eyes, subject: Handle, actor: str, notes: Notes) -> None:
    """Whether the host that *subject* names says the same of it (S24)."""
    look = await _ask(eyes, subject.host, f"acct:{subject}")
    if look.document is None or not are_same(_self_link(look.document), actor):
        notes.wrong(
            ABOUT,
            f"the subject is @{subject}, but {subject.host} does not say that this is {actor}",
            _FIND,
        )


def _media_type(look: Look, notes: Notes) -> None:
    essence = look.media_type.partition(";")[0].strip().lower()
    if essence not in ("application/jrd+json", "application/json"):
        notes.wrong(
            ABOUT,
            f"the answer is {essence or 'untyped'}, not application/jrd+json",
            "GoToSocial and fedblog",
        )


def _self_link(document: Document) -> str | None:
    for link in values.listed(document.get("links")):
        if isinstance(link, dict) and link.get("rel") == "self":
            kind, href = link.get("type"), link.get("href")
            if isinstance(kind, str) and documents.is_activity_type(kind) and type(href) is str:
                return href
    return None


def _subject(document: Document) -> Handle | None:
    said = document.get("subject")
    if not isinstance(said, str) or not said.startswith("acct:"):
        return None
    try:
        return webfinger.parse_handle(said)
    except WrongDocumentError:
        return None
