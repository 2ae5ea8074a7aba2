"""What moderators decide: which comments are shown, and with whom the blog does not talk.

All authors of a blog are moderators of it: a group blog's authors are equals.
"""

import re
from datetime import UTC, datetime
from ipaddress import ip_address
from urllib.parse import urlsplit

import idna
from sqlalchemy import Connection

from fedblog.domain.block import Block, covers
from fedblog.domain.comment import CommentStatus
from fedblog.domain.errors import ConflictError, InvalidFieldError, NotFoundError
from fedblog.domain.ids import new_id
from fedblog.domain.origins import is_public_suffix
from fedblog.publishing import authorizations, forwarding
from fedblog.publishing.site import Site
from fedblog.remote import askings, guard
from fedblog.remote.errors import BlockedAddressError, RemoteError
from fedblog.storage import actors as actor_rows
from fedblog.storage import blocks as block_rows
from fedblog.storage import comments as comment_rows
from fedblog.storage import cutting_off, hidden, lifting, slices
from fedblog.storage.cutting_off import CUT_OFF
from fedblog.storage.lifting import LIFT, Lifted
from fedblog.storage.views_carried import attachments

URI_LENGTH = 2000
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_LONGEST_NAME = 253
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
"""A name that ends in one is read as an address (WHATWG URL, section 3.5)."""


async def decide(site: Site, comment_id: str, status: CommentStatus) -> None:
    """Approve, hold or mark a comment as spam; the decision outlives edits by its writer, who
    asked for leave to reply is answered, and an approved reply with a proof is forwarded.

    Raises NotFoundError.
    """

    def unit(connection: Connection) -> None:
        comment = comment_rows.get_listed(connection, site.blog_id, comment_id)
        if comment is None:
            raise NotFoundError("there is no such comment")
        comment_rows.decide(connection, comment, status)
        hidden.forget(connection, hidden.COMMENT, [comment.id])  # it is what the moderator says
        now = datetime.now(UTC)
        authorizations.comment_decided(connection, site, comment, status, now)
        if comment.actor_uri is not None and status is not CommentStatus.HELD:
            forwarding.comment_decided(connection, site, comment, status, now)

    await site.store.write(unit)


async def decide_media(site: Site, comment_id: str, *, shown: bool) -> None:
    """Show the pictures of a comment to readers, or hold them back. Other pictures that an edit
    brings ask anew. Raises NotFoundError, and ConflictError where it has no pictures."""

    def unit(connection: Connection) -> None:
        comment = comment_rows.get_listed(connection, site.blog_id, comment_id)
        if comment is None:
            raise NotFoundError("there is no such comment")
        if not any(item.is_picture for item in attachments(comment.attachments)):
            raise ConflictError("there are no pictures in this comment")
        comment_rows.decide_media(connection, comment, "approved" if shown else "held")

    await site.store.write(unit)


async def block_domain(site: Site, domain: str, *, confirmed: bool = False) -> Block:
    """Have nothing to do with a domain and its subdomains. From the commit on nothing is taken from
    there and nothing sent there; that followers are dropped, their reactions and comments vanish,
    and deliveries that wait for them are given up, follows in slices where they are many.

    One that would cut off more than anybody means takes *confirmed*: the blog's own, and one below
    which everybody registers names. Raises InvalidFieldError, and ConflictError when it is blocked
    already.
    """
    name = normal_domain(domain)
    if not confirmed and (reason := _doubt(site, name)):
        raise InvalidFieldError(
            "domain", f'{reason}; repeat it with "confirm": true if you mean it'
        )
    block = Block(new_id(), site.blog_id, name, None, datetime.now(UTC))

    return await site.store.write(_block, block)


async def block_actor(site: Site, actor_uri: str) -> Block:
    """Have nothing to do with one actor, given by id or page, in whichever spelling it is known.
    Who is not known here is asked for; where that cannot be done, the address is taken for the id.
    Raises as `block_domain` does."""
    uri = _actor_uri(actor_uri)
    if not site.addresses.is_local(uri):
        spellings = _spellings(uri)
        known = await site.store.read(actor_rows.named, spellings, _host(uri))
        uri = known if known is not None else await _fetched(site, uri)
    if site.addresses.is_local(uri):
        raise InvalidFieldError("actor", "is of this blog itself")
    block = Block(new_id(), site.blog_id, None, uri, datetime.now(UTC))

    return await site.store.write(_block, block)


