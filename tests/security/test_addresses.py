"""Addresses that hide another one: no URL with such a host is ever asked."""

import pytest

from fedblog.remote import guard
from fedblog.remote.errors import BlockedAddressError


@pytest.mark.parametrize(
    "host",
    [
        "[::]",
        "[::1]",
        "[::7f00:1]",
        "[::10.0.0.1]",
        "[::ffff:10.0.0.1]",
        "[::ffff:0:10.0.0.1]",
        "[64:ff9b::10.0.0.1]",
        "[2002:a00:1::]",
        "[fe80::5efe:10.0.0.1]",
        "[2600:1f18::5efe:10.0.0.1]",
        "[2600:1f18::200:5efe:10.0.0.1]",
        "[fe80::1%25eth0]",
        "[127.0.0.1]",
        "[[::1]]",
        "[::1",
        "::1]",
        "[example.org]",
        "example.org[::1]",
    ],
)
def test_s39_address_that_hides_another_is_not_asked(host: str) -> None:
    with pytest.raises(BlockedAddressError):
        guard.check_url(f"https://{host}/users/ann")


def test_public_address_in_brackets_is_asked() -> None:
    assert guard.check_url("https://[2600:1f18::1]/users/ann").raw_host == "2600:1f18::1"
