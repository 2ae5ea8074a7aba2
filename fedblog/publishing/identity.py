"""Who this server is: blog, actors and keys at the first start; its authors."""

import logging
import re
from asyncio import gather, to_thread
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import Connection

from fedblog import __version__
from fedblog.domain.addresses import BLOG, INSTANCE, READERS, Addresses
from fedblog.domain.blog import Author, Blog
from fedblog.domain.errors import InvalidFieldError, NotFoundError, TakenError
from fedblog.domain.ids import new_id
from fedblog.publishing import particulars
from fedblog.publishing.keyring import KeyRing, UnknownKeyError
from fedblog.settings import Settings
from fedblog.signatures.keys import ED25519, RSA, generate_ed25519, generate_rsa
from fedblog.storage import authors as author_rows
from fedblog.storage import blogs as blog_rows
from fedblog.storage import folder
from fedblog.storage import keys as key_rows
from fedblog.storage import server as server_rows
from fedblog.storage.errors import StorageError
from fedblog.storage.keys import StoredKey
from fedblog.storage.store import Store
from fedblog.text import letters, slugs

logger = logging.getLogger(__name__)

__all__ = [
    "Founding",
    "Identity",
    "IdentityChangedError",
    "KeyRing",
    "UnknownKeyError",
    "add_author",
    "ensure_identity",
    "find_author",
    "handle_from",
    "make_keys",
    "only_blog",
    "plan",
    "refuse_lost",
    "remember",
]

MAIN_KEY = "main-key"
ED25519_KEY = "ed25519-key"
SERVER_ID = "id"
HANDLE_LENGTH = 64
_RESERVED_HANDLES = frozenset({READERS, INSTANCE})
_HANDLE = re.compile(r"[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?")
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{1,8}){0,4}")


class IdentityChangedError(Exception):
    """A setting says another identity than the database; the message names the ways out."""


@dataclass(frozen=True, slots=True)
class Founding:
    """What a new blog begins with; `fedblog init` asks for it. *handle* None is ``blog``, or
    whatever the database says already."""

    handle: str | None = None
    title: str = "Our group blog"
    tagline: str = ""
    group_name: str = ""
    about: str = ""
    language: str = "en"
    time_zone: str = "UTC"
    owner_name: str = "Owner"
    owner_handle: str | None = None


@dataclass(frozen=True, slots=True)
class Identity:
    """The server's identity as the database has it; *is_new* at the first start."""

    blog: Blog
    addresses: Addresses
    is_new: bool


async def ensure_identity(
    store: Store, settings: Settings, founding: Founding | None = None
) -> Identity:
    """The identity of the server, made at the first start and the same ever after.

    Raises IdentityChangedError where base URL, handle or handle host differ from what is written
    down, and InvalidFieldError for a founding that does not hold to the rules.
    """
    founding = founding or Founding()
    belonging = await to_thread(folder.read, settings.data_dir)
    standing = await store.read(blog_rows.first)
    if standing is None and belonging is not None:
        raise IdentityChangedError(_foreign(belonging, settings, "is empty"))
    is_new = False
    if standing is not None:
        blog = standing
    else:
        addresses, planned, owner = await to_thread(plan, settings, founding)
        made = await gather(*(make_keys(who) for who in (BLOG, READERS, INSTANCE, owner.id)))
        pairs = [pair for keys in made for pair in keys]
        blog, is_new = await store.write(_found, planned, owner, pairs, addresses)
    written = await store.read(_written_down)
    if belonging is not None and not folder.belongs(belonging, written):
        raise IdentityChangedError(_foreign(belonging, settings, "is another blog's"))
    _refuse_changes(written, settings, founding)
    return Identity(
        blog, Addresses(written["base_url"], blog.handle, written["handle_host"]), is_new
    )


def refuse_lost(settings: Settings, what: str) -> None:
    """Raise IdentityChangedError where the data folder remembers a blog whose database cannot be
    the one that is there (*what* says why: "is missing"), before anything is made in its place.
    Reads files."""
    belonging = folder.read(settings.data_dir)
    if belonging is not None:
        raise IdentityChangedError(_foreign(belonging, settings, what))


async def remember(store: Store, settings: Settings) -> None:
    """Write down in the data folder whose it is, so that a start with an empty or foreign database
    is refused. Call it once `ensure_identity` took the database. Raises StorageError."""
    belonging = await to_thread(folder.read, settings.data_dir)
    if belonging is not None and await store.read(server_rows.get, SERVER_ID) is not None:
        return
    number = belonging.id if belonging is not None else new_id()
    written = await store.write(_with_id, number)
    belonging = folder.Belonging(written[SERVER_ID], written["base_url"], written["handle"])
    try:
        await to_thread(folder.write, settings.data_dir, belonging)
    except StorageError:
        if settings.is_sqlite:
            raise
        logger.warning("the data folder cannot be written: it will not remember its blog")


