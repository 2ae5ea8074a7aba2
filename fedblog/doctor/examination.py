"""The examination: from an address or a handle to a report, in the order in which peers ask."""

from fedblog.activitystreams import values
from fedblog.activitystreams.vocabulary import ACTIVITY_JSON, ACTOR_TYPES, LD_JSON
from fedblog.doctor import actors, naming, posts, software
from fedblog.doctor.findings import Notes, Report
from fedblog.doctor.looking import Eyes, Look, are_same, host_of
from fedblog.remote import webfinger
from fedblog.remote.client import RemoteClient
from fedblog.remote.documents import Document
from fedblog.remote.errors import WrongDocumentError
from fedblog.settings import Settings

FETCHING, PAGE = "fetching", "page"
_SIGNERS = "GoToSocial, fedblog, Mastodon and others in secure mode: they sign every request"
_TAG_LENGTH = 2000


async def examine(subject: str, *, client: RemoteClient, settings: Settings) -> Report:
    """Look at *subject*, the address of an actor or post or a handle, through *client*.

    Signed looks need the client's ``instance_key``. Never raises for what is found.
    """
    notes, eyes = Notes(), Eyes(client, settings)
    address: str | None = subject.strip()
    if not str(address).startswith(("http://", "https://")):
        try:
            handle = webfinger.parse_handle(subject)
        except WrongDocumentError:
            notes.wrong(naming.ABOUT, f"{subject} is neither an address nor a handle")
            return Report(subject, notes.all())
        address = await naming.actor_of(eyes, handle, notes)
    if address is not None:
        await _document(eyes, address, notes)
    return Report(subject, notes.all())


async def _document(eyes: Eyes, url: str, notes: Notes) -> None:
    """Examine what *url* leads to."""
    document = await _fetch(eyes, url, notes)
    if document is None:
        return
    if values.type_of(document) in ACTOR_TYPES:
        await _actor(eyes, document, notes)
        return
    posts.check(document, notes)
    await _page(eyes, document, notes)
    author_address = posts.author_of(document)
    if author_address is None:
        return
    author = await _fetch(eyes, author_address, notes)
    posts.show(document, author, notes)
    if author is not None:
        await _actor(eyes, author, notes)


async def _actor(eyes: Eyes, document: Document, notes: Notes) -> None:
    actors.check(document, notes)
    await naming.handle_of(eyes, document, notes)
    await software.check(eyes, document, notes)


async def _fetch(eyes: Eyes, url: str, notes: Notes) -> Document | None:
    """The ActivityPub document of *url* as peers get it, or None where they get none."""
    look = await _open(eyes, url, notes)
    if look is None or look.document is None:
        return None
    named = look.document.get("id")
    if not isinstance(named, str) or not host_of(named):
        notes.wrong(FETCHING, f"{url} holds a document without a usable id")
        return None
    if not are_same(named, look.fetched.url if look.fetched else url) and not are_same(named, url):
        again = await eyes.look(named, signed=eyes.can_sign)
        if not again.is_activity or not are_same((again.document or {}).get("id"), named):
            notes.wrong(
                FETCHING,
                f"{url} says that its id is {named}, where no such document is "
                f"({again.problem or again.media_type}): it is not believed (S1)",
            )
            return None
        notes.good(FETCHING, f"{url} leads to {named}")
        return again.document
    if not named.startswith("https://"):
        notes.mind(FETCHING, f"{named} is no https address: most refuse it", "public servers")
    return look.document


