"""The app of people: the user model, the pages around log-in, the admin."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AccountsConfig(AppConfig):
    """Django's handle on this app."""

    name = "django_site.accounts"
    label = "accounts"
    verbose_name = _("People")

    def ready(self) -> None:
        """Listen to what django-allauth announces, and let each server process send mail."""
        from django_site.accounts import signals
        from django_site.mail_sender import MailSender
        from django_site.publishing.background import run_beside_requests

        signals.connect()
        run_beside_requests(MailSender)
