"""Which URLs and addresses another person may make this server ask: public ones only.

The list of what is not public is our own: ``ipaddress.is_global`` lets NAT64 and 6to4 through.
`check_url` looks at the text of a URL before anything is sent; `check_address` is asked by the
connector for every address that it is about to connect to (client.py), so that a name which
resolves differently the second time gains nothing (S12, S14, S15).
"""

import re
from errno import EACCES
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit

from yarl import URL

from fedblog.domain.entities import decoded
from fedblog.domain.origins import registrable_domain
from fedblog.remote.errors import BlockedAddressError

_CLOSED_V4 = {
    IPv4Network(block): name
    for block, name in {
        "0.0.0.0/8": "this network",
        "10.0.0.0/8": "private",
        "100.64.0.0/10": "carrier-grade NAT",
        "127.0.0.0/8": "loopback",
        "169.254.0.0/16": "link-local",
        "172.16.0.0/12": "private",
        "192.0.0.0/24": "protocol assignments",
        "192.0.2.0/24": "documentation",
        "192.88.99.0/24": "6to4 relays",
        "192.168.0.0/16": "private",
        "198.18.0.0/15": "benchmarking",
        "198.51.100.0/24": "documentation",
        "203.0.113.0/24": "documentation",
        "224.0.0.0/4": "multicast",
        "240.0.0.0/4": "reserved and broadcast",
    }.items()
}
_CLOSED_V6 = {
    IPv6Network(block): name
    for block, name in {
        "::/128": "unspecified",
        "::1/128": "loopback",
        "::/96": "IPv4-compatible",
        "64:ff9b::/96": "NAT64",
        "64:ff9b:1::/48": "local NAT64",
        "100::/64": "discard",
        "2001::/32": "Teredo",
        "2001::/23": "protocol assignments",
        "2001:db8::/32": "documentation",
        "2002::/16": "6to4",
        "3fff::/20": "documentation",
        "fc00::/7": "unique local",
        "fe80::/10": "link-local",
        "fec0::/10": "site-local",
        "ff00::/8": "multicast",
    }.items()
}
_UNICAST_V6 = IPv6Network("2000::/3")
_LOOPBACK_V4 = IPv4Network("127.0.0.0/8")
_LOOPBACK_V6 = IPv6Address("::1")
_ISATAP_MARK = 0x5EFE
_UNIVERSAL_BIT = 0x0200

_CLOSED_NAMES = ("localhost", "local", "internal", "onion", "home.arpa", "lan", "invalid")
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NO_URL = re.compile(r"[\x00-\x20\x7f\\]")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")


class ClosedAddressError(OSError):
    """An address that may not be connected to. An OSError, so that the connector, which has more
    than one address of a name, goes on to the next one."""


def closed_reason(address: IPv4Address | IPv6Address) -> str | None:
    """Why *address* is not public, or None where it is."""
    if isinstance(address, IPv4Address):
        return next((name for block, name in _CLOSED_V4.items() if address in block), None)
    if (inner := address.ipv4_mapped) is not None:
        return closed_reason(inner)
    for block, name in _CLOSED_V6.items():
        if address in block:
            return name
    if address not in _UNICAST_V6:
        return "not allocated"
    # ISATAP (RFC 5214) hides an IPv4 address behind 5efe in the interface identifier.
    if (int(address) >> 32) & 0xFFFFFFFF & ~(_UNIVERSAL_BIT << 16) == _ISATAP_MARK:
        return "ISATAP"
    return None


def is_loopback(address: IPv4Address | IPv6Address) -> bool:
    """Whether *address* is this machine itself: 127.0.0.0/8 or ::1."""
    if isinstance(address, IPv6Address):
        inner = address.ipv4_mapped
        return address == _LOOPBACK_V6 if inner is None else inner in _LOOPBACK_V4
    return address in _LOOPBACK_V4


def check_address(text: str, *, allow_loopback: bool) -> None:
    """Raise ClosedAddressError unless *text* is an IP address that may be connected to.

    *allow_loopback* opens loopback, and nothing else that is not public.
    """
    try:
        address = ip_address(text)
    except ValueError:
        raise ClosedAddressError(EACCES, f"{text} is not an address") from None
    if getattr(address, "scope_id", None):
        raise ClosedAddressError(EACCES, f"{text} has a zone")
    reason = closed_reason(address)
    if reason is not None and not (allow_loopback and is_loopback(address)):
        raise ClosedAddressError(EACCES, f"{text} is not a public address ({reason})")


