"""The app of work: pages on which people start jobs and follow them, and the mails about ends."""

from django.apps import AppConfig


class WorkConfig(AppConfig):
    """Django's handle on this app: its tables and template tags."""

    name = "django_site.work"
    label = "work"
    verbose_name = "Work"

    def ready(self) -> None:
        """Let one server process send the mails that people asked for."""
        from django_site.publishing.background import run_beside_requests
        from django_site.work.end_mail.sending import EndMailSender

        run_beside_requests(EndMailSender)
