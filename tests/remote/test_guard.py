"""Which URLs and addresses may be asked."""

import pytest

from fedblog.remote import guard
from fedblog.remote.client import canonical
from fedblog.remote.errors import BlockedAddressError

CLOSED = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",
    "100.127.255.254",
    "127.0.0.1",
    "127.255.255.254",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.8",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.7",
    "203.0.113.7",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::8.8.8.8",
    "::ffff:10.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::808:808",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:2::1",
    "2001:10::1",
    "2001:db8::1",
    "2002:7f00:1::1",
    "2002:808:808::1",
    "3fff::1",
    "4000::1",
    "5f00::1",
    "fc00::1",
    "fd12:3456::1",
    "fe80::1",
    "fec0::1",
    "ff02::1",
    "2606:4700::5efe:7f00:1",
    "2606:4700::200:5efe:a00:1",
]
PUBLIC = [
    "1.1.1.1",
    "9.255.255.255",
    "11.0.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "172.15.255.255",
    "172.32.0.0",
    "192.0.1.1",
    "198.17.255.255",
    "198.20.0.0",
    "223.255.255.255",
    "::ffff:8.8.8.8",
    "2001:200::1",
    "2606:4700::1111",
    "2a00:1450:4001::1",
]


@pytest.mark.parametrize("address", CLOSED)
def test_s14_address_that_is_not_public_is_refused(address: str) -> None:
    with pytest.raises(guard.ClosedAddressError):
        guard.check_address(address, allow_loopback=False)


@pytest.mark.parametrize("address", PUBLIC)
def test_public_address_is_taken(address: str) -> None:
    guard.check_address(address, allow_loopback=False)


@pytest.mark.parametrize("address", ["fe80::1%eth0", "2606:4700::1%1", "localhost", "", "1.2.3"])
def test_what_is_no_plain_address_is_refused(address: str) -> None:
    with pytest.raises(guard.ClosedAddressError):
        guard.check_address(address, allow_loopback=True)


@pytest.mark.parametrize("address", CLOSED)
def test_development_setting_opens_loopback_alone(address: str) -> None:
    if address in ("127.0.0.1", "127.255.255.254", "::1", "::ffff:127.0.0.1"):
        guard.check_address(address, allow_loopback=True)
    else:
        with pytest.raises(guard.ClosedAddressError):
            guard.check_address(address, allow_loopback=True)


REFUSED_URLS = [
    "http://example.org/",
    "ftp://example.org/",
    "file:///etc/passwd",
    "data:text/plain,x",
    "javascript:alert(1)",
    "//example.org/",
    "example.org",
    "",
    "https://",
    "https:///path",
    "https://user@example.org/",
    "https://user:password@example.org/",
    "https://@example.org/",
    "https://example.org@127.0.0.1/",
    "https://example.org:0/",
    "https://example.org:99999/",
    "https://example.org:x/",
    "https://exa mple.org/",
    "https://example.org/a b",
    "https://example.org/\r\nX: y",
    "https://example.org\\@127.0.0.1/",
    "https://example.org./",
    "https://.example.org/",
    "https://a..example.org/",
    "https://-a.example.org/",
    "https://a%2eb.example.org/",
    "https://127.0.0.1/",
    "https://127.1/",
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0x7f.0.0.1/",
    "https://0177.0.0.1/",
    "https://127.0.0.01/",
    "https://１２７.0.0.1/",
    "https://0/",
    "https://1.2.3.4.5/",
    "https://256.1.1.1/",
    "https://8.8.8.8./",
    "https://[::1]/",
    "https://[::ffff:10.0.0.1]/",
    "https://[::]/",
    "https://[fe80::1%25eth0]/",
    "https://[::1",
    "https://::1/",
    "https://[8.8.8.8]/",
    "https://[example.org]/",
    "https://localhost/",
    "https://LOCALHOST/",
    "https://a.localhost/",
    "https://printer.local/",
    "https://db.internal/",
    "https://router.home.arpa/",
    "https://abc.onion/",
    "https://intranet/",
    "https://" + "a" * 64 + ".example.org/",
]


