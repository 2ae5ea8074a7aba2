"""Who wrote an activity, whoever sent it: its proof (FEP-8b32) against a key of its actor.

A proof is worth as much as the actor's own HTTP signature, with two differences: it stays in the
activity, so it is believed only while its repetition would be noticed, and only for activities that
have an id to notice it by. A Linked Data signature is worth nothing here (S5).
"""

import logging
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from fedblog.activitystreams import values
from fedblog.activitystreams.reading import Activity
from fedblog.aside.calls import call
from fedblog.aside.errors import AsideError, BusyError
from fedblog.domain.actor import RemoteActor
from fedblog.domain.origins import same_host
from fedblog.federation import dear
from fedblog.publishing.site import Site
from fedblog.remote.actors import KnownKey
from fedblog.remote.errors import RemoteError, ShortError
from fedblog.signatures import proofs
from fedblog.signatures.errors import InvalidSignatureError, SignatureError

log = logging.getLogger(__name__)

LONGEST_AGE = timedelta(days=25)
"""Shorter than receipts are kept (jobs/housekeeping.py): an older activity could be a repetition
that is not noticed any more."""
_READ_AT_ONCE = 8192
"""Bytes of a document whose proof is read on the event loop: less than a millisecond of it."""
_AGAIN = 30.0


class Prover:
    """Checks the proofs in activities."""

    def __init__(self, site: Site) -> None:
        self._site = site

    async def actor_of(
        self, document: Mapping[str, Any], activity: Activity, body: bytes, *, whose: str
    ) -> RemoteActor | None:
        """The actor of *activity*, read from *document* in *body*, where its proof holds, else
        None; *whose* domain brought it. The proof of a larger document than the setting allows is
        not looked at; that of a large one is read where long texts are. Raises RemoteError, of a
        passing kind, where it cannot be found out now.

        The proof's key must be of the actor's own origin (FEP-fe34) and listed by the actor
        (FEP-521a). As with HTTP signatures a key that does not fit is fetched anew once (S35).
        """
        key_id = values.uri(proofs.verification_method(document))
        if (
            key_id is None
            or len(body) > self._site.settings.proof_max_bytes
            or activity.id is None
            or not same_host(activity.id, activity.actor)
            or not same_host(key_id, activity.actor)
            or not self._is_recent(document)
        ):
            return None
        directory = self._site.actors
        asked_at = datetime.now(UTC)
        try:
            known = await directory.key(key_id)
            proof = await self._proof(document, body, whose)
            try:
                _check(proof, activity, known)
            except InvalidSignatureError:
                if known.key.fetched_at > asked_at:
                    return None  # its server gave it just now
                known = await directory.refetch_key(key_id)
                _check(proof, activity, known)
        except AsideError as error:
            wait = error.retry_after if isinstance(error, BusyError) else _AGAIN
            raise ShortError("the proof cannot be read now", retry_after=wait) from None
        except RemoteError as error:
            if error.is_passing:
                raise
            log.info("the proof of %s does not count: %s", activity.id, error)
            return None
        except SignatureError as error:
            log.info("the proof of %s does not hold: %s", activity.id, error)
            return None
        return known.actor

    async def _proof(self, document: Mapping[str, Any], body: bytes, whose: str) -> proofs.Proof:
        if len(body) <= _READ_AT_ONCE:
            return proofs.read(document)
        return await call(self._site.texts, whose, dear.proof, body, raises=(SignatureError,))

    def _is_recent(self, document: Mapping[str, Any]) -> bool:
        made = proofs.created_at(document)
        if made is None:
            return False
        now = datetime.now(UTC)
        ahead = timedelta(seconds=self._site.settings.date_skew_future)
        return now - LONGEST_AGE < made < now + ahead


def _check(proof: proofs.Proof, activity: Activity, known: KnownKey) -> None:
    if known.actor.uri != activity.actor:
        raise InvalidSignatureError("the proof is by another than the actor")
    proofs.check(proof, known.public_key)
