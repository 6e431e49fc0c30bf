"""The page that an invitation's link opens."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from django_site.security_log import note
from django_site.signup.addresses import has_account
from django_site.signup.invitations import accept, refer_to_account


@require_safe
def invitation(request: HttpRequest, token: str) -> HttpResponse:
    """Go on to the sign-up, at an address without the token; 410 when the link no longer counts."""
    if request.user.is_authenticated:
        messages.info(
            request,
            _("You have an account already. The invitation is for somebody without one."),
        )
        return redirect("home")
    accepted = accept(request, token)
    if accepted is None:
        return render(request, "account/invitation_gone.html", status=410)
    note("invitation opened", invitation=accepted.pk)
    if has_account(accepted.email):
        return refer_to_account(request)
    return redirect("account_signup")
