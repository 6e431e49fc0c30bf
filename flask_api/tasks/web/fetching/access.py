"""The one client for tasks that fetch from the web:
guarded against being led to where the task may not go (SSRF).

    with GuardedClient.of(job.settings) as client:
        with client.stream("https://example.org/", timeout_s=10, max_bytes=1_000_000) as reply:
            page = b"".join(reply.iter_body())

- Only http and https, no credentials in the URL; on public addresses the ports 80, 443 and from
  1024 on.
- Every hop of a redirect is a new connection, resolved and checked again (see network); at most
  five.
- One time limit for the whole fetch: names, redirects, TLS, headers and body together.
- One address gets a bounded number of connections at once from this process (see politeness).
- Nothing is taken from the environment (no proxy, no .netrc), no cookie is kept.
  The body is counted and handed out as it came, and ``identity`` is asked for;
  with ``unpack``, gzip is, and the limit holds while it is unpacked.
"""

import functools
import math
import ssl
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Literal, Self

import httpcore
import httpx

from flask_api.tasks.web.errors import BadResponse, TimedOut, TooManyRedirects, UrlRefused
from flask_api.tasks.web.fetching.addresses import Network
from flask_api.tasks.web.fetching.budget import Budget
from flask_api.tasks.web.fetching.network import NameLookups, Resolver, resolve_by_system
from flask_api.tasks.web.fetching.politeness import DEFAULT_LIMIT, HostSlots, process_slots
from flask_api.tasks.web.fetching.reply import Reply
from flask_api.tasks.web.fetching.transport import GuardedTransport
from flask_api.tasks.web.fetching.urls import with_slashes
from shared.settings import ApiSettings
from shared.version import VERSION

MAX_REDIRECTS = 5
MAX_HOST = 253
MAX_LABEL = 63
USER_AGENT = f"Gatehouse/{VERSION} (+web task)"
Method = Literal["GET", "HEAD"]


class GuardedClient:
    """Fetch from public addresses and allowed networks. Thread-safe; use it in a ``with`` block.

    ``lasts_s`` is for all its fetches together, waits for their turns included: what is not had by
    then is TimedOut. ``hosts`` bounds the connections to one address, by default together with all
    other clients of this process. ``ssl_context`` is for a private certificate authority;
    the default trusts certifi's.
    """

    def __init__(
        self,
        allowed_networks: Iterable[Network] = (),
        *,
        hosts: HostSlots | None = None,
        user_agent: str = "",
        resolver: Resolver = resolve_by_system,
        ssl_context: ssl.SSLContext | None = None,
        lasts_s: float = math.inf,
    ) -> None:
        self._closed = threading.Event()
        self._until = time.monotonic() + lasts_s
        self._client = httpx.Client(
            transport=GuardedTransport(
                tuple(allowed_networks),
                lookups=NameLookups(resolver),
                hosts=hosts or process_slots(DEFAULT_LIMIT),
                ssl_context=ssl_context or _public_tls(),
            ),
            headers={
                "User-Agent": user_agent or USER_AGENT,
                "Accept": "*/*",
                "Accept-Encoding": "identity",
            },
            cookies=CookieJar(policy=DefaultCookiePolicy(allowed_domains=[])),
            trust_env=False,
            timeout=httpx.Timeout(None),  # the budget of each fetch is the limit
        )

    @classmethod
    def of(cls, settings: ApiSettings, *, lasts_s: float = math.inf) -> Self:
        """Return a client that does as the operator's settings say."""
        return cls(
            settings.web_allowed_networks,
            hosts=process_slots(settings.web_host_connections),
            user_agent=settings.web_user_agent,
            lasts_s=lasts_s,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        """End every fetch that is under way with FetchAborted: in 0.25 s, in 5 s while it connects.
        Idempotent."""
        self._closed.set()
        self._client.close()

    @contextmanager
    def stream(
        self,
        url: str,
        *,
        timeout_s: float,
        max_bytes: int,
        method: Method = "GET",
        headers: Mapping[str, str] | None = None,
        unpack: bool = False,
        max_redirects: int = MAX_REDIRECTS,
        target: str = "",
    ) -> Iterator[Reply]:
        """Give the reply after redirects; any status is a reply.
        Raises a WebError, also in the block.

        With ``unpack`` the body may come packed by gzip and is handed out unpacked. With no
        redirect allowed at all, one is the reply. ``target``: path and query to ask for,
        byte for byte in ASCII; those of ``url`` are tidied (``/a/../b``).
        """
        budget = Budget(timeout_s, closed=self._closed, until=self._until)
        added = {**(headers or {}), **({"Accept-Encoding": "gzip"} if unpack else {})}
        with _as_web_errors():
            with _reading_urls():
                extensions = {
                    "budget": budget,
                    **({"target": target.encode("ascii")} if target else {}),
                }
                request = self._client.build_request(
                    method, with_slashes(url), headers=added, extensions=extensions
                )
            response = self._follow(request, max_redirects)
            try:
                yield Reply(response, max_bytes=max_bytes, unpack=unpack)
            finally:
                response.close()

    def _follow(self, request: httpx.Request, max_redirects: int) -> httpx.Response:
        """Send, and send on. By hand: httpx itself would read the whole body of each redirect
        first."""
        for _ in range(max_redirects + 1):
            _refuse_odd_url(request.url)
            with _reading_urls():  # it reads the Location too
                response = self._client.send(request, stream=True)
            if response.next_request is None or not max_redirects:
                return response
            response.close()
            request = response.next_request
            request.extensions.pop("target", None)  # it goes along otherwise
        raise TooManyRedirects(f"There are more than {max_redirects} redirects.")


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
    """Refuse what httpx's URL parser and the idna package refuse;
    the latter's errors are UnicodeErrors."""
    try:
        yield
    except (httpx.InvalidURL, UnicodeError) as error:
        raise UrlRefused("The URL can't be read.") from error


@contextmanager
def _as_web_errors() -> Iterator[None]:
    """Turn what httpx and httpcore raise into WebErrors, so that no caller needs to know them."""
    try:
        yield
    except (
        httpx.UnsupportedProtocol,
        httpcore.UnsupportedProtocol,
        httpcore.LocalProtocolError,
    ) as error:
        raise UrlRefused("The URL can't be read.") from error
    except httpcore.TimeoutException as error:
        raise TimedOut("The server took too long.") from error
    except (httpcore.ProtocolError, httpcore.NetworkError, httpx.TransportError) as error:
        raise BadResponse("The answer is not valid HTTP, or broke off.") from error
