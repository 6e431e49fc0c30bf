"""The guarded client and certificates."""

import datetime
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from flask_api.tasks.web.errors import (
    ConnectFailed,
)
from flask_api.tasks.web.fetching.access import GuardedClient
from tests.integration.tasks.web_server import LOCAL, WebServer, fetch, running_server


def self_signed(folder: Path, name: str, *, valid_h: int = 24) -> Path:
    """Write a certificate for ``name`` and its key into one file; it expires in so many hours."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder(
        subject, subject, key.public_key(), x509.random_serial_number()
    )
    builder = builder.not_valid_before(now - datetime.timedelta(days=2)).not_valid_after(
        now + datetime.timedelta(hours=valid_h)
    )
    builder = builder.add_extension(
        x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False
    )
    certificate = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    path = folder / "server.pem"
    path.write_bytes(certificate + key.private_bytes(pem, pkcs8, serialization.NoEncryption()))
    return path


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate for site.test, with its key."""
    return self_signed(tmp_path, "site.test")


@pytest.fixture
def tls_server(certificate: Path) -> Iterator[WebServer]:
    """A TLS server on 127.0.0.1 that says it is site.test."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with running_server(tls=context) as running:
        yield running


def test_tls_certificate_is_checked_against_the_name_not_the_address(
    tls_server: WebServer, certificate: Path
) -> None:
    """Connecting by address leaves the name in the handshake;
    silence longer than a slice breaks nothing."""
    trusting = ssl.create_default_context(cafile=str(certificate))
    with GuardedClient(
        LOCAL, resolver=lambda host, port: ["127.0.0.1"], ssl_context=trusting
    ) as client:
        assert fetch(client, tls_server.url("/late", host="site.test")) == b"late"
        with pytest.raises(ConnectFailed, match="TLS failed"):
            fetch(client, tls_server.url("/size/3", host="other.test"))


def test_tls_certificate_of_unknown_authority_is_refused(tls_server: WebServer) -> None:
    """By default the public authorities are trusted and no other."""
    refusal = pytest.raises(ConnectFailed, match="TLS failed: self-signed certificate")
    with GuardedClient(LOCAL, resolver=lambda host, port: ["127.0.0.1"]) as client, refusal:
        fetch(client, tls_server.url("/size/3", host="site.test"))
