"""Signed GETs of blocked servers."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from sqlalchemy import Connection, insert

from fedblog.domain.ids import new_id
from fedblog.federation.blocklist import Blocklist
from fedblog.publishing.site import Site
from fedblog.storage import changes
from fedblog.storage import tables as t
from fedblog.storage.changes import Change
from fedblog.web.signers import refuse_blocked


def block(**what: str) -> Callable[[Connection], None]:
    def unit(connection: Connection) -> None:
        now = datetime.now(UTC)
        connection.execute(insert(t.blocks).values(id=new_id(), blog_id=1, created_at=now, **what))
        changes.record(connection, Change("blocks"))

    return unit


@pytest.mark.parametrize(
    ("signature", "is_refused"),
    [
        (b'keyId="https://bad.example/users/a#main-key",headers="host"', True),
        (b'headers="host",keyId="https://sub.BAD.example:8443/k",signature="x"', True),
        (b'sig1=("@method" "@target-uri");created=1;keyid="https://bad.example/k"', True),
        (b'keyId="https://good.example/users/eve#main-key"', False),
        (b'keyId="https://good.example/users/a#main-key"', False),
        (b'keyId="https://notbad.example/users/a"', False),
        (b'keyId="http://["', False),
        (b"nonsense", False),
    ],
)
async def test_s32_signed_get_of_a_blocked_server_is_refused(
    site: Site, signature: bytes, is_refused: bool
) -> None:
    refuses = refuse_blocked(Blocklist(site.store, site.blog_id))
    assert not await refuses(signature)
    await site.store.write(block(domain="bad.example"))
    assert await refuses(signature) is is_refused
