# mypy: disallow-subclassing-any=False
# (django-allauth has no types.)
"""The forms that differ from django-allauth's."""

from typing import Any

from allauth.account.forms import LoginForm as AllauthLoginForm
from django.utils.translation import gettext_lazy as _


class LoginForm(AllauthLoginForm):
    """django-allauth's, with a label that says what to type and a hint that password managers
    understand."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        login = self.fields["login"]
        login.label = _("Username or e-mail")
        login.widget.attrs.update(
            {"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"}
        )
        self.fields["remember"].label = _("Keep me logged in on this device")
