"""``manage.py whois <cookie or key>``: who it is, or which guard refuses it and why."""

import sys
import time
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from django_site.contract import guards
from shared.contract.api_keys import PREFIX
from shared.contract.authentication import Identity
from shared.errors import NotAuthenticated, StoreUnavailable


class Command(BaseCommand):
    """Explain a credential as the gate would judge it now."""

    help = (
        "Says who a session cookie's value or an API key is, or which guard refuses it and why. "
        "Give - to read it from standard input, so that it stays out of the shell's history. "
        "Changes nothing."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the credential."""
        parser.add_argument(
            "credential",
            help="a session cookie's value, an API key (gh_...), or - for standard input",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Judge the credential; exit code 1 when it is refused."""
        credential = str(options["credential"])
        if credential == "-":
            credential = sys.stdin.readline().strip()
        try:
            if credential.startswith(PREFIX):
                identity = guards().identify_key(credential)
            else:
                identity = guards().identify_session(credential)
        except NotAuthenticated as error:
            cause = f": {error.__cause__}" if error.__cause__ else ""
            raise CommandError(f"refused: {error.reason}{cause}") from error
        except StoreUnavailable as error:
            raise CommandError(error.message) from error
        self.stdout.write(describe(identity))


def describe(identity: Identity) -> str:
    """Return lines on who it is and how long the credential is good for."""
    principal = identity.principal
    lines = [f"{principal.username} (id {principal.id}), {principal.email or 'no e-mail'}"]
    if identity.key is not None:
        lines.append(
            f"by API key {identity.key.name!r} (id {identity.key.id}), scopes "
            f"{', '.join(sorted(identity.key.scopes))}"
        )
        lines.append(f"expires {_moment(identity.key.expires_at)}")
    elif identity.authenticated_at is not None:
        lines.append(f"by session, last proved who they are {_moment(identity.authenticated_at)}")
    roles = [
        name
        for name, is_ in (("staff", principal.is_staff), ("superuser", principal.is_superuser))
        if is_
    ]
    lines.append(
        f"{', '.join(roles) or 'no staff'}; permissions: "
        f"{', '.join(sorted(principal.permissions)) or 'none'}"
    )
    return "\n".join(lines)


def _moment(seconds: int) -> str:
    hours = (seconds - time.time()) / 3_600
    amount = f"{abs(hours):.1f} hours" if abs(hours) < 48 else f"{abs(hours) / 24:.0f} days"
    return (
        f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%SZ} "
        f"({f'{amount} ago' if hours < 0 else f'in {amount}'})"
    )
