"""The app of the outbox: its table, its page in the admin, and the relay beside the requests."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class SubmittingConfig(AppConfig):
    """Django's handle on the outbox."""

    name = "django_site.submitting"
    label = "gatehouse_submitting"
    verbose_name = _("Gatehouse outbox")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Let one server process relay what waits."""
        from django_site.publishing.background import run_beside_requests
        from django_site.submitting.relay_thread import Relay

        run_beside_requests(Relay)