async def _open(eyes: Eyes, url: str, notes: Notes) -> Look | None:
    """Ask *url* without and with a signature and by both media types."""
    plain = await eyes.look(url, accept=ACTIVITY_JSON)
    signed = await eyes.look(url, accept=ACTIVITY_JSON, signed=True) if eyes.can_sign else None
    if not eyes.can_sign:
        notes.mind(FETCHING, "there is no blog here, so nothing was asked with a signature")
    if plain.status == 410 or (signed is not None and signed.status == 410):
        notes.wrong(FETCHING, f"{url} is deleted (410)")
        return None
    if plain.fetched is not None and signed is not None and signed.fetched is None:
        notes.wrong(
            FETCHING,
            f"{url} opens without a signature and not with ours ({signed.problem}): either it "
            "verifies signatures wrongly, or it cannot get our key from our server",
            _SIGNERS,
        )
    elif plain.fetched is not None:
        notes.good(FETCHING, f"{url} opens without a signature" + (" and with one" * bool(signed)))
    elif signed is not None and signed.fetched is not None:
        notes.good(FETCHING, f"{url} opens only with a signature ({plain.problem} without one)")
        await software.probe(eyes, url, notes)
    else:
        asked = signed or plain
        if plain.status in (401, 403) and signed is None:
            notes.mind(FETCHING, f"{url} opens only with a signature; run this beside your blog")
        else:
            notes.wrong(FETCHING, f"{url} cannot be had: {asked.problem}")
        return None
    look = plain if plain.fetched is not None else signed
    assert look is not None
    if look.document is None:
        notes.wrong(
            FETCHING, f"{url} holds no ActivityPub document ({look.media_type}): {look.problem}"
        )
        return None
    if not look.is_activity:
        notes.wrong(
            FETCHING,
            f"{url} is served as {look.media_type or 'nothing'}, not as {ACTIVITY_JSON} (S2)",
            "Mastodon, GoToSocial, Pleroma, Fedify, fedblog",
        )
    as_signed = plain.fetched is None
    other = await eyes.look(url, accept=LD_JSON, signed=as_signed)
    if not other.is_activity and look.is_activity:
        notes.wrong(
            FETCHING,
            f"{url} gives no document to who asks for {LD_JSON} "
            f"({other.problem or other.media_type})",
            "GoToSocial, Pleroma, Fedify",
        )
    await _mixing(eyes, url, look, as_signed, notes)
    return look


async def _mixing(eyes: Eyes, url: str, look: Look, signed: bool, notes: Notes) -> None:
    """Whether a cache in between may hand readers the document, or peers the page (S31)."""
    page = await eyes.look(url, accept="text/html", signed=signed, as_json=False)
    if page.fetched is None or look.fetched is None:
        return
    if page.media_type == look.media_type or page.fetched.url != look.fetched.url:
        return
    vary = f"{look.fetched.headers.get('vary', '')},{page.fetched.headers.get('vary', '')}"
    if "accept" not in {name.strip().lower() for name in vary.split(",")}:
        notes.wrong(
            FETCHING,
            f"{url} is page and document at once without “Vary: Accept”: a cache in front mixes "
            "them up",
        )


async def _page(eyes: Eyes, document: Document, notes: Notes) -> None:
    """Whether a post is found when somebody pastes the address of its page into a search."""
    url = values.uri(document.get("url"))
    if not url or are_same(url, document.get("id")):
        return
    asked = await eyes.look(url, signed=eyes.can_sign)
    if asked.is_activity and are_same((asked.document or {}).get("id"), document.get("id")):
        notes.good(PAGE, f"{url} leads to the post, for readers and for servers")
        return
    page = await eyes.look(url, accept="text/html", as_json=False)
    if page.fetched is None:
        notes.wrong(PAGE, f"its page {url} cannot be had: {page.problem}")
        return
    text = page.fetched.body.decode("utf-8", "replace")
    if _names_document(text) or ACTIVITY_JSON in page.fetched.headers.get("link", ""):
        notes.good(PAGE, f"{url} names its ActivityPub document")
        return
    notes.wrong(
        PAGE,
        f"{url} leads to no ActivityPub document: pasted into a search it finds nothing",
        "Mastodon, GoToSocial, Lemmy",
    )


def _names_document(html: str) -> bool:
    """Whether a ``link`` of *html* leads to its ActivityPub document; one pass, whatever it is."""
    for rest in html.split("<link ")[1:]:
        tag = rest[:_TAG_LENGTH].partition(">")[0]
        if "alternate" in tag and ACTIVITY_JSON in tag:
            return True
    return False