def plan(settings: Settings, founding: Founding) -> tuple[Addresses, Blog, Author]:
    """The blog that *founding* asks for and its owner, as they would be made; makes nothing.

    Reads the time zone from disk: call it on a thread. Raises InvalidFieldError, ConflictError.
    """
    now = datetime.now(UTC)
    addresses = Addresses(
        settings.base_url,
        check_handle(BLOG if founding.handle is None else founding.handle),
        settings.handle_host,
    )
    if addresses.handle in _reserved(settings.base_url):
        raise InvalidFieldError("handle", f"{addresses.handle} is kept for the server itself")
    blog = Blog(
        id=1,
        handle=addresses.handle,
        title=particulars.line("title", founding.title),
        tagline=particulars.line_or_nothing("tagline", founding.tagline),
        group_name=particulars.line_or_nothing("group", founding.group_name)
        or particulars.line("title", founding.title),
        about=particulars.prose("about", founding.about),
        language=check_language(founding.language),
        time_zone=check_time_zone(founding.time_zone),
        created_at=now,
        updated_at=now,
    )
    owner = _new_author(
        blog,
        founding.owner_name,
        founding.owner_handle,
        role="owner",
        now=now,
        reserved=_reserved(settings.base_url),
    )
    return addresses, blog, owner


async def add_author(
    store: Store,
    name: str,
    *,
    handle: str | None = None,
    about: str = "",
    url: str = "",
    fediverse: str = "",
    role: str = "author",
) -> Author:
    """Add a person who writes, with keys of their own; the handle is made from *name* if not given.

    Raises InvalidFieldError for a handle or name against the rules, and where no handle can be made
    from the name; TakenError where the handle is another author's or the blog's (they share one
    namespace).
    """
    blog = await only_blog(store)
    base_url = await store.read(server_rows.get, "base_url") or ""
    author = _new_author(
        blog, name, handle, role=role, now=datetime.now(UTC), about=about, url=url,
        fediverse=fediverse, option=" (--handle)", reserved=_reserved(base_url),
    )  # fmt: skip
    pairs = await make_keys(author.id)

    def unit(connection: Connection) -> None:
        if author_rows.by_handle(connection, blog.id, author.handle):
            raise TakenError("handle", f"{author.handle} is another author's; say another one")
        author_rows.insert_author(connection, author)
        key_rows.insert_keys(connection, blog.id, list(pairs), author.created_at)

    await store.write(unit)
    return author


async def find_author(store: Store, text: str) -> Author:
    """The author whom *text* names by handle, id or exact name. Raises NotFoundError."""
    blog = await only_blog(store)
    found = await store.read(author_rows.named, blog.id, letters.composed(text.strip()))
    if not found:
        raise NotFoundError(f"there is no author {text}")
    if len(found) > 1:
        raise NotFoundError(
            f"{len(found)} authors are called {text}; say which by handle: "
            + ", ".join(author.handle for author in found)
        )
    return found[0]


def check_handle(handle: str) -> str:
    """*handle* in lower case. Raises InvalidFieldError where peers could not read it."""
    handle = handle.strip().removeprefix("@").lower()
    if len(handle) > HANDLE_LENGTH or not _HANDLE.fullmatch(handle):
        raise InvalidFieldError(
            "handle",
            "takes letters a to z, digits, _ and, inside, . and -; "
            f"at most {HANDLE_LENGTH} characters",
        )
    return handle


def handle_from(name: str) -> str:
    """The handle that *name* makes; empty where a letter of it would be lost, or it has none: a
    handle stays for good, so that who bears it says it."""
    handle = slugs.words(name)
    if not handle.isascii():
        return ""
    if len(handle) > HANDLE_LENGTH:
        handle = handle[: HANDLE_LENGTH + 1].rpartition("-")[0] or handle[:HANDLE_LENGTH]
    return handle


def check_language(language: str) -> str:
    """*language* when it has the shape of a BCP 47 tag. Raises InvalidFieldError."""
    if not _LANGUAGE.fullmatch(language):
        raise InvalidFieldError("language", "takes a language tag such as en or pt-BR")
    return language


def check_time_zone(name: str) -> str:
    """*name* when it is an IANA time zone (read from disk: call it on a thread).

    Raises InvalidFieldError.
    """
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InvalidFieldError(
            "time_zone", f"{name!r} is not a time zone such as Europe/Berlin"
        ) from None
    return name


def _reserved(base_url: str) -> frozenset[str]:
    """The names that actors of the server itself have, its host among them: WebFinger would give
    one for the other."""
    return _RESERVED_HANDLES | {urlsplit(base_url).hostname or INSTANCE}


