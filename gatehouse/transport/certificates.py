"""Which certificates are trusted: the same ones wherever this package asks a service."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl


def trust_for(address: str) -> "ssl.SSLContext":
    """Return what a connection to an address trusts: the system's authorities, or those of
    SSL_CERT_FILE and SSL_CERT_DIR. httpx has its own list, which knows no authority of a firm's."""
    import ssl  # a command that asks nobody starts without it

    if address.startswith("https:"):
        return ssl.create_default_context()
    # Reading the certificates of the world takes longer than all the rest of a start;
    # plain HTTP needs none.
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
