"""Choose the one credential of a request, and refuse unsafe cross-site requests that ride on a
cookie.

The credential is chosen before it is judged: a request with an Authorization header is judged by it
alone, so a bad key beside a good cookie is 401 and never a way around the cross-site check. Source:
OWASP ASVS 5.0, 3.5.1 and 6.3.4; the cross-site rule is that of the Fetch Metadata specification,
with Origin (RFC 6454) for browsers without it.
"""

from collections.abc import Callable
from enum import StrEnum

from flask import Request

from shared.contract.authentication import Guards, Identity, Refusal
from shared.contract.entries import digest
from shared.contract.signed_requests import SCHEME
from shared.errors import AccessError, InsecureTransport, NotAuthenticated
from shared.http.cookies import find_cookie
from shared.http.logged_path import logged_path
from shared.http.origins import TrustedOrigins

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class CredentialKind(StrEnum):
    """By what a request says who it is."""

    NONE = "none"
    SESSION = "session"
    KEY = "key"
    SIGNED_REQUEST = "signed_request"


def require_https(request: Request, *, trusted_proxy: bool) -> None:
    """Raise InsecureTransport unless the request came over HTTPS,
    to us or to the one proxy that is believed."""
    forwarded = request.headers.get("X-Forwarded-Proto") if trusted_proxy else None
    if (forwarded or request.scheme) != "https":
        raise InsecureTransport("This service is asked over HTTPS only.")


class CrossSiteRefused(AccessError):
    """A browser sent this request from another site with the person's cookie."""

    code = "cross_site"


def identify(
    request: Request,
    guards: Guards,
    *,
    cookie_name: str,
    trusted: TrustedOrigins,
    is_plain: bool,
    signed: Callable[[str], Identity],
) -> Identity:
    """Return who the request acts as; pages of ``trusted`` origins may change things as this site's
    own may. ``signed`` judges the token of a signed request.

    Raises NotAuthenticated, AmbiguousCredentials, CrossSiteRefused or SessionStoreUnavailable.
    """
    kind, value = choose_credential(request, cookie_name)
    if kind is CredentialKind.KEY:
        return guards.identify_key(value)
    if kind is CredentialKind.SIGNED_REQUEST:
        return signed(value)
    if kind is CredentialKind.NONE:
        raise NotAuthenticated(Refusal.NO_CREDENTIAL)
    if request.method not in SAFE_METHODS and not (
        _is_same_origin(request, is_plain=is_plain) or _is_trusted(request, trusted)
    ):
        raise CrossSiteRefused(
            "Requests that change something are accepted from pages of this site only."
        )
    return guards.identify_session(value)


def choose_credential(request: Request, cookie_name: str) -> tuple[CredentialKind, str]:
    """Return the request's credential, unjudged.
    Any Authorization header comes before any cookie."""
    # From the environ: request.headers looks for the same through several layers.
    authorization = request.environ.get("HTTP_AUTHORIZATION")
    if authorization is not None:
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() == SCHEME.lower():
            return CredentialKind.SIGNED_REQUEST, token.strip()
        # Another scheme gives an empty token, which no guard accepts.
        return CredentialKind.KEY, token.strip() if scheme.lower() == "bearer" else ""
    cookie = find_cookie(request.environ.get("HTTP_COOKIE", ""), cookie_name)
    return (CredentialKind.NONE, "") if cookie is None else (CredentialKind.SESSION, cookie)


def credential_digest(request: Request, cookie_name: str) -> str:
    """Return what may stand in a log for the credential: the first 16 hex digits of its SHA-256."""
    return digest(choose_credential(request, cookie_name)[1])[:16]


def path_for_log(request: Request) -> str:
    """Return the path without what may open something for a reader of the log."""
    return logged_path(request.path)


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


def _is_trusted(request: Request, trusted: TrustedOrigins) -> bool:
    """Tell whether a page of a trusted origin sent the request: only the browser writes Origin."""
    return trusted.accepts(request.headers.get("Origin", ""))


def _host(netloc: str) -> str:
    return netloc.lower().removesuffix(":80").removesuffix(":443")
