"""What software an actor's server is, and which signatures it says and shows that it verifies."""

from fedblog.activitystreams import values
from fedblog.doctor.findings import Notes
from fedblog.doctor.looking import Eyes, authority_of, host_of
from fedblog.remote import webfinger
from fedblog.remote.documents import Document
from fedblog.remote.schemes import CAVAGE, RFC9421
from fedblog.text.sanitise import remote_text

ABOUT, SIGNATURES = "NodeInfo", "signatures"
_APPLICATION = "https://www.w3.org/ns/activitystreams#Application"
_SCHEMA = "http://nodeinfo.diaspora.software/ns/schema/"


async def check(eyes: Eyes, actor: Document, notes: Notes) -> None:
    """Note the software of *actor*'s server by NodeInfo and what it implements by its word."""
    host = host_of(actor.get("id"))
    base = f"{webfinger.scheme(host, eyes.settings)}://{host}"
    discovery = await eyes.look(f"{base}/.well-known/nodeinfo", accept="application/json")
    links = [
        link
        for link in values.listed((discovery.document or {}).get("links"))
        if type(link) is dict and type(link.get("href")) is str
    ]
    described = [link for link in links if str(link.get("rel")).startswith(_SCHEMA)]
    if not described:
        notes.mind(ABOUT, f"there is no NodeInfo: {discovery.problem or 'it names no document'}")
    else:
        newest = max(described, key=lambda link: str(link["rel"]))
        look = await eyes.look(str(newest["href"]), accept="application/json")
        software = (look.document or {}).get("software")
        if type(software) is dict and type(software.get("name")) is str:
            version = remote_text(str(software.get("version", "")))
            notes.good(ABOUT, f"the server is {remote_text(software['name'])} {version}".strip())
        else:
            notes.mind(ABOUT, f"it does not say the software: {look.problem}".rstrip(": "))
    said = list(_implemented(actor))
    for link in links:
        if link.get("rel") == _APPLICATION:
            application = await eyes.look(str(link["href"]), signed=eyes.can_sign)
            said += _implemented(application.document or {})
    if any("rfc9421" in href.lower() for href in said):
        ed25519 = any("eddsa" in href.lower() or "ed25519" in href.lower() for href in said)
        also = ", by Ed25519 too" if ed25519 else ""
        notes.good(SIGNATURES, f"it says that it verifies RFC 9421{also} (FEP-844e)")
    else:
        notes.mind(SIGNATURES, "it does not say which signatures it verifies (FEP-844e)")


async def probe(eyes: Eyes, url: str, notes: Notes) -> None:
    """Note which schemes open *url*, which answers nobody without a signature."""
    host, schemes = authority_of(url), eyes.client.schemes
    taken = []
    for scheme, name in ((CAVAGE, "draft-cavage"), (RFC9421, "RFC 9421")):
        schemes.learn(host, scheme)
        look = await eyes.look(url, signed=True)
        # The client remembers the other scheme where only that one was taken.
        if look.fetched is not None and schemes.of(host) == scheme:
            taken.append(name)
    if taken:
        notes.good(SIGNATURES, f"it took our signature by {' and by '.join(taken)}")
    if taken == ["RFC 9421"]:
        notes.wrong(
            SIGNATURES,
            "it refuses draft-cavage: who cannot sign otherwise cannot ask it for anything",
            "GoToSocial, Misskey, Lemmy, Pleroma, Mastodon before 4.7",
        )


def _implemented(document: Document) -> list[str]:
    """The addresses in ``implements`` of *document* and of its ``generator`` (FEP-844e)."""
    generator = document.get("generator")
    found = [*values.listed(document.get("implements"))]
    if type(generator) is dict:
        found += values.listed(generator.get("implements"))
    return [href for item in found if (href := values.uri(item)) is not None]
