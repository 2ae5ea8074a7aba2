"""HTTP signatures as most of the fediverse sends them (draft-cavage-http-signatures-12).

Pure: what the caller has of a request goes in, an error or nothing comes out.
"""

import re
from base64 import b64encode
from binascii import Error as Base64Error
from binascii import a2b_base64
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256, SHA512, HashAlgorithm

from fedblog.domain.frozen import frozen
from fedblog.signatures.errors import (
    InvalidSignatureError,
    MalformedSignatureError,
    StaleError,
    UncoveredError,
)
from fedblog.signatures.keys import PublicKey, SigningKey, is_rsa

REQUEST_TARGET = "(request-target)"
CREATED = "(created)"
EXPIRES = "(expires)"

_RSA_SHA256 = "rsa-sha256"
_HS2019 = "hs2019"
_ALGORITHMS = frozenset({_RSA_SHA256, _HS2019})
_WITHOUT_BODY = frozenset({"GET", "HEAD"})
_MAX_LENGTH = 8192

_MOST_PARAMETERS = 20
_MOST_HEADERS = 100
# Possessive (*+, ++): what a part of it has taken is never given back and looked at again.
_PARAMETER = re.compile(r'[ \t]*+([A-Za-z]++)=(?:"([^"\\]*+)"|([0-9]{1,12}+))[ \t]*+(?:,|\Z)')
_DATE = re.compile(r"[A-Z][a-z]{2}, (\d\d) ([A-Z][a-z]{2}) (\d{4}) (\d\d):(\d\d):(\d\d) GMT")
_MONTHS = {
    name: number
    for number, name in enumerate(
        ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"), 1
    )
}

_PADDING = PKCS1v15()
_SHA256 = SHA256()
_SHA512 = SHA512()


@frozen
class ParsedSignature:
    """A Signature header's parameters (section 2.1). *headers* are lower-case names, in order."""

    key_id: str
    algorithm: str | None
    headers: tuple[str, ...]
    signature: bytes
    created: int | None
    expires: int | None


def parse(header: str) -> ParsedSignature:
    """Read the value of a request's Signature header.

    Several headers arrive joined by commas, and are refused like every repeated parameter. Raises
    MalformedSignatureError; also for an algorithm that is never accepted (S10).
    """
    if len(header) > _MAX_LENGTH:
        raise MalformedSignatureError("the Signature header is too long")
    given = _parameters(header)
    key_id = given.get("keyId")
    encoded = given.get("signature")
    if not key_id or not encoded:
        raise MalformedSignatureError("keyId or signature is missing")
    algorithm = given.get("algorithm")
    if algorithm is not None:
        algorithm = algorithm.lower()
        if algorithm not in _ALGORITHMS:
            raise MalformedSignatureError("the algorithm is neither rsa-sha256 nor hs2019")
    names = tuple(given.get("headers", CREATED).lower().split())
    if not 0 < len(names) <= _MOST_HEADERS or len(set(names)) != len(names):
        raise MalformedSignatureError("the list of headers is empty, too long, or names one twice")
    try:
        signature = a2b_base64(encoded, strict_mode=True)
    except (Base64Error, ValueError) as error:
        raise MalformedSignatureError("the signature is not base64") from error
    created = _moment(given.get("created"))
    expires = _moment(given.get("expires"))
    if algorithm == _RSA_SHA256 and (CREATED in names or EXPIRES in names):
        # Section 2.3: these two exist only for algorithms not named after their parts.
        raise MalformedSignatureError("(created) and (expires) do not go with rsa-sha256")
    return ParsedSignature(key_id, algorithm, names, signature, created, expires)


def _parameters(header: str) -> dict[str, str]:
    """The parameters by name. Each begins where the one before it ended."""
    given: dict[str, str] = {}
    at = 0
    while at < len(header) and len(given) < _MOST_PARAMETERS:
        match = _PARAMETER.match(header, at)
        if match is None:
            break
        if match[1] in given:
            raise MalformedSignatureError("a parameter is given twice")
        given[match[1]] = match[2] or match[3] or ""
        at = match.end()
    if not given or at < len(header):
        raise MalformedSignatureError("the Signature header cannot be read")
    return given


def sign(
    key: SigningKey,
    *,
    method: str,
    target: str,
    headers: Mapping[str, str],
    covered: Sequence[str],
) -> str:
    """The Signature header's value for a request.

    *target* is path and query as they will be sent; *covered* are the lower-case names to sign, in
    order, such as ``("(request-target)", "host", "date", "digest")``; *headers* holds their values
    (names in any case). Raises KeyError when one is missing.
    """
    values = {name.lower(): value for name, value in headers.items()}
    values[REQUEST_TARGET] = f"{method.lower()} {target}"
    data = "\n".join([f"{name}: {values[name]}" for name in covered]).encode("latin-1")
    private_key = key.private_key
    if isinstance(private_key, Ed25519PrivateKey):
        algorithm, signature = _HS2019, private_key.sign(data)
    else:
        algorithm, signature = _RSA_SHA256, private_key.sign(data, _PADDING, _SHA256)
    return (
        f'keyId="{key.key_id}",algorithm="{algorithm}",headers="{" ".join(covered)}",'
        f'signature="{b64encode(signature).decode("ascii")}"'
    )


def check_coverage(parsed: ParsedSignature, *, method: str) -> None:
    """Check that the signature covers what it must (S6).

    That is ``(request-target)``, ``host``, ``date`` or ``(created)``, and ``digest`` where the
    *method* carries a body. Raises UncoveredError.
    """
    covered = parsed.headers
    for name in (REQUEST_TARGET, "host"):
        if name not in covered:
            raise UncoveredError(f"the signature does not cover {name}")
    if "date" not in covered and CREATED not in covered:
        raise UncoveredError("the signature covers neither date nor (created)")
    if "digest" not in covered and method.upper() not in _WITHOUT_BODY:
        raise UncoveredError("the signature does not cover digest")


