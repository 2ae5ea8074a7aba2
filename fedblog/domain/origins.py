"""Whose a host or an address is: what limits count by, since one person may have many names.

A name costs nothing below a domain that somebody registered, an IPv6 address nothing within a
network. So hosts count by their registrable domain (Public Suffix List, with its private section:
below ``github.io`` each name is another's), addresses by what one customer is given.
"""

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

import idna
from publicsuffixlist import PublicSuffixList

_SUFFIXES = PublicSuffixList()
_CUSTOMER_BITS = 64
"""The least of IPv6 that one customer is given (RFC 6177)."""


def bare_host(host: str) -> str:
    """*host* in lower case without its port and without the brackets of an IPv6 address."""
    host = host.lower()
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0] if host.count(":") == 1 else host


@lru_cache(maxsize=4096)
def registrable_domain(host: str) -> str:
    """The domain that somebody registered and *host* (port allowed and dropped) lies in, in lower
    case A-labels. An IP literal gives itself, and so does a public suffix or a single label."""
    name = in_ascii(bare_host(host).rstrip("."))
    if _address(name) is not None:
        return name
    return _SUFFIXES.privatesuffix(name) or name


@lru_cache(maxsize=1024)
def is_public_suffix(host: str) -> bool:
    """Whether everyone can register names below *host*: ``com``, ``co.uk``, ``github.io``.

    A name of one label that is in no list counts (``lan``); ``localhost`` does not.
    """
    name = in_ascii(bare_host(host).rstrip("."))
    if not name or name == "localhost" or _address(name) is not None:
        return False
    return bool(_SUFFIXES.is_public(name))


def counted_host(host: str) -> str:
    """What a limit counts requests to or from *host* under: its registrable domain, or of an IPv6
    literal the network that one customer is given."""
    name = registrable_domain(host)
    return client_network(name) if ":" in name else name


def counted_origin(uri: str) -> str:
    """What a limit counts whoever has the id *uri* under: its `counted_host`, "" without a host."""
    parts = uri.split("/", 3)
    return counted_host(parts[2]) if len(parts) > 2 else ""


@lru_cache(maxsize=4096)
def client_network(address: str) -> str:
    """What a limit counts the client at *address* under: an IPv4 address itself, an IPv6 address by
    its /64. What is no address (a socket's path) gives itself."""
    found = _address(address)
    if found is None:
        return address
    if isinstance(found, IPv4Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(IPv6Network((int(found) >> _CUSTOMER_BITS << _CUSTOMER_BITS, _CUSTOMER_BITS)))


def in_ascii(name: str) -> str:
    """*name* in A-labels, where it can be written so."""
    if name.isascii():
        return name
    try:
        return idna.encode(name, uts46=True).decode("ascii")
    except (idna.IDNAError, UnicodeError):
        return name


def same_host(first: str, second: str) -> bool:
    """Whether two URIs have the same scheme, host and port, as they are written (FEP-fe34)."""
    return first.split("/", 3)[:3] == second.split("/", 3)[:3]


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text.partition("%")[0])
    except ValueError:
        return None
