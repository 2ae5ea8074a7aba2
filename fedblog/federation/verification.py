"""Who made a request: its signature, of either scheme, against the key of the one it names.

From cheap to dear: the header is read, what it covers and when it was made are looked at, all
before the body is there; then the digest; only then the key, which may have to be fetched, and the
signature itself.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from fedblog.activitystreams.values import MAX_ID, uri
from fedblog.domain.entities import decoded
from fedblog.domain.frozen import frozen
from fedblog.federation.blocklist import Blocklist
from fedblog.federation.errors import (
    BlockedError,
    UnverifiedError,
    not_now,
)
from fedblog.federation.silence import Silence
from fedblog.publishing.site import Site
from fedblog.remote import askings
from fedblog.remote.actors import KnownKey
from fedblog.remote.errors import RemoteError
from fedblog.signatures import cavage, content_digest, digest, messages
from fedblog.signatures.errors import InvalidSignatureError, SignatureError
from fedblog.signatures.keys import PublicKey, is_strong

_OF_SIGNATURES = ("signature", "signature-input", "digest", "content-digest", "date")


@frozen
class Headers:
    """A request's headers: *values* by lower-case name, repeated ones joined by a comma and a space
    (RFC 9110, section 5.2); *digests* are the values of every Digest header."""

    values: dict[str, str]
    digests: list[str]


@frozen
class Signed:
    """A request whose signature can be read, is fresh and covers what it must. *times* are those
    that it covers, in seconds: a repeated request has the same, however its headers are written.
    *client* is the address it came from. Whether a body is the one that was
    signed is what *check_body* finds out, and *check*, whether the signature is that of the key
    *key_id*: both raise SignatureError where not."""

    key_id: str
    times: tuple[int, ...]
    client: str
    check_body: Callable[[bytes], None]
    check: Callable[[PublicKey], None]


def gather(raw: Sequence[tuple[bytes, bytes]]) -> Headers:
    """The headers in *raw* (names in lower case, as ASGI has them)."""
    values: dict[str, str] = {}
    digests: list[str] = []
    repeated: dict[str, list[str]] = {}
    for name_bytes, value_bytes in raw:
        name, value = name_bytes.decode("latin-1"), value_bytes.decode("latin-1").strip()
        if name in values:
            repeated.setdefault(name, [values[name]]).append(value)
        else:
            values[name] = value
        if name == "digest":
            digests.append(value)
    for name, several in repeated.items():
        values[name] = ", ".join(several)
    return Headers(values, digests)


class Verifier:
    """Proves who made a request, for inboxes and for authorized fetch."""

    def __init__(self, site: Site, blocklist: Blocklist) -> None:
        self._site = site
        self._blocklist = blocklist
        self._silence = Silence(site.store, site.settings.silent_days)
        self._host = site.addresses.host
        self._base_url = site.addresses.base_url

    async def proven(
        self,
        method: str,
        path: str,
        query: str,
        headers: Sequence[tuple[bytes, bytes]],
        body: bytes | None,
        client: str,
    ) -> KnownKey:
        """The key that made this request, and its actor. *path* and *query* are raw; *body* is None
        for a request without one; *client* is the address that it came from.

        Raises UnverifiedError, BlockedError where the blog blocks the key's host or actor,
        OverloadedError or RateLimitedError where the key could not be asked for now: nothing is
        then said of the signature.
        """
        if self._blocklist.is_stale:
            await self._blocklist.refresh()
        signed = self.check_head(method, path, query, gather(headers), client)
        self.check_body(signed, body or b"")
        return await self.prove(signed)

    def check_head(
        self, method: str, path: str, query: str, headers: Headers, client: str
    ) -> Signed:
        """All that can be found out about a request's signature without its body and its key.

        Raises what `proven` raises; the block list is taken as it is.
        """
        limit = self._site.settings.signature_max_length
        try:
            for name in _OF_SIGNATURES:
                if len(headers.values.get(name, "")) > limit:
                    raise UnverifiedError(f"the header {name} is longer than {limit} characters")
            if "signature-input" in headers.values:
                signed = self._check_message(method, path, query, headers, client)
            elif "signature" in headers.values:
                signed = self._check_cavage(method, path, query, headers, client)
            else:
                raise UnverifiedError(
                    "an HTTP signature is needed: RFC 9421 over @method, @target-uri and"
                    " content-digest, or draft-cavage over (request-target), host, date and digest"
                )
        except SignatureError as error:
            raise UnverifiedError(str(error)) from None
        if uri(signed.key_id) is None:  # it is remembered in many places
            raise UnverifiedError(f"the key's id is no URI of at most {MAX_ID} bytes")
        if self._blocklist.holds_for(signed.key_id):
            raise BlockedError("the sender is blocked")
        return signed

    def check_body(self, signed: Signed, body: bytes) -> None:
        """Raise UnverifiedError where *body* is not the one that was signed."""
        try:
            signed.check_body(body)
        except SignatureError as error:
            raise UnverifiedError(str(error)) from None

    async def prove(self, signed: Signed) -> KnownKey:
        """The key of *signed*, once its signature holds. Raises what `proven` raises.

        Where a key known from before does not fit it is fetched anew, once and rate-limited: it may
        have been changed (S35). What has to be asked is asked on behalf of the address that the
        request came from.
        """
        asker = askings.of_client(signed.client)
        try:
            known = self._site.actors.cached_key(signed.key_id)
            if known is None or not self._fits(signed, known):
                with askings.on_behalf_of(asker):
                    known = await self._fetched(signed)
            self._site.client.askings.was_right(asker, known.actor.host)
        except RemoteError as error:
            if error.is_passing:
                raise not_now(error) from None
            raise UnverifiedError(f"the key cannot be had: {error}") from None
        except SignatureError as error:
            raise UnverifiedError(str(error)) from None
        if self._blocklist.holds_for(known.actor.uri):
            raise BlockedError("the sender is blocked")
        await self._silence.heard_from(known.actor)
        return known

    async def _fetched(self, signed: Signed) -> KnownKey:
        """The key of *signed* from the database or its own server. Raises RemoteError,
        SignatureError."""
        directory = self._site.actors
        asked_at = datetime.now(UTC)
        known = await directory.key(signed.key_id)
        try:
            self._holds(signed, known)
        except InvalidSignatureError:
            if known.key.fetched_at > asked_at:
                raise  # its server gave it just now
            known = await directory.refetch_key(signed.key_id)
            self._holds(signed, known)
        return known

    def _check_message(
        self, method: str, path: str, query: str, headers: Headers, client: str
    ) -> Signed:
        """RFC 9421."""
        settings = self._site.settings
        values = headers.values
        parsed = messages.parse(values)
        messages.check_coverage(parsed, method=method, has_query=bool(query))
        messages.check_time(
            parsed,
            datetime.now(UTC),
            past=settings.date_skew_past,
            future=settings.date_skew_future,
        )
        url = f"{self._base_url}{path}?{query}" if query else f"{self._base_url}{path}"

        def fits(body: bytes) -> None:
            if "content-digest" in parsed.covered:
                content_digest.check_content_digest(values.get("content-digest"), body)

        def holds(key: PublicKey) -> None:
            messages.verify(parsed, key, method=method, url=url, headers=values)

        times = () if parsed.created is None else (parsed.created,)
        return Signed(decoded(parsed.key_id), times, client, fits, holds)

    def _check_cavage(
        self, method: str, path: str, query: str, headers: Headers, client: str
    ) -> Signed:
        """draft-cavage-http-signatures-12, as most peers send it."""
        settings = self._site.settings
        values = headers.values
        parsed = cavage.parse(values["signature"])
        cavage.check_coverage(parsed, method=method)
        cavage.check_time(
            parsed,
            values.get("date"),
            datetime.now(UTC),
            past=settings.date_skew_past,
            future=settings.date_skew_future,
        )
        # Peers differ in whether the query belongs to the target.
        targets = [f"{path}?{query}", path] if query else [path]

        def fits(body: bytes) -> None:
            if "digest" in parsed.headers:
                digest.check_digest(headers.digests, body)

        def holds(key: PublicKey) -> None:
            cavage.verify(
                parsed, key, method=method, targets=targets, headers=values, host=self._host
            )

        times = cavage.covered_times(parsed, values.get("date"))
        return Signed(decoded(parsed.key_id), times, client, fits, holds)

    def _holds(self, signed: Signed, known: KnownKey) -> None:
        if not is_strong(known.public_key, allow_short=self._site.settings.allow_short_rsa_keys):
            raise InvalidSignatureError("the key is too short")
        signed.check(known.public_key)

    def _fits(self, signed: Signed, known: KnownKey) -> bool:
        try:
            self._holds(signed, known)
        except InvalidSignatureError:
            return False
        return True