def check_time(
    parsed: ParsedSignature, date_header: str | None, now: datetime, *, past: int, future: int
) -> None:
    """Check that the signature was made between *past* seconds before *now* and *future* after.

    Every time that is covered must lie in the window; ``created`` and ``expires`` are also looked
    at where they are only given. Raises StaleError (S8).
    """
    seconds = now.timestamp()
    created, expires = parsed.created, parsed.expires
    timed = False
    if "date" in parsed.headers:
        _check_window(_date_seconds(date_header), seconds, past, future)
        timed = True
    if created is not None:
        _check_window(created, seconds, past, future)
        timed = timed or CREATED in parsed.headers
    if not timed:
        raise StaleError("the signature has no time")
    if expires is not None and expires <= seconds:
        raise StaleError("the signature has expired")


def covered_times(parsed: ParsedSignature, date_header: str | None) -> tuple[int, ...]:
    """The times that the signature covers, in seconds: what a repeated request cannot have changed.
    Raises StaleError where a covered date cannot be read."""
    times: list[int] = []
    if "date" in parsed.headers:
        times.append(int(_date_seconds(date_header)))
    if CREATED in parsed.headers and parsed.created is not None:
        times.append(parsed.created)
    return tuple(times)


def verify(
    parsed: ParsedSignature,
    key: PublicKey,
    *,
    method: str,
    targets: Sequence[str],
    headers: Mapping[str, str],
    host: str,
) -> None:
    """Check the signature itself against *key*.

    *targets* are the forms of path and query that the sender may have signed (peers differ in
    whether the query belongs to it): one that holds is enough. *headers* are the request's, by
    lower-case name, values of repeated ones joined by a comma and a space. In place of the Host
    header stands the configured *host* (S33). Raises InvalidSignatureError.
    """
    rsa = is_rsa(key)
    if parsed.algorithm == _RSA_SHA256 and not rsa:
        raise InvalidSignatureError("the algorithm does not fit the key")
    before, after = _signing_parts(parsed, method, headers, host)
    try:
        candidates = [f"{before}{target}{after}".encode("latin-1") for target in targets]
    except UnicodeEncodeError as error:
        raise InvalidSignatureError("the request cannot be signed as it is") from error
    # hs2019 leaves the hash to the key's owner; SHA-512 is what a few use.
    hashes = (_SHA256, _SHA512) if rsa and parsed.algorithm != _RSA_SHA256 else (_SHA256,)
    for algorithm in hashes:
        for data in candidates:
            if _holds(key, parsed.signature, data, algorithm):
                return
    raise InvalidSignatureError("the signature is not that of the key over this request")


def _holds(key: PublicKey, signature: bytes, data: bytes, algorithm: HashAlgorithm) -> bool:
    try:
        if is_rsa(key):
            key.verify(signature, data, _PADDING, algorithm)
        elif isinstance(key, Ed25519PublicKey):
            key.verify(signature, data)
        else:
            return False  # nobody signs so with an elliptic curve key
    except InvalidSignature:
        return False
    return True


def _signing_parts(
    parsed: ParsedSignature, method: str, headers: Mapping[str, str], host: str
) -> tuple[str, str]:
    """The signing string (section 2.3), cut where the target stands in it."""
    before = ""
    lines: list[str] = []
    for name in parsed.headers:
        if name == REQUEST_TARGET:
            lines.append(f"{name}: {method.lower()} ")
            before = "\n".join(lines)
            lines = [""]
        elif name == "host":
            lines.append(f"host: {host}")
        elif name == CREATED:
            lines.append(f"{name}: {_given(parsed.created, name)}")
        elif name == EXPIRES:
            lines.append(f"{name}: {_given(parsed.expires, name)}")
        elif name in headers:
            lines.append(f"{name}: {headers[name].strip()}")
        else:
            raise InvalidSignatureError(f"the header {name} is signed and not there")
    if not before:
        raise InvalidSignatureError(f"{REQUEST_TARGET} is not signed")
    return before, "\n".join(lines)


def _given(value: int | None, name: str) -> int:
    if value is None:
        raise InvalidSignatureError(f"{name} is signed and its parameter is not there")
    return value


def _moment(value: str | None) -> int | None:
    if value is None:
        return None
    if not value.isascii() or not value.isdigit() or len(value) > 12:
        raise MalformedSignatureError("created or expires is not a whole number of seconds")
    return int(value)


def _check_window(moment: float, now: float, past: int, future: int) -> None:
    if moment < now - past:
        raise StaleError("the signature is too old")
    if moment > now + future:
        raise StaleError("the signature's time lies ahead")


@lru_cache(maxsize=64)  # many requests are made within a second
def _date_seconds(value: str | None) -> float:
    """The POSIX time of a Date header (RFC 9110, section 5.6.7)."""
    if value is None:
        raise StaleError("the request has no date")
    try:
        if match := _DATE.fullmatch(value):
            day, month, year, hour, minute, second = match.groups()
            moment = datetime(
                int(year), _MONTHS[month], int(day), int(hour), int(minute), int(second), tzinfo=UTC
            )
        else:
            moment = parsedate_to_datetime(value)
            if moment.tzinfo is None:
                moment = moment.replace(tzinfo=UTC)
        return moment.timestamp()
    except (ValueError, KeyError, OverflowError, IndexError, TypeError) as error:
        raise StaleError("the date cannot be read") from error
