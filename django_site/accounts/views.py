# mypy: disallow-subclassing-any=False
# (django-allauth has no types.)
"""The pages that are not django-allauth's own: the note on the log-in page, and errors."""

import sys
from typing import Any

from allauth.account.views import LoginView as AllauthLoginView
from django.contrib import messages
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from django_site.accounts import throttle
from django_site.security_log import note
from django_site.sessions.middleware import mark_outage
from shared.errors import StoreUnavailable

TOO_MANY_RETRY_AFTER_S = 60

# Why someone was sent to log in: the API puts the code in the address, only these are shown.
REASONS = {
    "login_required": _("Please log in to see that page."),
    "recent_login_required": _(
        "That page needs a fresh log-in. Please prove again that it is you."
    ),
    "email_unverified": _("That page is for people with a verified e-mail address."),
    "permission_denied": _("Your account may not see that page."),
    "session_expired": _(
        "You were logged out because your session had ended. Please log in again."
    ),
}
# Where someone who is logged in already can do something about it.
_REMEDIES = {
    "recent_login_required": "account_reauthenticate",
    "email_unverified": "account_email",
    "permission_denied": "home",
}


@require_safe
def favicon(_request: HttpRequest) -> HttpResponse:
    """Lead to the picture: our pages name it themselves, the admin's don't."""
    return redirect(static("gatehouse/logo.svg"))


class LoginView(AllauthLoginView):
    """django-allauth's, with a note that says why one was sent here."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Send someone who is logged in to the remedy:
        back to where they came from would be a loop."""
        reason = request.GET.get("reason", "")
        remedy = _REMEDIES.get(reason)
        if remedy and request.method == "GET" and request.user.is_authenticated:
            messages.info(request, REASONS[reason])
            way_back = request.GET.get(REDIRECT_FIELD_NAME, "")
            return HttpResponseRedirect(
                f"{reverse(remedy)}?{urlencode({REDIRECT_FIELD_NAME: way_back})}"
            )
        response: HttpResponseBase = throttle.refuse_page(request) or super().dispatch(
            request, *args, **kwargs
        )
        return response

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add ``reason``, the note's text."""
        reason = REASONS.get(self.request.GET.get("reason", ""))
        return {**super().get_context_data(**kwargs), "reason": reason}


def too_many_requests(request: HttpRequest) -> HttpResponse:
    """Answer 429 when a rate limit is reached, and say so in the security log."""
    match = request.resolver_match
    note("rate limit reached", is_warning=True, page=str(match.view_name) if match else "")
    response = render(request, "429.html", status=429)
    response["Retry-After"] = str(TOO_MANY_RETRY_AFTER_S)
    return response


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer 500, or 503 when the reason is that Redis is away.
    Reads no session, user or database."""
    error = sys.exc_info()[1]
    if isinstance(error, StoreUnavailable):
        return mark_outage(request, error)
    return HttpResponse(render_to_string("500.html"), status=500)
