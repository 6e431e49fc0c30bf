"""The app of API keys: the rows, the page that makes them,
and what publishes them for the API's gate."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class KeysConfig(AppConfig):
    """Gatehouse's API keys. Works with any user model."""

    name = "django_site.keys"
    label = "gatehouse_keys"
    verbose_name = _("API keys")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Listen to every change of a key, and let all keys be rebuilt."""
        from django_site.keys import signals
        from django_site.keys.networks import NewsTeller
        from django_site.keys.passwords import outdated
        from django_site.publishing.background import run_beside_requests
        from django_site.publishing.rebuild import EntryKind, register

        signals.connect()
        register(EntryKind(name="keys", rebuild=outdated.rebuild, reconcile=outdated.reconcile))
        run_beside_requests(NewsTeller)
