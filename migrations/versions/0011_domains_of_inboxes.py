"""whose an inbox's host is: followers are bounded by registrable domain"""

from collections.abc import Sequence
from ipaddress import IPv6Network, ip_address

import sqlalchemy as sa
from alembic import op
from publicsuffixlist import PublicSuffixList

revision: str = "0011"
down_revision: str | None = "0010"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_inboxes = sa.table("inboxes", sa.column("host", sa.Text), sa.column("domain", sa.Text))


def upgrade() -> None:
    op.add_column(
        "inboxes", sa.Column("domain", sa.Text(), server_default=sa.text("''"), nullable=False)
    )
    connection = op.get_bind()
    suffixes = PublicSuffixList()
    hosts = connection.execute(sa.select(_inboxes.c.host).distinct()).scalars().all()
    for host in hosts:
        connection.execute(
            sa.update(_inboxes)
            .where(_inboxes.c.host == host)
            .values(domain=_domain_of(suffixes, host))
        )
    op.create_index("ix_inboxes_domain", "inboxes", ["domain"])


def _domain_of(suffixes: PublicSuffixList, host: str) -> str:
    """The registrable domain of *host* (in lower case, without port); of IPv6 the /64."""
    try:
        address = ip_address(host)
    except ValueError:
        name = host.rstrip(".")
        return suffixes.privatesuffix(name) or name
    if address.version == 4:
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(IPv6Network((int(address) >> 64 << 64, 64)))
