"""The app of API keys: the rows, the page that makes them,
and what publishes them for the API's gate."""

from django.apps import AppConfig


class KeysConfig(AppConfig):
    """Gatehouse's API keys. Works with any user model."""

    name = "django_site.keys"
    label = "gatehouse_keys"
    verbose_name = "API keys"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Listen to every change of a key."""
        from django_site.keys.signals import connect

        connect()
