"""Choose the one credential of a request, and refuse unsafe cross-site requests that ride on a
cookie.

The credential is chosen before it is judged: a request with an Authorization header is judged by it
alone, so a bad key beside a good cookie is 401 and never a way around the cross-site check. Source:
OWASP ASVS 5.0, 3.5.1 and 6.3.4; the cross-site rule is that of the Fetch Metadata specification,
with Origin (RFC 6454) for browsers without it.
"""

import logging
from enum import StrEnum
from typing import TYPE_CHECKING

from flask import Request

from flask_api.gate.signed_requests import SignedRequests
from shared.contract.authentication import Guards, Identity, Refusal
from shared.contract.entries import digest
from shared.contract.signed_requests import SCHEME
from shared.errors import AccessError, InsecureTransport, NotAuthenticated
from shared.http.cookies import find_cookie
from shared.http.logged_path import logged_path
from shared.http.origins import TrustedOrigins

if TYPE_CHECKING:
    from shared.settings import ApiSettings

security_log = logging.getLogger("gatehouse.security")

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class CredentialKind(StrEnum):
    """By what a request says who it is."""

    NONE = "none"
    SESSION = "session"
    KEY = "key"
    SIGNED_REQUEST = "signed_request"


class CrossSiteRefused(AccessError):
    """A browser sent this request from another site with the person's cookie."""

    code = "cross_site"


class Credentials:
    """The credentials of requests to one application, as its settings want them. Thread-safe."""

    def __init__(
        self, settings: "ApiSettings", guards: Guards, signed_requests: SignedRequests
    ) -> None:
        self._is_plain = not settings.production
        self._trusted_proxy = settings.trusted_proxy
        self._cookie_name = settings.cookie_name
        self._trusted = TrustedOrigins(settings.csrf_trusted_origins)
        self._guards = guards
        self._signed_requests = signed_requests

    def identify(self, request: Request) -> Identity:
        """Return who the request acts as; pages of trusted origins may change things as this site's
        own may.

        Raises NotAuthenticated (its reason goes to the security log only), AmbiguousCredentials,
        CrossSiteRefused, InsecureTransport or SessionStoreUnavailable.
        """
        if not self._is_plain:
            self._require_https(request)
        kind, value = self.choose(request)
        try:
            return self._judge(request, kind, value)
        except NotAuthenticated as error:
            shown = {"credential": digest(value)[:16], "path": logged_path(request.path)}
            security_log.info("refused", extra={"reason": str(error.reason), **shown})
            raise

    def choose(self, request: Request) -> tuple[CredentialKind, str]:
        """Return the request's credential, unjudged.
        Any Authorization header comes before any cookie. Raises AmbiguousCredentials."""
        # From the environ: request.headers looks for the same through several layers.
        authorization = request.environ.get("HTTP_AUTHORIZATION")
        if authorization is not None:
            scheme, _, token = authorization.partition(" ")
            if scheme.lower() == SCHEME.lower():
                return CredentialKind.SIGNED_REQUEST, token.strip()
            # Another scheme gives an empty token, which no guard accepts.
            return CredentialKind.KEY, token.strip() if scheme.lower() == "bearer" else ""
        cookie = find_cookie(request.environ.get("HTTP_COOKIE", ""), self._cookie_name)
        return (CredentialKind.NONE, "") if cookie is None else (CredentialKind.SESSION, cookie)

    def _judge(self, request: Request, kind: CredentialKind, value: str) -> Identity:
        if kind is CredentialKind.KEY:
            return self._guards.identify_key(value)
        if kind is CredentialKind.SIGNED_REQUEST:
            return self._signed_requests.identify(request, value)
        if kind is CredentialKind.NONE:
            raise NotAuthenticated(Refusal.NO_CREDENTIAL)
        # Only the browser writes Origin.
        if request.method not in SAFE_METHODS and not (
            _is_same_origin(request, is_plain=self._is_plain)
            or self._trusted.accepts(request.headers.get("Origin", ""))
        ):
            raise CrossSiteRefused(
                "Requests that change something are accepted from pages of this site only."
            )
        return self._guards.identify_session(value)

    def _require_https(self, request: Request) -> None:
        """Raise InsecureTransport unless the request came over HTTPS,
        to us or to the one proxy that is believed."""
        forwarded = request.headers.get("X-Forwarded-Proto") if self._trusted_proxy else None
        if (forwarded or request.scheme) != "https":
            raise InsecureTransport("This service is asked over HTTPS only.")


def _is_same_origin(request: Request, *, is_plain: bool) -> bool:
    """Tell whether no browser, or a page of this very origin, sent the request.

    Unless the service ``is_plain``, without HTTPS in front, a page at http:// is none of it:
    whoever is between its reader and this host may have written it.
    """
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site in ("same-origin", "none")  # none: typed by the person, not caused by a page
    origin = request.headers.get("Origin")
    if origin is None:
        return True
    # Cut, not parsed: nothing follows the host, and urlsplit raises for some of what clients send.
    # "null" has no host.
    scheme, _, netloc = origin.partition("://")
    host = _host(netloc)
    return bool(host) and host == _host(request.host) and (is_plain or scheme == "https")


def _host(netloc: str) -> str:
    return netloc.lower().removesuffix(":80").removesuffix(":443")
