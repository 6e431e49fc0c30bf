"""What is decided about a request before either application sees it, whatever server runs:
is its host served?

And what an operator must hear about the proxy in front. The log says each once, or once in a while:
strangers choose how often.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from shared.http.client_address import client_address
from shared.http.hosts import is_served
from shared.http.raw_response import raw_answer

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

    from shared.settings import ContractSettings

log = logging.getLogger("gatehouse.server")
security_log = logging.getLogger("gatehouse.security")

# One line about refused hosts in so many seconds; it says how many there were.
_LOG_EVERY_S = 10.0
# In the environ: this was asked under any host, and may be.
# An inner check need not refuse what the outer one let through.
ANY_HOST = "gatehouse.any_host"

# So many requests that a proxy seems to have passed on are no accident.
_FORWARDED_MIN = 20
_SHOWN = 100


class Edge:
    """An application behind the check. ``open_paths`` may be asked under any host:
    probes ask by address. Thread-safe.

    They are paths below the mount, wherever that is.
    """

    def __init__(
        self,
        application: "WSGIApplication",
        settings: "ContractSettings",
        *,
        open_paths: tuple[str, ...] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._application = application
        self._settings = settings
        self._open_paths = open_paths
        self._clock = clock
        self._lock = threading.Lock()
        self._refused = 0
        self._next_line_at = clock()
        self._forwarded = 0

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Answer one request: 400 under a host that is not served."""
        if "HTTP_X_FORWARDED_FOR" in environ or not environ.get("REMOTE_ADDR"):
            self._notice_proxy(environ)
        if is_served(environ.get("HTTP_HOST", ""), self._settings.allowed_hosts):
            return self._application(environ, start_response)
        if environ.get(ANY_HOST) or environ.get("PATH_INFO", "") in self._open_paths:
            environ[ANY_HOST] = True
            return self._application(environ, start_response)
        self._note_refusal(environ)
        headers, body = raw_answer(400, "Bad Request", production=self._settings.production)
        start_response("400 Bad Request", headers)
        return [body]

    def _note_refusal(self, environ: "WSGIEnvironment") -> None:
        with self._lock:
            self._refused += 1
            if self._clock() < self._next_line_at:
                return
            count, self._refused = self._refused, 0
            self._next_line_at = self._clock() + _LOG_EVERY_S
        peer, forwarded_for = (
            environ.get("REMOTE_ADDR", ""),
            environ.get("HTTP_X_FORWARDED_FOR", ""),
        )
        address = client_address(
            peer=peer, forwarded_for=forwarded_for, trusted_proxy=self._settings.trusted_proxy
        )
        shown = {
            "host": environ.get("HTTP_HOST", "")[:_SHOWN],
            "address": address,
            "refused": count,
        }
        security_log.warning("a host that GATEHOUSE_ALLOWED_HOSTS doesn't list", extra=shown)

    def _notice_proxy(self, environ: "WSGIEnvironment") -> None:
        """Warn, once in this process, of a proxy that is not trusted,
        or does not say for whom it asks."""
        if self._forwarded >= _FORWARDED_MIN or (
            self._settings.trusted_proxy and _has_address(environ)
        ):
            return
        self._forwarded += 1
        if not environ.get("REMOTE_ADDR"):
            self._forwarded = _FORWARDED_MIN
            log.warning(
                "requests come over a Unix socket, which has no client address: nobody can log in. "
                "GATEHOUSE_TRUSTED_PROXY=true trusts the X-Forwarded-For of the proxy in front, "
                "which must send one"
            )
        elif self._forwarded == _FORWARDED_MIN:
            log.warning(
                "X-Forwarded-For keeps coming and GATEHOUSE_TRUSTED_PROXY is off: if a proxy of "
                "yours is in front, all "
                "its clients share one limit on failed log-ins and one share of connections; true "
                "tells them apart"
            )


def _has_address(environ: "WSGIEnvironment") -> bool:
    return bool(environ.get("REMOTE_ADDR") or environ.get("HTTP_X_FORWARDED_FOR"))
