"""Under httpx: each request over a connection of its own, made by a GuardedBackend,
ended with the response."""

import ssl
from collections.abc import Iterator

import httpcore
import httpx

from flask_api.tasks.web.fetching.addresses import Network
from flask_api.tasks.web.fetching.network import GuardedBackend, NameLookups
from flask_api.tasks.web.fetching.politeness import HostSlots


class GuardedTransport(httpx.BaseTransport):
    """Sends each request over a new connection,
    within the budget that its ``budget`` extension holds. Thread-safe."""

    def __init__(
        self,
        allowed_networks: tuple[Network, ...],
        *,
        lookups: NameLookups,
        hosts: HostSlots,
        ssl_context: ssl.SSLContext,
    ) -> None:
        self._allowed_networks = allowed_networks
        self._lookups = lookups
        self._hosts = hosts
        self._ssl_context = ssl_context

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Return the response as soon as its headers are there."""
        backend = GuardedBackend(
            allowed_networks=self._allowed_networks,
            lookups=self._lookups,
            hosts=self._hosts,
            budget=request.extensions["budget"],
        )
        # No connection outlives its request: the next one is resolved and checked afresh.
        pool = httpcore.ConnectionPool(
            ssl_context=self._ssl_context,
            max_connections=1,
            max_keepalive_connections=0,
            network_backend=backend,
        )
        url = request.url
        target = request.extensions.get("target", url.raw_path)
        where = httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=target)
        try:
            response = pool.handle_request(
                httpcore.Request(request.method, where, headers=request.headers.raw)
            )
        except BaseException:
            _end(pool, backend)
            raise
        return httpx.Response(
            response.status, headers=response.headers, stream=_Body(response, pool, backend)
        )


class _Body(httpx.SyncByteStream):
    """The body of a response, and the connection that ends with it."""

    def __init__(
        self, response: httpcore.Response, pool: httpcore.ConnectionPool, backend: GuardedBackend
    ) -> None:
        self._response = response
        self._pool = pool
        self._backend = backend

    def __iter__(self) -> Iterator[bytes]:
        return self._response.iter_stream()

    def close(self) -> None:
        try:
            self._response.close()
        finally:
            _end(self._pool, self._backend)


def _end(pool: httpcore.ConnectionPool, backend: GuardedBackend) -> None:
    try:
        pool.close()
    finally:
        backend.end_turn()