@pytest.mark.parametrize("url", REFUSED_URLS)
def test_s12_url_that_may_not_be_asked_is_refused(url: str) -> None:
    with pytest.raises(BlockedAddressError):
        guard.check_url(url)


@pytest.mark.parametrize(
    ("url", "sent"),
    [
        ("https://example.org", "https://example.org/"),
        ("https://EXAMPLE.org:443/A?b=C#d", "https://example.org/A?b=C"),
        ("https://example.org:8443/x", "https://example.org:8443/x"),
        ("https://bücher.example/ü", "https://xn--bcher-kva.example/%C3%BC"),
        ("https://example.org?x=1", "https://example.org/?x=1"),
        ("https://8.8.8.8/", "https://8.8.8.8/"),
        ("https://[2606:4700::1111]/", "https://[2606:4700::1111]/"),
        ("https://a_b.example.org/%7Ex/%2F", "https://a_b.example.org/~x/%2F"),
    ],
)
def test_public_url_is_taken_in_one_form(url: str, sent: str) -> None:
    assert str(guard.check_url(url)) == sent
    assert canonical(url) == sent
    assert canonical(sent) == sent


@pytest.mark.parametrize(
    "url",
    ["http://localhost:8000/", "http://127.3.2.1/", "http://[::1]:80/", "http://example.org/"],
)
def test_development_setting_takes_loopback_and_plain_http(url: str) -> None:
    guard.check_url(url, allow_private=True)


@pytest.mark.parametrize(
    "url",
    [
        "http://10.0.0.1/",
        "http://169.254.169.254/",
        "http://0.0.0.0/",
        "http://[::ffff:10.0.0.1]/",
        "http://a.localhost/",
        "http://x.local/",
        "http://intranet/",
        "http://2130706433/",
        "file:///etc/passwd",
    ],
)
def test_development_setting_keeps_the_rest_closed(url: str) -> None:
    with pytest.raises(BlockedAddressError):
        guard.check_url(url, allow_private=True)


@pytest.mark.parametrize(
    ("first", "second", "related"),
    [
        ("https://example.org/a", "https://example.org/b", True),
        ("https://example.org/a", "https://EXAMPLE.org:8443/b", True),
        ("https://ap.example.org/", "https://example.org/", True),
        ("https://a.example.org/", "https://b.example.org/", True),
        ("https://example.org/", "https://example.com/", False),
        ("https://evilexample.org/", "https://example.org/", False),
        ("https://a.co.uk/", "https://b.co.uk/", False),
        ("https://x.a.co.uk/", "https://a.co.uk/", True),
        ("https://1.2.3.4/", "https://9.9.3.4/", False),
        ("http://localhost/", "http://other.localhost/", False),
    ],
)
def test_hosts_are_related_below_one_registered_name(
    first: str, second: str, related: bool
) -> None:
    assert guard.are_related(first, second) is related


def test_host_of_a_url_has_its_port_only_where_it_is_unusual() -> None:
    assert guard.host_of("https://Example.org:443/x") == "example.org"
    assert guard.host_of("http://example.org:443/x") == "example.org:443"
    assert guard.host_of("https://[2606:4700::1111]:8443/") == "[2606:4700::1111]:8443"


@pytest.mark.parametrize("entity", ["&#038;", "&amp;", "&#x26;", "&amp;#038;"])
def test_entities_in_an_address_are_decoded_before_it_is_asked(entity: str) -> None:
    sent = canonical(f"https://one.example/a?x=1{entity}y=2")
    assert sent == "https://one.example/a?x=1&y=2"
    assert canonical(sent) == sent


def test_entities_hide_no_address_that_may_not_be_asked() -> None:
    for url in ("https://one.example&#64;10.0.0.1/", "https://&#49;0.0.0.1/", "https://a&#10;b/"):
        with pytest.raises(BlockedAddressError):
            guard.check_url(url)
