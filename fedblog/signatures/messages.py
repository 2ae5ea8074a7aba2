"""HTTP message signatures (RFC 9421), as far as the fediverse uses them.

Pure, like cavage.py beside it: what the caller has of a request goes in, an error or nothing comes
out. Signatures are checked by the library http-message-signatures; what must be signed, when, and
by which algorithm is decided here.
"""

from base64 import b64encode
from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast
from urllib.parse import urlsplit

import http_sf
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from http_message_signatures import (
    HTTPMessageSignaturesException,
    HTTPMessageVerifier,
    HTTPSignatureKeyResolver,
    algorithms,
)

from fedblog.domain.frozen import frozen
from fedblog.signatures.content_digest import content_digest_header
from fedblog.signatures.errors import (
    InvalidSignatureError,
    MalformedSignatureError,
    StaleError,
    UncoveredError,
)
from fedblog.signatures.keys import PublicKey, SigningKey

RSA_V1_5_SHA256 = "rsa-v1_5-sha256"
RSA_PSS_SHA512 = "rsa-pss-sha512"
ECDSA_P256_SHA256 = "ecdsa-p256-sha256"
ECDSA_P384_SHA384 = "ecdsa-p384-sha384"
ED25519 = "ed25519"

# HMAC is left out on purpose: a published key would be taken for the secret (S10).
_ALGORITHMS: dict[str, Any] = {
    RSA_V1_5_SHA256: algorithms.RSA_V1_5_SHA256,
    RSA_PSS_SHA512: algorithms.RSA_PSS_SHA512,
    ECDSA_P256_SHA256: algorithms.ECDSA_P256_SHA256,
    ECDSA_P384_SHA384: algorithms.ECDSA_P384_SHA384,
    ED25519: algorithms.ED25519,
}
_RSA = frozenset({RSA_V1_5_SHA256, RSA_PSS_SHA512})
_PARAMETERS = frozenset({"alg", "created", "expires", "keyid", "nonce", "tag"})
_WITHOUT_BODY = frozenset({"GET", "HEAD"})
_LABEL = "sig1"
_MAX_LENGTH = 8192
_MOST_COMPONENTS = 50
_MOST_WITH_PARAMETERS = 8
"""For each component with parameters the library reads its header anew."""
_PADDING = PKCS1v15()
_SHA256 = SHA256()


@frozen
class ParsedMessageSignature:
    """The one signature of a request. *covered* holds the names of components without parameters;
    those with parameters are checked with the rest, but nothing that must be signed is one."""

    label: str
    key_id: str
    algorithm: str | None
    covered: tuple[str, ...]
    created: int | None
    expires: int | None
    tag: str | None
    signature: bytes = b""


def parse(headers: Mapping[str, str]) -> ParsedMessageSignature:
    """Read the Signature-Input and Signature among *headers* (lower-case names, the values of
    repeated ones joined by a comma and a space).

    Raises MalformedSignatureError: for anything but one signature under one label, for an unknown
    algorithm or parameter, for components that stand twice or belong to another message (S11).
    """
    inputs = _dictionary(headers, "signature-input")
    signatures = _dictionary(headers, "signature")
    if len(inputs) != 1 or len(signatures) != 1:
        raise MalformedSignatureError("there must be exactly one signature")
    ((label, (components, parameters)),) = inputs.items()
    if label not in signatures:
        raise MalformedSignatureError("Signature-Input and Signature have different labels")
    if not isinstance(components, list) or not isinstance(signatures[label][0], bytes):
        raise MalformedSignatureError("the signature is no byte sequence over a list of components")
    if unknown := parameters.keys() - _PARAMETERS:
        raise MalformedSignatureError(f"the parameter {min(unknown)} is not known here")
    key_id = _text(parameters, "keyid")
    if not key_id:
        raise MalformedSignatureError("keyid is missing")
    algorithm = _text(parameters, "alg")
    if algorithm is not None and algorithm not in _ALGORITHMS:
        raise MalformedSignatureError("the algorithm is none of those accepted here")
    return ParsedMessageSignature(
        label=label,
        key_id=key_id,
        algorithm=algorithm,
        covered=_components(components, headers),
        created=_moment(parameters, "created"),
        expires=_moment(parameters, "expires"),
        tag=_text(parameters, "tag"),
        signature=signatures[label][0],
    )


