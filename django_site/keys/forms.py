"""What may be asked of a new key: one form, for the page and for the JSON client."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.utils.translation import gettext_lazy as _

from django_site.contract import contract_settings
from django_site.keys.models import NAME_MAX_LENGTH
from shared.contract.api_keys import (
    SCOPES,
    SERVICE_SCOPE_PREFIX,
    TASK_SCOPE_PREFIX,
    is_scope,
)

DEFAULT_DAYS = 90
MAX_SCOPES = 50

_LABELS = {
    "jobs:read": _("See my jobs and their results"),
    "jobs:submit": _("Submit jobs of any task"),
    "jobs:cancel": _("Cancel jobs, delete ended ones"),
    "jobs:operate": _("Do so with other people's jobs, for operators"),
    "operate:read": _("See what runs and everybody's jobs, for operators"),
    "operate:write": _("Pause tasks and act on many jobs at once, for operators"),
}


def default_days() -> int:
    """Return the life of a key whose person asks for nothing else, in days."""
    return min(DEFAULT_DAYS, contract_settings().key_max_days)


def _check_name(name: str) -> None:
    """Refuse control characters and those that reorder text:
    the name stands in lists, e-mails and logs."""
    if not name.isprintable():
        raise ValidationError(
            _("Use letters, digits, spaces and punctuation only."), code="unprintable"
        )


class ScopesField(forms.MultipleChoiceField):
    """The jobs scopes as checkboxes; the scope of a task is accepted too."""

    def validate(self, value: list[str]) -> None:
        """Check every scope, and first how many they are.
        Raises ValidationError, which repeats no input."""
        if len(value) > MAX_SCOPES:
            raise ValidationError(
                _("At most %(most)s scopes.") % {"most": MAX_SCOPES}, code="too_many"
            )
        if not all(is_scope(scope) for scope in value):
            named = (f"{TASK_SCOPE_PREFIX}<task name>", f"{SERVICE_SCOPE_PREFIX}<service>")
            accepted = ", ".join([*SCOPES, *named])
            words = _("There is a scope that does not exist. Accepted: %(scopes)s.")
            raise ValidationError(words % {"scopes": accepted}, code="unknown")


class KeyForm(forms.Form):
    """Name, scopes and expiry of a key. ``cleaned_data["scopes"]`` has the scopes of tasks in
    it."""

    name = forms.CharField(
        label=_("Name"),
        max_length=NAME_MAX_LENGTH,
        validators=[_check_name],
        help_text=_("What will use this key, for example: nightly report."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    scopes = ScopesField(
        required=False,
        label=_("It may"),
        choices=[(scope, _LABELS[scope]) for scope in SCOPES],
        initial=["jobs:read", "jobs:submit"],
        widget=forms.CheckboxSelectMultiple,
    )
    tasks = forms.CharField(
        required=False,
        label=_("Submit jobs of these tasks"),
        max_length=MAX_SCOPES * 101,
        help_text=_(
            "For a key that may not submit jobs of any task: names with spaces between, such "
            "as primes.sum."
        ),
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}
        ),
    )
    services = forms.CharField(
        required=False,
        label=_("Use these services"),
        max_length=MAX_SCOPES * 65,
        help_text=_("Services behind this log-in that take keys: names with spaces between."),
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}
        ),
    )
    expires_in_days = forms.IntegerField(label=_("Expires in days"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        longest = contract_settings().key_max_days
        days = self.fields["expires_in_days"]
        days.initial = default_days()
        days.help_text = _("From 1 to %(most)s.") % {"most": longest}
        days.validators += [MinValueValidator(1), MaxValueValidator(longest)]
        days.widget.attrs.update({"min": 1, "max": longest})

    def clean(self) -> dict[str, Any]:
        """Add the tasks and the services to the scopes."""
        tasks = self._named(
            "tasks",
            TASK_SCOPE_PREFIX,
            _("Names of tasks have small letters, digits, dots and underscores."),
        )
        services = self._named(
            "services",
            SERVICE_SCOPE_PREFIX,
            _("Names of services have small letters, digits, dots, underscores and hyphens."),
        )
        scopes = {*self.cleaned_data.get("scopes", []), *tasks, *services}
        if len(scopes) > MAX_SCOPES and not self.errors:
            self.add_error("tasks", _("At most %(most)s scopes in all.") % {"most": MAX_SCOPES})
        return {**self.cleaned_data, "scopes": sorted(scopes)}

    def _named(self, field: str, prefix: str, wrong: Any) -> list[str]:
        """Return the scopes of the names in one field; tell what is none."""
        names = self.cleaned_data.get(field, "").replace(",", " ").split()
        scopes = [f"{prefix}{name}" for name in names]
        if not all(is_scope(scope) for scope in scopes):
            self.add_error(field, wrong)
        return scopes

    def wanted(self) -> dict[str, Any]:
        """Return the checked values as :func:`django_site.keys.issue.create_key` takes them."""
        return {name: self.cleaned_data[name] for name in ("name", "scopes", "expires_in_days")}
