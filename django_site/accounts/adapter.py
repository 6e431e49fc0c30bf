# mypy: disallow-subclassing-any=False
# (django-allauth has no types.)
"""Where the accounts differ from django-allauth's defaults."""

import logging
from smtplib import SMTPException
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core.exceptions import ImmediateHttpResponse
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext as _

from django_site.accounts import throttle
from django_site.accounts.device_cookie import remember_device
from django_site.client_address import current_address
from django_site.language.choice import bring_along, language_of
from django_site.onward import is_onward
from django_site.security_log import note
from django_site.signup.invitations import find_invitation
from django_site.signup.mails import tell_address_is_known
from shared.http.client_address import customer_of

log = logging.getLogger("gatehouse.mail")

_BEGUN_WITH = "gatehouse_login_begun_with"


class AccountAdapter(DefaultAccountAdapter):
    """django-allauth's, but a mail server that is away doesn't turn a finished sign-up into an
    error page."""

    def get_client_ip(self, request: HttpRequest) -> str:  # noqa: ARG002  # the base's name; of this request, too
        """Return the client's address as all else counts and logs it;
        of IPv6 the network, since one customer has 2**80.

        Without one (a Unix socket, and no trusted proxy) failures can't be counted:
        the answer says what to set.
        """
        address = current_address()
        if not address:
            raise ImmediateHttpResponse(
                HttpResponse(render_to_string("no_client_address.html"), status=503)
            )
        return customer_of(address)

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Send one e-mail; when that fails, log why and tell the person on the page."""
        try:
            with language_of(context.get("user")):
                super().send_mail(template_prefix, email, context)
        except (OSError, SMTPException):
            log.exception("e-mail not sent", extra={"template": template_prefix})
            messages.error(
                self.request,
                _("We could not send you an e-mail just now. Please try again later."),
            )

    def is_safe_url(self, url: str) -> bool:
        """Tell whether a redirect may lead to ``url``, wherever it was asked for."""
        return is_onward(self.request, url)

    def pre_login(self, request: HttpRequest, user: Any, **kwargs: Any) -> HttpResponseBase | None:
        """Remember with which password the log-in began:
        a second factor may be asked for before it is done."""
        request.session[_BEGUN_WITH] = user.get_session_auth_hash()
        response: HttpResponseBase | None = super().pre_login(request, user, **kwargs)
        return response

    def login(self, request: HttpRequest, user: Any) -> None:
        """Log the person in, unless the password has changed since the log-in began:
        a reset ends what is half done."""
        begun_with = request.session.pop(_BEGUN_WITH, "")
        if not constant_time_compare(begun_with, user.get_session_auth_hash()):
            note(
                "log-in refused",
                is_warning=True,
                user_id=str(user.pk),
                reason="password_changed_meanwhile",
            )
            messages.info(request, _("Your password has changed meanwhile. Please log in again."))
            raise ImmediateHttpResponse(HttpResponseRedirect(reverse("account_login")))
        super().login(request, user)

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Tell whether this browser may sign up: GATEHOUSE_SIGNUP."""
        mode = settings.SITE.signup_mode
        return mode == "open" or (mode == "invited" and find_invitation(request) is not None)

    def send_confirmation_mail(
        self, request: HttpRequest, emailconfirmation: Any, signup: bool
    ) -> None:
        """Send the link or, to who has proved this address already,
        the word that somebody typed it in."""
        if emailconfirmation.email_address.can_set_verified():
            super().send_confirmation_mail(request, emailconfirmation, signup)
        else:
            tell_address_is_known(request, emailconfirmation.email_address.email)

    def send_account_already_exists_mail(self, email: str) -> None:
        """Tell who has an account with this address that somebody signed up with it."""
        tell_address_is_known(self.request, email)

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Count the attempt where it belongs. Raises ValidationError when there were too many."""
        person = throttle.find_person(credentials)
        self._login_failed_rl_usage = throttle.take_attempt(request, credentials, person)
        if self._login_failed_rl_usage is None:
            named = throttle.named(credentials, person)
            note("log-in refused", is_warning=True, reason="too_many_attempts", **named)
            raise self.validation_error("too_many_login_attempts")

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:  # noqa: ARG002  # allauth's names
        """Write a wrong password, or a name that isn't there, to the security log."""
        person = throttle.find_person(credentials)
        reason = "unknown_name" if person is None else "wrong_password"
        note("log-in failed", is_warning=True, reason=reason, **throttle.named(credentials, person))

    def reauthenticate(self, user: Any, password: str) -> bool:
        """Tell whether this is the password of who is logged in.
        Raises ValidationError when too many were wrong."""
        is_right = throttle.check_current_password(self.request, user, password)
        if is_right is None:
            raise self.validation_error("too_many_login_attempts")
        return is_right

    def respond_user_inactive(self, request: HttpRequest, user: Any) -> HttpResponseBase:
        """Write it to the security log too."""
        note("log-in failed", is_warning=True, reason="deactivated", user_id=str(user.pk))
        response: HttpResponseBase = super().respond_user_inactive(request, user)
        return response

    def post_login(self, request: HttpRequest, user: Any, **kwargs: Any) -> HttpResponseBase:
        """Remember the browser as one of the person's."""
        response: HttpResponseBase = super().post_login(request, user, **kwargs)
        if language := getattr(user, "language", ""):
            bring_along(request, response, language)
        was_known = remember_device(request, response, user)
        note("logged in", user_id=str(user.pk), device="known" if was_known else "new")
        return response

    def _delete_login_attempts_cached_email(self, request: HttpRequest, **credentials: Any) -> None:
        person = throttle.find_person(credentials)
        if person is not None:
            throttle.forget_attempts_of(request, person)
