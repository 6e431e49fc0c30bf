"""A server of TLS before a Valkey, for whom a test can put an impostor: one with another
certificate, who writes down what clients tell it."""

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from tests.integration.redis.fault_proxy import FaultProxy

_PATIENCE_S = 5.0
_PIECE = 4096


def context_of(certificate: Path) -> ssl.SSLContext:
    """Return what a server with this certificate, and its key, needs."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


class TlsProxy(FaultProxy):
    """One listening port on 127.0.0.1. Thread-safe: tests set ``impostor`` at any time.

    ``impostor``: who answers in its place; connections made from then on lead to nothing else.
    ``heard``: what each client that believed it said first. ``refusals``: how many did not.
    """

    def __init__(self, upstream: Path, certificate: Path) -> None:
        super().__init__(upstream)
        self.impostor: ssl.SSLContext | None = None
        self.heard: list[bytes] = []
        self.refusals = 0
        self._context = context_of(certificate)

    def tls_url(self, direct: str, *, scheme: str = "rediss") -> str:
        """Return the URL that does over TLS what ``direct``, a unix:// URL with credentials, does
        without."""
        credentials = urlsplit(direct).netloc.rpartition("@")[0]
        return f"{scheme}://{credentials}@localhost:{self.port}/0"

    def _serve(self, client: socket.socket) -> None:
        impostor = self.impostor
        client.settimeout(_PATIENCE_S)
        try:
            with (impostor or self._context).wrap_socket(client, server_side=True) as encrypted:
                if impostor:
                    self.heard.append(encrypted.recv(_PIECE))
                else:
                    super()._serve(encrypted)
        except OSError:
            self.refusals += 1

    def _pass_on(self, source: socket.socket, target: socket.socket, *, is_answer: bool) -> bool:
        """Move what there is: of what was decrypted already no selector tells."""
        while super()._pass_on(source, target, is_answer=is_answer):
            if not (isinstance(source, ssl.SSLSocket) and source.pending()):
                return True
        return False


@contextmanager
def tls_proxy(upstream: Path, certificate: Path) -> Iterator[TlsProxy]:
    """A proxy to this server for the length of the block."""
    proxy = TlsProxy(upstream, certificate)
    proxy.start()
    try:
        yield proxy
    finally:
        proxy.stop()
