"""The Fediverse Enhancement Proposals that fedblog follows: what it does of each, and where.

FEDERATION.md lists the same; a test holds both to each other and to the proposals that the code
names.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fep:
    """A proposal by its *number*; *does* says what fedblog does of it, *deviates* what it does not
    do or does otherwise, *where* names the modules below fedblog/ that do it."""

    number: str
    does: str
    where: tuple[str, ...]
    deviates: str = ""

    @property
    def url(self) -> str:
        """Where it can be read."""
        folder = "https://codeberg.org/fediverse/fep/src/branch/main/fep"
        return f"{folder}/{self.number}/fep-{self.number}.md"


FEPS = (
    Fep("67ff", "FEDERATION.md", ("activitystreams/feps.py",)),
    Fep(
        "0151",
        "NodeInfo in the fediverse",
        ("endpoints/nodeinfo.py",),
    ),
    Fep(
        "044f",
        "quotes by leave: `canQuote`, `QuoteRequest`, `QuoteAuthorization`; quotes in comments are "
        "read",
        ("federation/handlers/requesting.py", "activitystreams/writing_authorizations.py"),
        "nothing here is shown because of another's authorization, so none is fetched; we quote "
        "nobody",
    ),
    Fep(
        "1b12",
        "group federation, receiving only: a reply inside an `Announce` is fetched from its own "
        "host",
        ("federation/handlers/reacting.py",),
        "the blog, a `Group`, announces nothing: it is the author of its posts",
    ),
    Fep(
        "2677",
        "the instance actor is found through NodeInfo",
        ("endpoints/nodeinfo.py",),
    ),
    Fep("2c59", "`webfinger` on actors", ("activitystreams/writing_actors.py",)),
    Fep(
        "3b86",
        "activity intents, as the server of what is interacted with: `Follow`, `Object`, `Like`, "
        "`Announce` and `Create` (with `{inReplyTo}`) of a reader's server are used",
        ("remote/intents.py",),
        "our own WebFinger names none: nobody's account is used from here",
    ),
    Fep(
        "521a",
        "public keys as Multikey in `assertionMethod`",
        ("activitystreams/writing_actors.py", "activitystreams/reading_actors.py"),
    ),
    Fep(
        "7628",
        "a follower's `Move`, with `movedTo` on the old and `alsoKnownAs` on the new account",
        ("federation/handlers/moving.py",),
        "nobody here follows anybody, so no `Follow` of the new account is sent; our own actors do "
        "not move",
    ),
    Fep(
        "7888",
        "`context` is a collection of the conversation",
        ("endpoints/collections.py",),
        "the `context` of others is not read; what replies to a post belongs to its conversation",
    ),
    Fep(
        "7aa9",
        "collections of others: `canFeature`, `FeatureRequest`, `FeatureAuthorization`",
        ("federation/handlers/requesting.py", "activitystreams/writing_authorizations.py"),
        "there are no such collections here",
    ),
    Fep(
        "844e",
        "capability discovery: which signatures a server verifies, read from the actors of others "
        "and said by our own (RFC 9421, also with Ed25519)",
        ("remote/schemes.py", "doctor/software.py", "activitystreams/writing_actors.py"),
        "the context's term is defined in place, and its well-known address (FEP-d556) is not "
        "served",
    ),
    Fep(
        "8b32",
        "object integrity proofs (`eddsa-jcs-2022`)",
        ("signatures/proofs.py", "publishing/outbox.py", "federation/proving.py"),
        "activities alone have proofs, not the objects in them; a proof older than 25 days or by "
        "another cryptosuite proves nothing",
    ),
    Fep("b2b8", "long-form text with a `preview` Note", ("activitystreams/writing.py",)),
    Fep(
        "c0e0",
        "emoji reactions",
        ("federation/handlers/reacting.py",),
        "receiving only",
    ),
    Fep(
        "e232",
        "object links, read as quotes",
        ("activitystreams/reading_objects.py",),
        "receiving only",
    ),
    Fep(
        "fe34",
        "origin-based security",
        ("domain/origins.py", "federation/proving.py"),
    ),
)
