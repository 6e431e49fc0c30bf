"""The one client for tasks that fetch from the web: guarded against being led to where the task may not go (SSRF).

    with GuardedClient(job.settings.web_allowed_networks) as client:
        with client.stream("https://example.org/", timeout_s=10, max_bytes=1_000_000) as reply:
            page = b"".join(reply.iter_body())

- Only http and https, no credentials in the URL; on public addresses the ports 80, 443 and from 1024 on.
- Every hop of a redirect is a new connection, resolved and checked again (see web_network); at most five.
- One time limit for the whole fetch: names, redirects, TLS, headers and body together.
- Nothing is taken from the environment (no proxy, no .netrc), no cookie is kept, nothing is decompressed: the body is
  counted and handed out as it came, so a compressed bomb stays as small as it was sent. ``identity`` is asked for.
"""

import functools
import ssl
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Self

import httpcore
import httpx

from flask_api.tasks.web_addresses import Network
from flask_api.tasks.web_errors import BadResponse, TimedOut, TooLarge, TooManyRedirects, UrlRefused
from flask_api.tasks.web_network import Budget, GuardedBackend, NameLookups, Resolver, resolve_by_system
from shared.version import VERSION

MAX_REDIRECTS = 5
MAX_HOST = 253
MAX_LABEL = 63
USER_AGENT = f"Gatehouse/{VERSION} (+web task)"
_HEADERS = {"User-Agent": USER_AGENT, "Accept": "*/*", "Accept-Encoding": "identity"}


class Reply:
    """What came back: the status, the headers and, once, the body."""

    def __init__(self, response: httpx.Response, *, max_bytes: int) -> None:
        self._response = response
        self._max_bytes = max_bytes
        self.status = response.status_code
        self.url = str(response.url)
        self.headers = response.headers

    def iter_body(self) -> Iterator[bytes]:
        """Give the body in pieces as they arrive. Raises TooLarge, before the first piece if the length is announced."""
        announced = self.headers.get("Content-Length", "")
        if announced.isdecimal() and int(announced) > self._max_bytes:
            raise self._too_large()
        received = 0
        for piece in self._response.iter_raw():
            received += len(piece)
            if received > self._max_bytes:
                raise self._too_large()
            yield piece

    def _too_large(self) -> TooLarge:
        return TooLarge(f"The body is longer than {self._max_bytes} bytes.")


class GuardedClient:
    """Fetch by GET from public addresses and allowed networks. Thread-safe; use it in a ``with`` block.

    ``ssl_context`` is for a private certificate authority; the default trusts certifi's.
    """

    def __init__(
        self,
        allowed_networks: Iterable[Network] = (),
        *,
        resolver: Resolver = resolve_by_system,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        self._closed = threading.Event()
        transport = _GuardedTransport(tuple(allowed_networks), NameLookups(resolver), ssl_context or _public_tls())
        self._client = httpx.Client(
            transport=transport,
            headers=_HEADERS,
            cookies=CookieJar(policy=DefaultCookiePolicy(allowed_domains=[])),
            trust_env=False,
            timeout=httpx.Timeout(None),  # the budget of each fetch is the limit
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        """End every fetch that is under way with FetchAborted: in 0.25 s, in 5 s while it connects. Idempotent."""
        self._closed.set()
        self._client.close()

    @contextmanager
    def stream(self, url: str, *, timeout_s: float, max_bytes: int) -> Iterator[Reply]:
        """Give the reply to a GET of ``url`` after redirects; any status is a reply. Raises a WebError, also in the block."""
        budget = Budget(timeout_s, closed=self._closed)
        with _as_web_errors():
            response = self._follow(url, budget)
            try:
                yield Reply(response, max_bytes=max_bytes)
            finally:
                response.close()

    def _follow(self, url: str, budget: Budget) -> httpx.Response:
        """Send, and send on. By hand: httpx itself would read the whole body of each redirect first."""
        with _reading_urls():
            request = self._client.build_request("GET", url, extensions={"budget": budget})
        for _ in range(MAX_REDIRECTS + 1):
            _refuse_odd_url(request.url)
            with _reading_urls():  # it reads the Location too
                response = self._client.send(request, stream=True)
            if response.next_request is None:
                return response
            response.close()
            request = response.next_request
        raise TooManyRedirects(f"There are more than {MAX_REDIRECTS} redirects.")


class _GuardedTransport(httpx.BaseTransport):
    """Sends each request over a connection of its own, made by a GuardedBackend with the request's budget."""

    def __init__(self, allowed_networks: tuple[Network, ...], lookups: NameLookups, ssl_context: ssl.SSLContext) -> None:
        self._allowed_networks = allowed_networks
        self._lookups = lookups
        self._ssl_context = ssl_context

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        backend = GuardedBackend(
            allowed_networks=self._allowed_networks, lookups=self._lookups, budget=request.extensions["budget"]
        )
        # No connection outlives its request: the next one is resolved and checked afresh.
        pool = httpcore.ConnectionPool(
            ssl_context=self._ssl_context, max_connections=1, max_keepalive_connections=0, network_backend=backend
        )
        url = request.url
        target = httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)
        try:
            response = pool.handle_request(httpcore.Request(request.method, target, headers=request.headers.raw))
        except BaseException:
            pool.close()
            raise
        return httpx.Response(response.status, headers=response.headers, stream=_Body(response, pool))


class _Body(httpx.SyncByteStream):
    """The body of a response, and the connection that ends with it."""

    def __init__(self, response: httpcore.Response, pool: httpcore.ConnectionPool) -> None:
        self._response = response
        self._pool = pool

    def __iter__(self) -> Iterator[bytes]:
        return self._response.iter_stream()

    def close(self) -> None:
        self._response.close()
        self._pool.close()


@functools.cache
def _public_tls() -> ssl.SSLContext:
    """Read the trusted authorities once: it takes some 20 ms."""
    return httpx.create_ssl_context(trust_env=False)


def _refuse_odd_url(url: httpx.URL) -> None:
    if url.scheme not in ("http", "https"):
        raise UrlRefused("Only http and https URLs are fetched.")
    if url.userinfo:
        raise UrlRefused("A URL with a user name or password in it is not fetched.")
    if url.port == 0:  # httpcore would take it for the default port
        raise UrlRefused("There is no port 0.")
    # Else an empty or overlong label would surface as a ValueError deep inside TLS.
    labels = url.raw_host.removesuffix(b".").split(b".")
    if len(url.raw_host) > MAX_HOST or any(not 0 < len(label) <= MAX_LABEL for label in labels):
        raise UrlRefused("The URL has no valid host name.")


@contextmanager
def _reading_urls() -> Iterator[None]:
    """Refuse what httpx's URL parser and the idna package refuse; the latter's errors are UnicodeErrors."""
    try:
        yield
    except (httpx.InvalidURL, UnicodeError) as error:
        raise UrlRefused("The URL can't be read.") from error


@contextmanager
def _as_web_errors() -> Iterator[None]:
    """Turn what httpx and httpcore raise into WebErrors, so that no caller needs to know them."""
    try:
        yield
    except (httpx.UnsupportedProtocol, httpcore.UnsupportedProtocol, httpcore.LocalProtocolError) as error:
        raise UrlRefused("The URL can't be read.") from error
    except httpcore.TimeoutException as error:
        raise TimedOut("The server took too long.") from error
    except (httpcore.ProtocolError, httpcore.NetworkError, httpx.TransportError) as error:
        raise BadResponse("The answer is not valid HTTP, or broke off.") from error
