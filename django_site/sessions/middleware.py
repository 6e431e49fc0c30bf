"""Sessions on Django's side: an outage is a 503 page, two session cookies are a 400,
use renews the idle lifetime.

Django's own middleware, when its store fails once, shows an anonymous page and deletes the cookie.
Here the session is read before the view; when the store is away,
whatever part of the request finds out, no session and no cookie is touched.
"""

import logging
import time

from django.conf import settings
from django.contrib.sessions.exceptions import SessionInterrupted
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest, HttpResponse
from django.template import TemplateDoesNotExist
from django.template.loader import render_to_string

from django_site.client_address import client_address
from django_site.contract import contract_settings
from django_site.sessions.engine import SessionStore
from django_site.sessions.index import SEEN
from django_site.sessions.two_cookies import answer_two_cookies
from shared.contract.session import USER_ID
from shared.errors import AmbiguousCredentials, SessionStoreUnavailable, StoreUnavailable
from shared.http.cookies import find_cookie
from shared.http.logged_path import logged_path

log = logging.getLogger("gatehouse.sessions")

_RENEW_EVERY_S = 300
# Sent by a page that brings itself up to date: nobody may be sitting before it.
_BACKGROUND = "HTTP_X_GATEHOUSE_BACKGROUND"
_PLAIN_PAGE = (
    "<!doctype html><title>Unavailable</title><h1>Unavailable</h1><p>Please try again in a moment. "
    "You stay logged in.</p>"
)


class GatehouseSessionMiddleware(SessionMiddleware):
    """Django's SessionMiddleware over our engine. Raises nothing;
    marks the request when the store is away."""

    def process_request(self, request: HttpRequest) -> HttpResponse | None:  # type: ignore[override]
        """Attach the session, read already, or answer at once."""
        try:
            key = find_cookie(request.META.get("HTTP_COOKIE", ""), settings.SESSION_COOKIE_NAME)
        except AmbiguousCredentials as error:
            return answer_two_cookies(request, error)
        session = SessionStore(key)
        request.session = session
        try:
            if session.session_key:
                session.get(USER_ID)
                session.accessed = False  # read by us, not by the view: no Vary header for it
        except SessionStoreUnavailable as error:
            return mark_outage(request, error)
        return None

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Turn an outage in a view into the 503 page."""
        return (
            mark_outage(request, exception)
            if isinstance(exception, SessionStoreUnavailable)
            else None
        )

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        """Save the session and set its cookie as Django does, unless the store is away."""
        if getattr(request, "gatehouse_outage", None) is not None or not hasattr(
            request, "session"
        ):
            return response
        was_modified = request.session.modified
        renewed_only = _renew(request) and not was_modified
        try:
            return super().process_response(request, response)
        except SessionStoreUnavailable as error:
            return mark_outage(request, error)
        except SessionInterrupted:
            if renewed_only:  # logged out elsewhere in this moment: the page itself changed nothing
                return response
            raise


def mark_outage(request: HttpRequest, error: StoreUnavailable) -> HttpResponse:
    """Return the 503 page, and see to it that nothing of the session or its cookie is touched on
    the way out."""
    request.gatehouse_outage = error  # type: ignore[attr-defined]
    log.warning("session store unavailable", extra={"path": logged_path(request.path)})
    try:
        # No request in the context: context processors would ask for the user,
        # and so for the session.
        page: str = render_to_string("503.html")
    except TemplateDoesNotExist:  # a site that adopted the engine and has no page of its own
        page = _PLAIN_PAGE
    return HttpResponse(page, status=503, headers={"Retry-After": str(error.retry_after_s)})


def _renew(request: HttpRequest) -> bool:
    """Note when and from where a logged-in session was last used;
    saving it renews the idle lifetime."""
    if not request.session.get(USER_ID) or _BACKGROUND in request.META:
        return False
    now = int(time.time())
    seen = request.session.get(SEEN)
    every_s = min(_RENEW_EVERY_S, contract_settings().session_idle_s // 10)
    # A note of the future, by a clock that was ahead, is no reason to wait for that time.
    if isinstance(seen, dict) and 0 <= now - int(seen.get("at", 0)) < every_s:
        return False
    request.session[SEEN] = {
        "at": now,
        "address": client_address(request),
        "user_agent": request.META.get("HTTP_USER_AGENT", "")[:300],
    }
    return True
