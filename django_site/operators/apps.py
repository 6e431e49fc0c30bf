"""The app of operators: their pages, and the record in the admin. It keeps nothing itself."""

from django.apps import AppConfig


class OperatorsConfig(AppConfig):
    """Django's handle on this app: its page in the admin."""

    name = "django_site.operators"
    label = "gatehouse_operators"
    verbose_name = "Operators"
