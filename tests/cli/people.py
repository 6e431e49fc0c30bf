"""People of a running service: made beside it, in its own database."""

import json
from dataclasses import dataclass

from tests.e2e.service import ServiceProcess

PASSWORD = "correct horse battery 9"

_CREATE = """
import json, sys, django
django.setup()
from allauth.account.models import EmailAddress
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django_site.accounts.models import User
name, password, has_second_factor = sys.argv[1], sys.argv[2], sys.argv[3] == "True"
person = User.objects.create_user(name, email=f"{name}@example.org", password=password)
EmailAddress.objects.create(user=person, email=person.email, verified=True, primary=True)
codes = []
if has_second_factor:
    TOTP.activate(person, generate_totp_secret())
    codes = RecoveryCodes.activate(person).get_unused_codes()
print(json.dumps(codes))
"""
_FORGET_LIMITS = "import django; django.setup(); from django.core.cache import cache; cache.clear()"


@dataclass(frozen=True, kw_only=True)
class Person:
    """Somebody with PASSWORD; ``codes`` are what the second factor's page takes, each once."""

    name: str
    codes: list[str]


def new_person(service: ServiceProcess, name: str, *, has_second_factor: bool = False) -> Person:
    """Create a person."""
    codes = json.loads(
        service.run("-c", _CREATE, name, PASSWORD, str(has_second_factor)).splitlines()[-1]
    )
    return Person(name=name, codes=codes)


def forget_limits(service: ServiceProcess) -> None:
    """Let everyone try to log in again."""
    service.run("-c", _FORGET_LIMITS)
