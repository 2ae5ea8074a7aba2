"""One try of a delivery: the inbox is asked by one signature scheme and, where that is refused, by
the other; where it redirects to a place that it may speak for, that one."""

import asyncio
import logging
from dataclasses import replace
from datetime import UTC, datetime

from fedblog.domain.delivery import Answer
from fedblog.federation import deliver
from fedblog.federation.blocklist import Blocklist
from fedblog.federation.deliver import Outcome, Parcel, SignedRequest
from fedblog.publishing.site import Site
from fedblog.remote.schemes import REFUSALS, RFC9421_ED25519, other
from fedblog.signatures.keys import ED25519, RSA

logger = logging.getLogger(__name__)


def kind_of_key(scheme: str) -> str:
    """The kind of key that signs by *scheme*."""
    return ED25519 if scheme == RFC9421_ED25519 else RSA


class Trying:
    """Asks inboxes."""

    def __init__(self, site: Site, blocklist: Blocklist) -> None:
        self._site = site
        self._blocklist = blocklist
        self._schemes = site.client.schemes

    async def post(self, request: SignedRequest, parcel: Parcel) -> Outcome:
        """One try, within the time of one request."""
        try:
            return await self._tried(request, parcel)
        except Exception:  # a fault of ours with one request must not end the loop for all
            logger.exception("a delivery to %s failed in a way that nobody expected", request.url)
            error = "an error of this server's own; its log has more"
            return Outcome(None, error, is_ours=True)

    async def _tried(self, request: SignedRequest, parcel: Parcel) -> Outcome:
        """Ask the inbox, and where it redirects to a place that it may speak for, that one, each
        once."""
        until = asyncio.get_running_loop().time() + self._site.settings.delivery_timeout
        outcome = await self._knock(request, parcel, until)
        first, seen = outcome, {request.url}
        while outcome.answer is Answer.ELSEWHERE:
            target = deliver.led_to(
                request,
                outcome.location,
                allow_private=self._site.settings.allow_private_network,
            )
            is_over = len(seen) > self._site.settings.fetch_max_redirects
            if target is None or target in seen or is_over or self._blocklist.forbids(target):
                break
            seen.add(target)
            request = await self._signed_again(parcel, target, request.scheme)
            outcome = await self._knock(request, parcel, until)
        if len(seen) == 1:
            return outcome
        # A page that a redirect leads to says nothing of the inbox.
        return replace(first if outcome.answer is Answer.REFUSED else outcome, was_led=True)

    async def _knock(self, request: SignedRequest, parcel: Parcel, until: float) -> Outcome:
        """Ask one address: the request, and after 400 or 401 the same once more by the other
        scheme."""
        client = self._site.client
        try:
            async with asyncio.timeout_at(until):
                outcome = await deliver.send(client, request)
                if outcome.status not in REFUSALS:
                    return outcome
                again = await self._signed_again(parcel, request.url, other(request.scheme))
                second = await deliver.send(client, again)
        except TimeoutError:
            return Outcome(None, f"{request.url} took too long")
        if second.is_delivered:
            self._schemes.learn(again.host, again.scheme)
        return deliver.counted(outcome, second)

    async def _signed_again(self, parcel: Parcel, url: str, scheme: str) -> SignedRequest:
        return await asyncio.to_thread(self._sign_again, parcel, url, scheme, datetime.now(UTC))

    def _sign_again(self, parcel: Parcel, url: str, scheme: str, now: datetime) -> SignedRequest:
        key = self._site.keys.signing_key(parcel.owner, kind_of_key(scheme))
        return deliver.sign(url, parcel, key, deliver.http_date(now), scheme)
