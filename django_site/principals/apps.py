"""The principal app: no table, one permission;
it publishes who people are whenever that changes."""

from django.apps import AppConfig
from django.core.checks import register


class PrincipalsConfig(AppConfig):
    """Gatehouse's principals. Works with any user model that extends AbstractBaseUser."""

    name = "django_site.principals"
    label = "gatehouse_principals"
    verbose_name = "Gatehouse principals"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Listen to every change that matters, and let ``manage.py check`` look at the site's
        settings."""
        from django_site.principals import checks, signals

        signals.connect()
        register(checks.check_settings)
        register(checks.check_user_model)
