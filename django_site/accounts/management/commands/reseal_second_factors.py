"""``manage.py reseal_second_factors``: the step of a change of SECRET_KEY that seeds of second
factors need."""

from typing import Any

from allauth.mfa.models import Authenticator
from django.core.management.base import BaseCommand, CommandError

from django_site.second_factor.reseal import reseal
from shared.errors import ConfigurationError


class Command(BaseCommand):
    """Idempotent; runs beside a live service."""

    help = (
        "Encrypts the seeds of all second factors under the current GATEHOUSE_SECRET_KEY. Run it "
        "after a change of that "
        "secret, before the former one leaves GATEHOUSE_SECRET_KEY_FALLBACKS."
    )

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Seal again what isn't current. Raises CommandError when no listed secret opens a seed."""
        try:
            changed = reseal(Authenticator.objects)
        except ConfigurationError as error:
            raise CommandError(error.message) from error
        self.stdout.write(f"second factors sealed again: {changed}")
