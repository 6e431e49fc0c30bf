"""The principal app: no table; it publishes who people are whenever that changes."""

from django.apps import AppConfig


class PrincipalsConfig(AppConfig):
    """Gatehouse's principals. Works with any user model that extends AbstractBaseUser and PermissionsMixin."""

    name = "django_site.principals"
    label = "gatehouse_principals"
    verbose_name = "Gatehouse principals"

    def ready(self) -> None:
        """Listen to every change that matters."""
        from django_site.principals import signals

        signals.connect()
