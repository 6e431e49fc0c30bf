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
        from django_site.principals import checks, publish, rebuild, signals
        from django_site.publishing.background import run_beside_requests
        from django_site.publishing.presence import on_arrival
        from django_site.publishing.rebuild import EntryKind
        from django_site.publishing.rebuild import register as register_kind
        from django_site.publishing.reconciler import Reconciler

        signals.connect()
        register_kind(
            EntryKind(
                name="people",
                rebuild=rebuild.rebuild_people,
                reconcile=rebuild.reconcile_people,
                publish_overdue=publish.publish_overdue,
            )
        )
        on_arrival(publish.welcome, publish_anew=publish.welcome_anew)
        run_beside_requests(Reconciler)
        register(checks.check_settings)
        register(checks.check_user_model)