async def _fetched(site: Site, uri: str) -> str:
    """The id that *uri* leads to; *uri* where nobody says so."""
    try:
        with askings.on_behalf_of(askings.OURSELVES):
            return (await site.actors.actor(uri, fresh=True)).uri
    except RemoteError:
        return uri


def _doubt(site: Site, domain: str) -> str:
    """Why a block of *domain* is hardly meant, or ""."""
    own = (site.addresses.host, site.addresses.handle_host)
    if any(covers(domain, host) for host in own):
        return "is this blog's own; all who have an address there would be cut off"
    if is_public_suffix(domain):
        return "is a suffix below which everybody registers names, all of which it would block"
    return ""


def _spellings(uri: str) -> list[str]:
    """The forms of *uri* under which its actor may be known, the likeliest first."""
    try:
        plain = guard.normalise(uri)
    except BlockedAddressError:
        return [uri]
    schemes = sorted(("http", "https"), key=lambda scheme: scheme != plain.scheme)
    bare = [f"{scheme}://{guard.identity(uri)}" for scheme in schemes]
    forms = [form for one in bare for form in (one, f"{one}/")]
    return list(dict.fromkeys([uri, str(plain), *forms]))


def _host(uri: str) -> str:
    try:
        return guard.host_of(uri)
    except BlockedAddressError:
        return ""


async def unblock(site: Site, block_id: str) -> Lifted:
    """Lift a block: the comments, reactions and leave that it hid come back, at once where they are
    few and in slices where they are many; who followed comes back only by following again. What it
    had not come to yet stays. Raises NotFoundError."""

    def unit(connection: Connection) -> Lifted | None:
        slices.drop(connection, CUT_OFF, block_id)
        lifted = lifting.lifted(connection, block_id)
        if not block_rows.delete_block(connection, site.blog_id, block_id):
            return None
        slices.begin(
            connection,
            LIFT,
            block_id,
            lifting.lift,
            lifting.start(site.blog_id, block_id),
            datetime.now(UTC),
            slices.Allowance(),
            weight=cutting_off.ROW_WEIGHT,
        )
        return lifted

    found = await site.store.write(unit)
    if found is None:
        raise NotFoundError("there is no such block")
    return found


def normal_domain(text: str) -> str:
    """*text* as a lower-case domain in A-labels, or an IP address, without port, brackets and final
    dot. Raises InvalidFieldError."""
    wrong = InvalidFieldError("domain", "takes a domain such as example.org")
    name = text.strip().lower()
    if found := _address(name):
        return found
    host, _, port = name.partition("]:" if name.startswith("[") else ":")
    if port and not (port.isascii() and port.isdigit()):
        raise wrong
    if host.startswith("["):
        host = host.removesuffix(".").strip("[]")
    if not host.isascii():
        try:
            host = idna.encode(host, uts46=True).decode("ascii").lower()
        except (idna.IDNAError, UnicodeError):
            raise wrong from None
    host = host.removesuffix(".")
    if found := _address(host):
        return found
    labels = host.split(".")
    if len(host) > _LONGEST_NAME or not all(_LABEL.fullmatch(label) for label in labels):
        raise wrong
    if len(labels) > 1 and _NUMBER.fullmatch(labels[-1]):
        raise InvalidFieldError("domain", "takes an IP address in full, such as 192.0.2.1")
    return host


def _address(text: str) -> str | None:
    """*text* in the one form of an IP address, None where it is none."""
    try:
        return ip_address(text).compressed
    except ValueError:
        return None


def _actor_uri(text: str) -> str:
    uri = text.strip()
    try:
        parts = urlsplit(uri)
        is_good = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        is_good = False
    if not is_good or len(uri) > URI_LENGTH or not uri.isprintable() or " " in uri:
        raise InvalidFieldError("actor", "takes the id of an actor, an https:// address")
    return uri


def _block(connection: Connection, block: Block) -> Block:
    if block.domain is not None:
        is_known = (
            block_rows.find(connection, block.blog_id, domain=block.domain, actor_uri=None)
            is not None
        )
    else:
        identity = guard.identity(block.actor_uri or "")
        is_known = any(
            other.actor_uri is not None and guard.identity(other.actor_uri) == identity
            for other in block_rows.all_of(connection, block.blog_id)
        )
    if is_known:
        raise ConflictError(f"{block.domain or block.actor_uri} is blocked already")
    block_rows.insert_block(connection, block)
    slices.begin(
        connection,
        CUT_OFF,
        block.id,
        cutting_off.cut_off,
        cutting_off.start(block),
        block.created_at,
        slices.Allowance(),
        weight=cutting_off.ROW_WEIGHT,
    )
    return block
