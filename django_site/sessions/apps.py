"""The session app: no table; it names the engine's commands and checks."""

from django.apps import AppConfig


class SessionsConfig(AppConfig):
    """Gatehouse's session engine."""

    name = "django_site.sessions"
    label = "gatehouse_sessions"
    verbose_name = "Gatehouse sessions"