@lru_cache(maxsize=4096)
def _check_host(host: str, *, allow_loopback: bool) -> None:
    """Raise BlockedAddressError unless *host* (IDNA, lower case) may be asked."""
    labels = host.split(".")
    if ":" in host or _NUMBER.fullmatch(labels[-1]):
        # An IPv6 address, or a name that ends in a number: an IPv4 address, and then only in its
        # one plain form (2130706433, 0x7f.1 and 0177.0.0.1 mean loopback to getaddrinfo).
        try:
            check_address(host, allow_loopback=allow_loopback)
        except ClosedAddressError as error:
            raise BlockedAddressError(error.strerror) from None
        return
    if host == "localhost" and allow_loopback:
        return
    if len(host) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise BlockedAddressError(f"{host!r} is not a host name")
    if len(labels) < 2:
        raise BlockedAddressError(f"{host} is not a name of the public internet")
    if any(host == name or host.endswith(f".{name}") for name in _CLOSED_NAMES):
        raise BlockedAddressError(f"{host} is not a name of the public internet")


@lru_cache(maxsize=1024)  # an entry holds some 2 kB
def normalise(url: str) -> URL:
    """*url* as it is sent: without HTML entities, yarl's quoting, host in IDNA and lower case, a
    path, no fragment and no port that the scheme implies.

    Raises BlockedAddressError where it is no http(s) URL, or one with a user part.
    """
    url = decoded(url)
    if _NO_URL.search(url):
        raise BlockedAddressError("a URL has no blanks, control characters or backslashes")
    try:
        parsed = URL(url)
        host, port = parsed.raw_host, parsed.port
        has_user = "@" in urlsplit(url).netloc
    except (ValueError, UnicodeError):
        raise BlockedAddressError(f"{url[:200]!r} is not a URL") from None
    if parsed.scheme not in ("http", "https") or not host or not port:
        raise BlockedAddressError(f"{url[:200]!r} is not an http URL with a host")
    if has_user:
        raise BlockedAddressError("a URL with a user part is not asked")
    if parsed.explicit_port is not None and parsed.is_default_port():
        parsed = parsed.with_port(None)
    parsed = parsed.with_fragment(None)
    return parsed.with_path("/", keep_query=True) if parsed.raw_path in ("", "/") else parsed


def host_of(url: str) -> str:
    """The host of *url*, normalised, with its port where that is not the scheme's own.

    Raises BlockedAddressError where *url* is no http(s) URL.
    """
    parsed = normalise(url)
    host = parsed.raw_host or ""
    host = f"[{host}]" if ":" in host else host
    return host if parsed.explicit_port is None else f"{host}:{parsed.explicit_port}"


@lru_cache(maxsize=4096)
def identity(uri: str) -> str:
    """What every spelling of *uri* that leads to the same place has in common: case and final dot
    of the host, IDN, the scheme and its port, percent-encoding, a final slash and the fragment make
    no difference. What is no http(s) URL gives itself."""
    try:
        parsed = normalise(uri)
    except BlockedAddressError:
        return uri
    host = (parsed.raw_host or "").rstrip(".")
    port = "" if parsed.explicit_port is None else f":{parsed.explicit_port}"
    query = f"?{parsed.raw_query_string}" if parsed.raw_query_string else ""
    return f"{host}{port}{parsed.raw_path.rstrip('/')}{query}"


def are_related(first: str, second: str) -> bool:
    """Whether two URLs lie within one registrable domain. Ports do not count; addresses and names
    of one label must be equal. Raises BlockedAddressError where one is no http(s) URL."""
    return registrable_domain(normalise(first).raw_host or "") == registrable_domain(
        normalise(second).raw_host or ""
    )


@lru_cache(maxsize=1024)  # an entry holds some 2 kB
def check_url(url: str, *, allow_private: bool = False) -> URL:
    """*url* as `normalise` gives it, if it may be asked.

    https only, to a name or address of the public internet; any port.
    *allow_private* (the setting for development) also takes plain http and loopback hosts.
    Raises BlockedAddressError.
    """
    parsed = normalise(url)
    if parsed.scheme != "https" and not allow_private:
        raise BlockedAddressError(f"{url[:200]!r} is not https")
    _check_host(parsed.raw_host or "", allow_loopback=allow_private)
    return parsed
