"""Whose a host or an address is."""

import pytest

from fedblog.domain.origins import (
    bare_host,
    client_network,
    counted_host,
    is_public_suffix,
    registrable_domain,
    same_host,
)


@pytest.mark.parametrize(
    ("host", "domain"),
    [
        ("example.org", "example.org"),
        ("a.b.c.example.org", "example.org"),
        ("A.Example.ORG:8443", "example.org"),
        ("example.org.", "example.org"),
        ("social.example.co.uk", "example.co.uk"),
        ("ann.github.io", "ann.github.io"),
        ("www.ann.github.io", "ann.github.io"),
        ("github.io", "github.io"),
        ("com", "com"),
        ("localhost:8000", "localhost"),
        ("a.b.unlisted", "b.unlisted"),
        ("www.ck", "www.ck"),
        ("a.b.ck", "a.b.ck"),
        ("bl\u00f6gge.b\u00fccher.example", "xn--bcher-kva.example"),
        ("a.xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("www.\uff42\u00fccher.example", "xn--bcher-kva.example"),
        ("127.0.0.7:80", "127.0.0.7"),
        ("[2001:db8::1]:443", "2001:db8::1"),
        ("", ""),
        ("..", ""),
    ],
)
def test_names_belong_to_the_domain_that_somebody_registered(host: str, domain: str) -> None:
    assert registrable_domain(host) == domain


@pytest.mark.parametrize(
    ("host", "is_one"),
    [
        ("com", True),
        ("co.uk", True),
        ("CO.UK.", True),
        ("github.io", True),
        ("ck", True),
        ("xn--p1ai", True),
        ("\u0440\u0444", True),
        ("lan", True),
        ("example.org", False),
        ("ann.github.io", False),
        ("localhost", False),
        ("127.0.0.1", False),
        ("::1", False),
        ("", False),
    ],
)
def test_public_suffixes_are_told_from_what_somebody_owns(host: str, is_one: bool) -> None:
    assert is_public_suffix(host) is is_one


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:DB8:1:2::9", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::9", "2001:db8:1:3::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        ("/run/fedblog.sock", "/run/fedblog.sock"),
    ],
)
def test_addresses_count_by_what_one_customer_is_given(address: str, network: str) -> None:
    assert client_network(address) == network


def test_hosts_that_are_addresses_count_like_addresses() -> None:
    assert counted_host("[2001:db8::1]") == counted_host("[2001:db8::2]:444")
    assert counted_host("127.0.0.1:80") != counted_host("127.0.0.2:80")
    assert counted_host("a.example.org") == counted_host("b.example.org:81") == "example.org"


def test_bare_host_has_neither_port_nor_brackets() -> None:
    hosts = ("A.example:80", "a.example", "[::1]:80", "::1")
    assert [bare_host(host) for host in hosts] == ["a.example", "a.example", "::1", "::1"]


def test_hosts_are_the_same_with_scheme_and_port() -> None:
    assert same_host("https://a.example/x", "https://a.example/y/z")
    assert not same_host("https://a.example/x", "http://a.example/x")
    assert not same_host("https://a.example/x", "https://a.example:444/x")
