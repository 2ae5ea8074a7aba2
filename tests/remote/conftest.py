"""Servers and clients for the tests of outbound requests."""

import datetime
import ssl
from collections.abc import AsyncIterator, Callable
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from remote.peers import Peer, StartPeer, Tls
from support.waiting import PATIENCE

from fedblog.remote.client import RemoteClient
from fedblog.settings import Settings


@pytest.fixture
async def start_peer() -> AsyncIterator[StartPeer]:
    """``await start_peer("127.0.2.1")``: another server, stopped at the end."""
    peers: list[Peer] = []

    async def start(
        host: str = "127.0.0.1", context: ssl.SSLContext | None = None, port: int = 0
    ) -> Peer:
        peer = Peer(host, port)
        await peer.start(context)
        peers.append(peer)
        return peer

    yield start
    for peer in peers:
        await peer.stop()


@pytest.fixture
async def peer(start_peer: StartPeer) -> Peer:
    """A server on 127.0.0.1."""
    return await start_peer()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Loopback open, small bounds."""
    return Settings(
        data_dir=tmp_path / "data",
        allow_private_network=True,
        fetch_max_bytes=64 * 1024,
        fetch_timeout=PATIENCE,
        delivery_timeout=PATIENCE,
    )


@pytest.fixture
async def make_client() -> AsyncIterator[Callable[[Settings], RemoteClient]]:
    """``make_client(settings)``: a client that is closed at the end."""
    clients: list[RemoteClient] = []

    def make(settings: Settings) -> RemoteClient:
        client = RemoteClient(settings, user_agent="fedblog-test/1 (+http://blog.example/)")
        clients.append(client)
        return client

    yield make
    for client in clients:
        await client.close()


@pytest.fixture
def client(make_client: Callable[[Settings], RemoteClient], settings: Settings) -> RemoteClient:
    """A client under *settings*."""
    return make_client(settings)


@pytest.fixture
def strict_client(
    make_client: Callable[[Settings], RemoteClient], settings: Settings
) -> RemoteClient:
    """A client as in production: no loopback, no plain http."""
    return make_client(settings.model_copy(update={"allow_private_network": False}))


@pytest.fixture(scope="session")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Tls:
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "fedblog test")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(
            x509.SubjectAlternativeName(
                [x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))]
            ),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    ca_file, key_file = folder / "ca.pem", folder / "key.pem"
    ca_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(ca_file, key_file)
    return Tls(ca_file, context)
