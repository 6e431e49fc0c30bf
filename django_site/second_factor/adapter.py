# mypy: disallow-subclassing-any=False
# (django-allauth has no types.)
"""Where second factors differ from django-allauth's defaults:
seeds are sealed, and a code of activation is a used code."""

from typing import Any

from allauth.core import context
from allauth.mfa.adapter import DefaultMFAAdapter, get_adapter
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.forms import ActivateTOTPForm as AllauthActivateTOTPForm
from allauth.mfa.totp.internal.auth import SECRET_SESSION_KEY, TOTP, generate_totp_secret
from django import forms

from django_site.second_factor.seal import seal, unseal


class MfaAdapter(DefaultMFAAdapter):
    """django-allauth's, with its hooks for secrets at rest."""

    def encrypt(self, text: str) -> str:
        """Return what is stored for ``text``."""
        return seal(text)

    def decrypt(self, encrypted_text: str) -> str:
        """Return what was stored. Raises ConfigurationError when no listed secret opens it."""
        return unseal(encrypted_text)


class ActivateTOTPForm(AllauthActivateTOTPForm):
    """django-allauth's, but the seed waits sealed in the session,
    and its first code can't be sent a second time."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.user = kwargs.pop("user")
        # django-allauth's would put the seed into the session as it is
        forms.Form.__init__(self, *args, **kwargs)
        session = context.request.session
        waiting = session.get(SECRET_SESSION_KEY) if self.is_bound else None
        self.secret = unseal(waiting) if waiting else generate_totp_secret()
        if not waiting:
            session[SECRET_SESSION_KEY] = seal(self.secret)

    def clean_code(self) -> str:
        """Check the code and use it up (RFC 6238, 5.2)."""
        code: str = super().clean_code()
        if not TOTP(Authenticator(user=self.user))._mark_code_used(code):
            raise get_adapter().validation_error("incorrect_code")
        return code
