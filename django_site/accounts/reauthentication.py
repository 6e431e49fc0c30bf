"""Ask for the password again before a sensitive step, without keeping the step.

django-allauth's own handler stores the interrupted POST in the session to resume it: its body, and
its headers with the session cookie in them.
Sessions must hold no usable credential, so the person comes back to the form instead.
"""

from collections.abc import Callable

from allauth.account.adapter import get_adapter
from allauth.core.exceptions import ReauthenticationRequired
from django.contrib import messages
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _


class ReauthenticationMiddleware:
    """Answer ReauthenticationRequired before django-allauth's middleware does:
    belongs after it in MIDDLEWARE."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Pass the request on."""
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Redirect to the page that asks, with the way back;
        leave every other exception to others."""
        if not isinstance(exception, ReauthenticationRequired):
            return None
        if request.method != "GET":
            messages.info(request, _("First confirm that it is you. Then send the form once more."))
        methods = get_adapter().get_reauthentication_methods(request.user)
        where = methods[0]["url"] if methods else reverse("account_login")
        return HttpResponseRedirect(
            f"{where}?{urlencode({REDIRECT_FIELD_NAME: request.get_full_path()})}"
        )