def _new_author(
    blog: Blog,
    name: str,
    handle: str | None,
    *,
    role: str,
    now: datetime,
    reserved: Collection[str],
    about: str = "",
    url: str = "",
    fediverse: str = "",
    option: str = "",
) -> Author:
    name = letters.composed(particulars.line("name", name))
    if handle is None and not (handle := handle_from(name)):
        raise InvalidFieldError(
            "handle",
            f"none can be made from the name {name}, because other servers take only letters a to "
            f"z, digits and _ there; say one{option}",
        )
    handle = check_handle(handle)
    if handle in reserved:
        raise TakenError("handle", f"{handle} is kept for the server itself; say another one")
    if handle == blog.handle:
        raise TakenError("handle", f"{handle} is the blog's own; say another one")
    return Author(
        id=new_id(),
        blog_id=blog.id,
        handle=handle,
        name=name,
        about=particulars.prose("about", about),
        url=particulars.web_address("url", url),
        fediverse=particulars.account("fediverse", fediverse),
        avatar=None,
        role=role,
        created_at=now,
        updated_at=now,
    )


async def make_keys(owner: str) -> tuple[StoredKey, StoredKey]:
    """A new RSA and a new Ed25519 key pair for a local actor, not stored yet."""
    rsa_private, rsa_public = await to_thread(generate_rsa)
    ed_private, ed_public = await to_thread(generate_ed25519)
    return (
        StoredKey(owner, MAIN_KEY, RSA, rsa_private, rsa_public),
        StoredKey(owner, ED25519_KEY, ED25519, ed_private, ed_public),
    )


def _found(
    connection: Connection,
    blog: Blog,
    owner: Author,
    pairs: Sequence[StoredKey],
    addresses: Addresses,
) -> tuple[Blog, bool]:
    standing = blog_rows.first(connection)
    if standing is not None:  # another process was faster
        return standing, False
    blog_rows.insert_blog(connection, blog)
    author_rows.insert_author(connection, owner)
    key_rows.insert_keys(connection, blog.id, list(pairs), blog.created_at)
    server_rows.put(connection, "base_url", addresses.base_url)
    server_rows.put(connection, "handle", addresses.handle)
    server_rows.put(connection, "handle_host", addresses.handle_host)
    server_rows.put(connection, server_rows.VERSION, __version__)
    return blog, True


def _written_down(connection: Connection) -> dict[str, str]:
    names = ("base_url", "handle", "handle_host", SERVER_ID)
    return {key: server_rows.get(connection, key) or "" for key in names}


def _with_id(connection: Connection, number: str) -> dict[str, str]:
    """What is written down, *number* being the server's id where it has none yet."""
    if server_rows.get(connection, SERVER_ID) is None:
        server_rows.put(connection, SERVER_ID, number)
    return _written_down(connection)


def _foreign(belonging: folder.Belonging, settings: Settings, what: str) -> str:
    file = settings.data_dir.absolute() / folder.FILE
    return (
        f"the data folder belongs to {belonging.base_url} (@{belonging.handle}), but its database "
        f"{what}. Other servers know that blog by its keys, which only its own database has. "
        "Either put that database back (restore a backup, or set FEDBLOG_DATABASE_URL right); or, "
        "where it is lost for good, begin anew: followers will not hear of a blog with new keys at "
        f"the same address, so take another address if you can, and delete {file}"
    )


def _refuse_changes(written: dict[str, str], settings: Settings, founding: Founding) -> None:
    base_url, handle = written["base_url"], written["handle"]
    if settings.base_url != base_url:
        raise IdentityChangedError(
            f"this database belongs to {base_url}, but the base URL is set to "
            f"{settings.base_url}. Every address that other servers know begins with {base_url}. "
            f"Either set FEDBLOG_BASE_URL={base_url}, or begin a new blog in another data folder "
            "(--data DIR or FEDBLOG_DATABASE_URL) under the new address"
        )
    wanted = Addresses(base_url, handle, settings.handle_host)
    if wanted.handle_host != written["handle_host"]:
        raise IdentityChangedError(
            f"followers know this blog as @{handle}@{written['handle_host']}, but the handle's "
            f"host is set to {wanted.handle_host}. Either set "
            f"FEDBLOG_HANDLE_HOST={written['handle_host']}, or begin a new blog in another data "
            "folder (--data DIR or FEDBLOG_DATABASE_URL)"
        )
    if founding.handle is not None and check_handle(founding.handle) != handle:
        raise IdentityChangedError(
            f"this blog is @{handle}@{written['handle_host']}, but the handle {founding.handle} "
            f"was asked for. Either leave it out (or say {handle}), or begin a new blog in "
            "another data folder (--data DIR or FEDBLOG_DATABASE_URL)"
        )


async def only_blog(store: Store) -> Blog:
    """The blog of this server. Raises NotFoundError before the first start."""
    blog = await store.read(blog_rows.first)
    if blog is None:
        raise NotFoundError("there is no blog yet; run fedblog init or fedblog serve first")
    return blog
