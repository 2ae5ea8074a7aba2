"""The names that ActivityStreams 2.0 and its extensions give to things."""

from typing import Final

AS: Final = "https://www.w3.org/ns/activitystreams"
PUBLIC: Final = "https://www.w3.org/ns/activitystreams#Public"
"""The special collection of everyone (ActivityPub, section 5.6)."""
PUBLIC_FORMS: Final = frozenset({PUBLIC, "as:Public", "Public"})

ACTIVITY_JSON: Final = "application/activity+json"
LD_JSON: Final = f'application/ld+json; profile="{AS}"'
ACCEPT: Final = f"{ACTIVITY_JSON}, {LD_JSON}"
"""What to ask for when fetching an object."""

ACTOR_TYPES: Final = frozenset(
    {"Person", "Group", "Service", "Application", "Organization", "Feed", "Actor"}
)
REPLY_TYPES: Final = frozenset(
    {
        "Note",
        "Article",
        "Page",
        "Question",
        "Video",
        "Audio",
        "Image",
        "Event",
        # BookWyrm's kinds of notes
        "Comment",
        "Review",
        "Quotation",
        "GeneratedNote",
    }
)
"""Objects that may stand as comments where they answer something. A ChatMessage is private."""
COLLECTION_TYPES: Final = frozenset(
    {"Collection", "OrderedCollection", "CollectionPage", "OrderedCollectionPage"}
)
REACTION_TYPES: Final = frozenset({"Like", "Dislike", "EmojiReact", "EmojiReaction", "Announce"})
REQUEST_TYPES: Final = frozenset(
    {"QuoteRequest", "FeatureRequest", "ReplyRequest", "LikeRequest", "AnnounceRequest"}
)
"""What asks for leave to interact (FEP-044f, FEP-7aa9, GoToSocial's interaction controls)."""
ACTIVITY_TYPES: Final = (
    REACTION_TYPES
    | REQUEST_TYPES
    | {
        "Create",
        "Update",
        "Delete",
        "Undo",
        "Follow",
        "Accept",
        "Reject",
        "TentativeAccept",
        "TentativeReject",
        "Block",
        "Flag",
        "Add",
        "Remove",
        "Move",
        "Offer",
        "Invite",
        "Join",
        "Leave",
        "Lock",
        "Ignore",
        "View",
        "Read",
        "Listen",
        "Travel",
        "Arrive",
    }
)
ATTACHMENT_TYPES: Final = frozenset({"Document", "Image", "Video", "Audio", "Link", "Page"})

RFC_9421: Final = "https://datatracker.ietf.org/doc/html/rfc9421"
"""HTTP Message Signatures, in FEP-844e's registry of capabilities."""
RFC_9421_ED25519: Final = f"{RFC_9421}#name-eddsa-using-curve-edwards25"
"""HTTP Message Signatures with Ed25519, in the same registry."""

CONTEXT: Final = [
    AS,
    "https://w3id.org/security/v1",
    "https://w3id.org/security/multikey/v1",
    {
        "toot": "http://joinmastodon.org/ns#",
        "lemmy": "https://join-lemmy.org/ns#",
        "gts": "https://gotosocial.org/ns#",
        "schema": "http://schema.org#",
        "PropertyValue": "schema:PropertyValue",
        "value": "schema:value",
        "Hashtag": "as:Hashtag",
        "sensitive": "as:sensitive",
        "manuallyApprovesFollowers": "as:manuallyApprovesFollowers",
        "discoverable": "toot:discoverable",
        "indexable": "toot:indexable",
        "featured": {"@id": "toot:featured", "@type": "@id"},
        "attributionDomains": {"@id": "toot:attributionDomains", "@type": "@id"},
        "postingRestrictedToMods": "lemmy:postingRestrictedToMods",
        "assertionMethod": {
            "@id": "https://w3id.org/security#assertionMethod",
            "@type": "@id",
            "@container": "@set",
        },
        "implements": {
            "@id": "https://w3id.org/fep/844e#implements",
            "@type": "@id",
            "@container": "@set",
        },
        "webfinger": {"@id": "https://purl.archive.org/socialweb/webfinger#webfinger"},
        "interactionPolicy": {"@id": "gts:interactionPolicy", "@type": "@id"},
        "canQuote": {"@id": "gts:canQuote", "@type": "@id"},
        "canReply": {"@id": "gts:canReply", "@type": "@id"},
        "canLike": {"@id": "gts:canLike", "@type": "@id"},
        "canAnnounce": {"@id": "gts:canAnnounce", "@type": "@id"},
        "canFeature": {"@id": "https://w3id.org/fep/7aa9#canFeature", "@type": "@id"},
        "automaticApproval": {"@id": "gts:automaticApproval", "@type": "@id"},
        "manualApproval": {"@id": "gts:manualApproval", "@type": "@id"},
    },
]
"""The context of our own documents; nothing here processes JSON-LD."""
