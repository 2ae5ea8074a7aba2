"""Addresses in sanitised HTML made full against the page that it stands on."""

import html as _html
import re
from urllib.parse import urljoin

from fedblog.text.sanitise import SCHEME

_LINKING_TAG = re.compile(r"<(?:a|img|blockquote|q|ins|del) [^<>]*>")
_OUTPUT_ATTRIBUTE = re.compile(r' ([a-z-]+)="([^"]*)"')
_HOSTLESS = re.compile(r"(?P<scheme>https?):(?!//)(?P<rest>/?[^/].*)", re.IGNORECASE | re.DOTALL)
_AROUND_ADDRESSES = "".join(map(chr, range(0x21)))


def with_full_addresses(html: str, page: str) -> str:
    """Sanitised *html* of *page* (its full address) with every address in full, for who reads it
    elsewhere."""

    def attribute(match: re.Match[str]) -> str:
        if match[1] not in ("href", "src", "cite"):
            return match[0]
        full = full_address(_html.unescape(match[2]), page)
        return f' {match[1]}="{_html.escape(full)}"'

    return _LINKING_TAG.sub(lambda tag: _OUTPUT_ATTRIBUTE.sub(attribute, tag[0]), html)


def full_address(address: str, page: str) -> str:
    """What *address* names where it stands on *page* (RFC 3986, section 5.2; blanks around it, and
    ``https:`` without a host, as browsers read them). Another with a scheme, or one that nobody
    could read, stays as it is."""
    address = address.strip(_AROUND_ADDRESSES)
    if SCHEME.match(address):
        if (hostless := _HOSTLESS.fullmatch(address)) is None:
            return address
        scheme, rest = hostless["scheme"].lower(), hostless["rest"]
        if not page.startswith(f"{scheme}:"):
            return f"{scheme}://{rest.lstrip('/')}"
        address = rest
    # Long texts have thousands of these two; urljoin takes ten times as long.
    if address.startswith("#") and len(address) > 1:
        return page.partition("#")[0] + address
    if address.startswith("/") and address[1:2] != "/" and "/." not in address:
        return "/".join(page.split("/", 3)[:3]) + address
    try:
        return urljoin(page, address)
    except ValueError:
        return address