def sign(
    key: SigningKey,
    *,
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes | None,
    created: int,
    algorithm: str,
) -> dict[str, str]:
    """The headers that sign a request: Signature-Input, Signature and, with a *body*,
    Content-Digest (taken from *headers* where it stands there already).

    Signed are ``@method``, ``@target-uri`` and the content digest, as Mastodon wants it. *url* is
    the canonical one that will be asked; *algorithm* is RSA_V1_5_SHA256 or ED25519 and must be the
    key's own. The algorithm is not named in the signature: the key says it. Raises ValueError where
    key and algorithm do not fit, or the key's id cannot be written.
    """
    private_key = key.private_key
    is_ed25519 = isinstance(private_key, Ed25519PrivateKey)
    if algorithm != (ED25519 if is_ed25519 else RSA_V1_5_SHA256):
        raise ValueError(f"{algorithm} is not made with the key {key.key_id}")
    if not (key.key_id.isascii() and key.key_id.isprintable()) or set(key.key_id) & {'"', "\\"}:
        raise ValueError("the key's id cannot stand in a signature")
    added: dict[str, str] = {}
    covered = '"@method" "@target-uri"'
    lines = f'"@method": {method.upper()}\n"@target-uri": {_without_fragment(url)}\n'
    if body is not None:
        digest = next(
            (value for name, value in headers.items() if name.lower() == "content-digest"), None
        )
        if digest is None:
            digest = added["Content-Digest"] = content_digest_header(body)
        covered += ' "content-digest"'
        lines += f'"content-digest": {digest}\n'
    parameters = f'({covered});created={created};keyid="{key.key_id}"'
    base = f'{lines}"@signature-params": {parameters}'.encode("ascii")
    if isinstance(private_key, Ed25519PrivateKey):
        signature = private_key.sign(base)
    else:
        signature = private_key.sign(base, _PADDING, _SHA256)
    added["Signature-Input"] = f"{_LABEL}={parameters}"
    added["Signature"] = f"{_LABEL}=:{b64encode(signature).decode('ascii')}:"
    return added


def check_coverage(parsed: ParsedMessageSignature, *, method: str, has_query: bool = True) -> None:
    """Check that the signature covers what it must (S6, S11).

    That is ``@method``; the target, as ``@target-uri`` (what Mastodon wants) or in its parts: the
    authority (or ``host``), and ``@request-target`` or ``@path``, with ``@query`` where the request
    *has_query*; and ``content-digest`` where the *method* carries a body. Raises UncoveredError.
    """
    covered = parsed.covered
    if "@method" not in covered:
        raise UncoveredError("the signature does not cover @method")
    if "@target-uri" not in covered:
        if "@authority" not in covered and "host" not in covered:
            raise UncoveredError("the signature covers neither @target-uri nor @authority")
        parts = {"@path", "@query"} if has_query else {"@path"}
        if "@request-target" not in covered and not parts <= set(covered):
            raise UncoveredError("the signature covers neither @target-uri nor @path and @query")
    if "content-digest" not in covered and method.upper() not in _WITHOUT_BODY:
        raise UncoveredError("the signature does not cover content-digest")


def check_time(parsed: ParsedMessageSignature, now: datetime, *, past: int, future: int) -> None:
    """Check that the signature says when it was made, and that this was between *past* seconds
    before *now* and *future* after it, and that it has not expired. Raises StaleError (S8, S11)."""
    seconds = now.timestamp()
    if parsed.created is None:
        raise StaleError("the signature does not say when it was created")
    if parsed.created < seconds - past:
        raise StaleError("the signature is too old")
    if parsed.created > seconds + future:
        raise StaleError("the signature's time lies ahead")
    if parsed.expires is not None and parsed.expires <= seconds:
        raise StaleError("the signature has expired")


