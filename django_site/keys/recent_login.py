"""Whether a person proved recently who they are:
by the same rule as the API's ``recent_login_required``."""

import time

from allauth.account import app_settings
from django.http import HttpRequest

from shared.contract.session import SessionRecord


def max_age_s() -> int:
    """Return how long a proof counts as recent, in seconds:
    django-allauth's ACCOUNT_REAUTHENTICATION_TIMEOUT."""
    return int(app_settings.REAUTHENTICATION_TIMEOUT)


def is_recent(request: HttpRequest) -> bool:
    """Tell whether the log-in, or the last time the person confirmed who they are, is recent.

    Unlike django-allauth's own check a log-in counts:
    the command-line client comes straight from there.
    """
    session = request.session
    began_at = getattr(session, "created_at", None) or 0
    record = SessionRecord(data=dict(session.items()), created_at=began_at, expires_at=0)
    return time.time() - record.authenticated_at < max_age_s()
