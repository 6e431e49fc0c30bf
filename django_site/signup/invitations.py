"""Invitations: staff names an address, its owner gets a link that lets them sign up with it, once.

The link holds the invitation's id, signed under a salt of its own with the site's SECRET_KEY; the
row says whether it still counts. Opening the link only notes the invitation in the browser's
session: a scanner of mails uses nothing up. The address needs no further proof:
the link was sent to it.
"""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core import signing
from django.http import HttpRequest, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from django_site.signup.models import Invitation

VALID_DAYS = 7
_SALT = "gatehouse.invitation"
_SESSION_KEY = "gatehouse_invitation"
_MAX_LENGTH = 200


def token_of(invitation: Invitation) -> str:
    """Return what stands in the link."""
    return signing.dumps(invitation.pk, salt=_SALT)


def accept(request: HttpRequest, token: str) -> Invitation | None:
    """Note the invitation of a link in the session;
    None when the link is forged, used, withdrawn or too old."""
    try:
        pk = (
            signing.loads(token, salt=_SALT, max_age=VALID_DAYS * 86_400)
            if len(token) <= _MAX_LENGTH
            else None
        )
    except signing.BadSignature:
        return None
    invitation: Invitation | None = Invitation.objects.valid().filter(pk=pk).first()
    if invitation is not None and settings.SITE.signup_mode != "closed":
        request.session[_SESSION_KEY] = invitation.pk
        return invitation
    return None


def find_invitation(request: HttpRequest) -> Invitation | None:
    """Return the valid invitation that this browser came with, None when there is none."""
    pk: Any = request.session.get(_SESSION_KEY)
    found: Invitation | None = (
        None if pk is None else Invitation.objects.valid().filter(pk=pk).first()
    )
    return found


def refer_to_account(request: HttpRequest) -> HttpResponseRedirect:
    """Send who was invited, and so has proved the address, to the account that it has already."""
    request.session.pop(_SESSION_KEY, None)
    messages.info(
        request,
        _(
            "There is an account with the address that was invited. "
            "Log in, or ask for a new password."
        ),
    )
    return HttpResponseRedirect(reverse("account_login"))


def use(request: HttpRequest, invitation: Invitation) -> bool:
    """Use the invitation up; False when somebody was quicker. Atomic;
    belongs into the sign-up's transaction."""
    request.session.pop(_SESSION_KEY, None)
    return bool(Invitation.objects.valid().filter(pk=invitation.pk).update(used_at=timezone.now()))