def verify(
    parsed: ParsedMessageSignature,
    key: PublicKey,
    *,
    method: str,
    url: str,
    headers: Mapping[str, str],
) -> None:
    """Check the signature itself against *key*.

    *url* is the request's target as this server is configured to be called, and its authority
    stands in place of the Host header (S33); *headers* are those that `parse` was given. Raises
    InvalidSignatureError, also where the signature names an algorithm that is not the key's.
    """
    algorithm = _algorithm(parsed, key)
    message = _Message(method.upper(), url, {**headers, "host": urlsplit(url).netloc})
    verifier = _Verifier(signature_algorithm=_ALGORITHMS[algorithm], key_resolver=_OneKey(key))
    try:
        verifier.verify(message, max_age=None)
    except HTTPMessageSignaturesException as error:
        raise InvalidSignatureError(
            "the signature is not that of the key over this request"
        ) from error


def _algorithm(parsed: ParsedMessageSignature, key: PublicKey) -> str:
    """The algorithm that *key* goes with. RSA-PSS only where it is named: RSA keys here are made
    for PKCS #1 signatures."""
    if isinstance(key, RSAPublicKey):
        fitting = _RSA
        usual = RSA_V1_5_SHA256
    elif isinstance(key, EllipticCurvePublicKey):
        usual = ECDSA_P256_SHA256 if isinstance(key.curve, SECP256R1) else ECDSA_P384_SHA384
        fitting = frozenset({usual})
    else:
        usual = ED25519
        fitting = frozenset({usual})
    algorithm = parsed.algorithm or usual
    if algorithm not in fitting:
        raise InvalidSignatureError("the algorithm does not fit the key")
    return algorithm


@frozen
class _Message:
    """A request as the library wants it."""

    method: str
    url: str
    headers: dict[str, str]


class _OneKey(HTTPSignatureKeyResolver):
    """Gives the key that the caller has found for the signature."""

    def __init__(self, key: PublicKey) -> None:
        self._key = key

    def resolve_public_key(self, key_id: str) -> PublicKey:
        """The key, whatever it is called."""
        return self._key


class _Verifier(HTTPMessageVerifier):
    """Leaves time to `check_time`, which has the settings for it."""

    def validate_created_and_expires(self, sig_input: Any, max_age: Any = None) -> None:
        """Nothing."""


def _dictionary(headers: Mapping[str, str], name: str) -> dict[str, tuple[Any, dict[str, Any]]]:
    def refuse(key: str, _context: str) -> None:
        raise MalformedSignatureError(f"{key} stands twice in {name}")

    value = headers.get(name)
    if value is None:
        raise MalformedSignatureError(f"there is no {name} header")
    if len(value) > _MAX_LENGTH:
        raise MalformedSignatureError(f"the {name} header is too long")
    try:
        read = http_sf.parse(value.encode("latin-1"), tltype="dictionary", on_duplicate_key=refuse)
    except (ValueError, TypeError) as error:
        raise MalformedSignatureError(f"the {name} header cannot be read") from error
    return cast(dict[str, tuple[Any, dict[str, Any]]], read)


def _components(
    items: list[tuple[Any, dict[str, Any]]], headers: Mapping[str, str]
) -> tuple[str, ...]:
    if len(items) > _MOST_COMPONENTS:
        raise MalformedSignatureError("the signature covers too many components")
    plain: list[str] = []
    seen: set[tuple[str, str]] = set()
    for name, parameters in items:
        if type(name) is not str or name != name.lower():
            raise MalformedSignatureError("a component's name is no lower-case string")
        if "req" in parameters or "tr" in parameters:
            raise MalformedSignatureError("a component of another message is covered")
        identity = (name, repr(sorted(parameters.items())))
        if identity in seen:
            raise MalformedSignatureError(f"the component {name} is covered twice")
        seen.add(identity)
        if not parameters:
            plain.append(name)
        elif len(seen) - len(plain) > _MOST_WITH_PARAMETERS:
            raise MalformedSignatureError("too many components have parameters")
        elif len(headers.get(name, "")) > _MAX_LENGTH:
            raise MalformedSignatureError(f"the {name} header is too long")
    return tuple(plain)


def _text(parameters: Mapping[str, Any], name: str) -> str | None:
    value = parameters.get(name)
    if value is not None and type(value) is not str:
        raise MalformedSignatureError(f"{name} is no string")
    return value


def _moment(parameters: Mapping[str, Any], name: str) -> int | None:
    value = parameters.get(name)
    if value is not None and type(value) is not int:
        raise MalformedSignatureError(f"{name} is not a whole number of seconds")
    return value


def _without_fragment(url: str) -> str:
    return url.partition("#")[0]
