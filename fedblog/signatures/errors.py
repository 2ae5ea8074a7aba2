"""What can be wrong with a signature, a digest or a key."""


class SignatureError(Exception):
    """A request's signature does not hold, for the reason in the message."""


class MalformedSignatureError(SignatureError):
    """The Signature header cannot be read, or names something that is never accepted."""


class UncoveredError(SignatureError):
    """The signature leaves out something that it must cover (S6)."""


class StaleError(SignatureError):
    """The signature's time is absent, unreadable or outside the window (S8)."""


class DigestError(SignatureError):
    """The Digest header is missing, ambiguous or not that of the body (S7)."""


class InvalidSignatureError(SignatureError):
    """The signature is not that of this key over this request."""


class KeyFormatError(SignatureError):
    """A key cannot be read, or is of a kind that is not used here."""
